import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** config/reference/fraud-model.json: what the trainer (config/reference/build/fraud_model.py) writes. */
export interface FraudModelFile {
  readonly madeOf: {
    readonly lightgbm: string
    /** Of the trainer. */
    readonly seed: number
    /** Of the simulated scenarios. */
    readonly scenarios: string
    readonly calls: number
  }
  readonly features: readonly string[]
  readonly trees: {
    /** The first node of each tree; the complement (`~`) of a leaf where a tree is only that. */
    readonly roots: readonly number[]
    /** By node: which of `features`, what goes left at most, and where to. */
    readonly feature: readonly number[]
    readonly threshold: readonly number[]
    readonly left: readonly number[]
    readonly right: readonly number[]
    /** By node: the mean of the leaves below it, each as often as calls fell into it. */
    readonly mean: readonly number[]
    readonly leaf: readonly number[]
  }
  /** A line through these points makes of the margin a score. */
  readonly calibration: { readonly margins: readonly number[]; readonly scores: readonly number[] }
}

const PATH = join(import.meta.dirname, '../../../config/reference/fraud-model.json')

/** Reads the model this release was made with: 20 ms. Throws when the file is missing. */
export function readModelFile(path: string = PATH): FraudModelFile {
  return JSON.parse(readFileSync(path, 'utf8')) as FraudModelFile
}
