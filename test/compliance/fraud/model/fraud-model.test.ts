import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { FEATURE_NAMES } from '../../../../compliance/fraud/features/feature-names.ts'
import { FraudModel } from '../../../../compliance/fraud/model/fraud-model.ts'
import { readModelFile, type FraudModelFile } from '../../../../compliance/fraud/model/model-file.ts'

interface TrainerPredictions {
  readonly features: readonly string[]
  /** Null: not a number. */
  readonly vectors: readonly (readonly (number | null)[])[]
  readonly margins: readonly number[]
  readonly probabilities: readonly number[]
  readonly scores: readonly number[]
}

/** One tree of two nodes: x ≤ 1 → −2; else y ≤ 5 → 1, else 3. */
const SMALL: FraudModelFile = {
  madeOf: { lightgbm: 'none', seed: 1, scenarios: 'none', calls: 4 },
  features: ['x', 'y'],
  trees: {
    roots: [0],
    feature: [0, 1],
    threshold: [1, 5],
    left: [~0, ~1],
    right: [1, ~2],
    mean: [0, 2],
    leaf: [-2, 1, 3],
  },
  calibration: { margins: [-2, 0, 2, 4], scores: [0, 0.3, 0.8, 1] },
}

describe('fraud model', () => {
  it('reaches what the trainer predicts for each of its samples, bit by bit', () => {
    const path = join(import.meta.dirname, 'trainer-predictions.json')
    const samples = JSON.parse(readFileSync(path, 'utf8')) as TrainerPredictions
    const model = new FraudModel(readModelFile(), samples.features)
    assert.ok(samples.vectors.length >= 300)
    assert.ok(new Set(samples.margins).size > 200, 'they are not all alike')
    for (const [index, values] of samples.vectors.entries()) {
      const vector = Float64Array.from(values, (value) => value ?? NaN)
      assert.equal(model.margin(vector), samples.margins[index], `the margin of sample ${index}`)
      const probability = 1 / (1 + Math.exp(-model.margin(vector)))
      assert.ok(Math.abs(probability - samples.probabilities[index]!) < 1e-12)
      assert.ok(Math.abs(model.score(vector) - samples.scores[index]!) < 1e-12, `the score of sample ${index}`)
      const sum = model.contributions(vector).reduce((total, each) => total + each, model.bias)
      assert.ok(Math.abs(sum - samples.margins[index]!) < 1e-9, `the contributions of sample ${index}`)
    }
  })

  it('finds its features by name wherever they stand', () => {
    const model = new FraudModel(SMALL, ['new', 'y', 'x'])
    assert.equal(model.margin(Float64Array.of(99, 6, 2)), 3)
    assert.equal(model.margin(Float64Array.of(99, 6, 1)), -2)
    assert.throws(() => new FraudModel(SMALL, ['x']), /trained on y, which is no feature any more/)
    assert.doesNotThrow(() => new FraudModel(readModelFile(), FEATURE_NAMES))
  })

  it('lays what changes at a node to that node’s feature', () => {
    const model = new FraudModel(SMALL, ['x', 'y', 'z'])
    assert.deepEqual([...model.contributions(Float64Array.of(2, 6, 7))], [2, 1, 0])
    assert.deepEqual([...model.contributions(Float64Array.of(0, 6, 7))], [-2, 0, 0])
    assert.equal(model.bias, 0)
  })

  it('makes a score of the margin along the calibration, and keeps it from 0 to 1', () => {
    const model = new FraudModel(SMALL, ['x', 'y'])
    const scores = [-9, -2, -1, 0, 1, 2, 3, 4, 99].map((margin) => model.calibrate(margin))
    assert.deepEqual(
      scores.map((score) => Math.round(score * 1e6) / 1e6),
      [0, 0, 0.15, 0.3, 0.55, 0.8, 0.9, 1, 1],
    )
  })

  it('refuses a damaged file when it is built', () => {
    const { trees, calibration } = SMALL
    const damaged: readonly [Partial<FraudModelFile>, RegExp][] = [
      [{ trees: { ...trees, threshold: [1] } }, /not everything of each node/],
      [{ trees: { ...trees, left: [0, ~1] } }, /node 0 of the fraud model leads nowhere/],
      [{ trees: { ...trees, right: [1, ~3] } }, /node 1 of the fraud model leads nowhere/],
      [{ trees: { ...trees, leaf: [-2, NaN, 3] } }, /no number/],
      [{ trees: { ...trees, roots: [] } }, /no trees/],
      [{ trees: { ...trees, roots: [2] } }, /a root/],
      [{ trees: { ...trees, feature: [0, 2] } }, /does not name/],
      [{ calibration: { margins: [0, 0, 1], scores: [0, 0.5, 1] } }, /does not rise/],
      [{ calibration: { ...calibration, scores: [0, 0.3, 0.8, 1.5] } }, /not from 0 to 1/],
    ]
    for (const [change, message] of damaged) {
      assert.throws(() => new FraudModel({ ...SMALL, ...change }, ['x', 'y']), message)
    }
  })
})
