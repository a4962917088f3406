import assert from 'node:assert/strict'
import type { FraudModelFile } from './model-file.ts'

/**
 * Gradient-boosted trees, trained by LightGBM and walked here. The sum of the leaves a call falls into is its margin (log
 * odds); the calibration makes of it a score from 0 to 1 whose 0.3, 0.6 and 0.8 mean what the thresholds for flag, review and
 * block do.
 */
export class FraudModel {
  /** The names it was trained on. */
  readonly featureNames: readonly string[]
  /** The margin of a call of which nothing is known: contributions add up from here. */
  readonly bias: number
  readonly #file: FraudModelFile
  readonly #roots: Int32Array
  /** Where the feature of each node stands in the vector. */
  readonly #place: Uint16Array
  readonly #threshold: Float64Array
  /** Two to a node, at most the threshold and above it: a node, or the complement of a leaf. */
  readonly #children: Int32Array
  readonly #leaf: Float64Array
  /** The mean margin of the training calls that came by each node. */
  readonly #mean: Float64Array
  readonly #contributions: Float64Array

  /** `names` says what stands where in the vectors it will be given. Throws when one it needs is not among them. */
  constructor(file: FraudModelFile, names: readonly string[]) {
    check(file)
    const { features, trees } = file
    const places = features.map((name) => {
      const at = names.indexOf(name)
      assert(at >= 0, `the fraud model was trained on ${name}, which is no feature any more: train it anew`)
      return at
    })
    this.featureNames = features
    this.#file = file
    this.#roots = Int32Array.from(trees.roots)
    this.#place = Uint16Array.from(trees.feature, (index) => places[index]!)
    this.#threshold = Float64Array.from(trees.threshold)
    this.#children = Int32Array.from(trees.left.flatMap((left, node) => [left, trees.right[node]!]))
    this.#leaf = Float64Array.from(trees.leaf)
    this.#mean = Float64Array.from(trees.mean)
    this.#contributions = new Float64Array(names.length)
    this.bias = trees.roots.reduce((sum, root) => sum + this.#valueOf(root), 0)
  }

  /** How likely it is that the call is fraud, from 0 to 1. Allocates nothing. */
  score(features: Float64Array): number {
    return this.calibrate(this.margin(features))
  }

  /** The sum of the trees in log odds, in the order the trainer adds them up: the same to the last bit. */
  margin(features: Float64Array): number {
    let sum = 0
    for (const root of this.#roots) {
      let node = root
      while (node >= 0) node = this.#children[2 * node + this.#side(node, features)]!
      sum += this.#leaf[~node]!
    }
    return sum
  }

  /** A straight line between the knots of the calibration; the ends hold on. */
  calibrate(margin: number): number {
    const { margins, scores } = this.#file.calibration
    let at = 1
    while (at < margins.length - 1 && margin > margins[at]!) at++
    const [from, to] = [margins[at - 1]!, margins[at]!]
    const share = Math.min(1, Math.max(0, (margin - from) / (to - from)))
    return scores[at - 1]! + (scores[at]! - scores[at - 1]!) * share
  }

  /**
   * What each feature adds to the margin or takes from it, at its place in the vector; with `bias` they add up to the margin.
   * Along each call's way through a tree (Saabas, 2014), whatever the mean of the calls changes by at a node is laid to that
   * node's feature: not TreeSHAP, which shares it among all features the way could have asked first and costs a hundred times
   * as much. The array is written over by the next.
   */
  contributions(features: Float64Array): Float64Array {
    const contributions = this.#contributions.fill(0)
    for (const root of this.#roots) {
      let node = root
      let mean = this.#valueOf(node)
      while (node >= 0) {
        const next = this.#children[2 * node + this.#side(node, features)]!
        const nextMean = this.#valueOf(next)
        contributions[this.#place[node]!]! += nextMean - mean
        node = next
        mean = nextMean
      }
    }
    return contributions
  }

  /** 0 at most the threshold, 1 above it. What is no number counts as 0, as with the trainer. */
  #side(node: number, features: Float64Array): 0 | 1 {
    const value = features[this.#place[node]!]!
    return (Number.isNaN(value) ? 0 : value) <= this.#threshold[node]! ? 0 : 1
  }

  #valueOf(node: number): number {
    return node < 0 ? this.#leaf[~node]! : this.#mean[node]!
  }
}

/** A damaged file is found at the start, not at the first call that falls off a tree. */
function check({ features, trees, calibration }: FraudModelFile): void {
  const { roots, feature, threshold, left, right, leaf, mean } = trees
  for (const column of [threshold, left, right, mean]) {
    assert.equal(column.length, feature.length, 'the fraud model says not everything of each node')
  }
  assert(roots.length > 0 && leaf.length > 0, 'the fraud model has no trees')
  assert(
    feature.every((index) => features[index] !== undefined),
    'the fraud model asks for a feature it does not name',
  )
  assert([...threshold, ...leaf, ...mean].every(Number.isFinite), 'the fraud model has a value that is no number')
  // A node is before its children, so that every way ends.
  const leads = (from: number) => (to: number) => (to < 0 ? ~to < leaf.length : to > from && to < feature.length)
  for (const [node] of feature.entries()) {
    assert([left[node]!, right[node]!].every(leads(node)), `node ${node} of the fraud model leads nowhere`)
  }
  assert(roots.every(leads(-1)), 'a root of the fraud model is nowhere')
  const { margins, scores } = calibration
  assert(margins.length >= 2 && margins.length === scores.length, 'the fraud model’s calibration has too few knots')
  const rises = (list: readonly number[]) => list.every((value, at) => at === 0 || value > list[at - 1]!)
  assert(rises(margins) && rises(scores), 'the fraud model’s calibration does not rise')
  assert(scores[0]! >= 0 && scores.at(-1)! <= 1, 'the fraud model’s scores are not from 0 to 1')
}
