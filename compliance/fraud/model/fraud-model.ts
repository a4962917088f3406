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
  /** Of each tree; then as many leaves of 0 as make their number a multiple of four. */
  readonly #roots: Int32Array
  /** Steps from a root to the farthest leaf. */
  readonly #depth: number
  /** Nodes, and from this place on leaves, which lead to themselves: every tree may be walked as many steps. */
  readonly #firstLeaf: number
  /** Where the feature of each node stands in the vector. */
  readonly #place: Uint16Array
  readonly #threshold: Float64Array
  /** Two to a node, at most the threshold and above it. */
  readonly #children: Int32Array
  /** Of a leaf what it adds, of a node the mean margin of the training calls that came by it. */
  readonly #value: Float64Array
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
    const nodes = trees.feature.length
    const leaves = trees.leaf.length
    const at = (child: number) => (child < 0 ? nodes + ~child : child)
    const none = nodes + leaves
    this.#firstLeaf = nodes
    this.#roots = new Int32Array(Math.ceil(trees.roots.length / 4) * 4).fill(none)
    this.#roots.set(trees.roots.map(at))
    this.#place = new Uint16Array(none + 1)
    this.#place.set(trees.feature.map((index) => places[index]!))
    this.#threshold = new Float64Array(none + 1).fill(Infinity)
    this.#threshold.set(trees.threshold)
    this.#children = Int32Array.from({ length: 2 * (none + 1) }, (_, side) => side >> 1)
    this.#children.set(trees.left.flatMap((left, node) => [at(left), at(trees.right[node]!)]))
    this.#value = Float64Array.from([...trees.mean, ...trees.leaf, 0])
    const depths = new Uint16Array(none + 1)
    // A node is before its children.
    for (let node = nodes - 1; node >= 0; node--)
      depths[node] = 1 + Math.max(depths[this.#children[2 * node]!]!, depths[this.#children[2 * node + 1]!]!)
    this.#depth = Math.max(...this.#roots.map((root) => depths[root]!))
    this.#contributions = new Float64Array(names.length)
    this.bias = this.#roots.reduce((sum, root) => sum + this.#value[root]!, 0)
  }

  /** How likely it is that the call is fraud, from 0 to 1. Allocates nothing. */
  score(features: Float64Array): number {
    return this.calibrate(this.margin(features))
  }

  /**
   * The sum of the trees in log odds, in the order the trainer adds them up: the same to the last bit. Four trees are walked side by side and all to the
   * same depth, so that no step waits for another tree's, and none is a branch to be guessed wrong: half the time of one after the other.
   */
  margin(features: Float64Array): number {
    const known = numbersOf(features)
    const roots = this.#roots
    const place = this.#place
    const threshold = this.#threshold
    const children = this.#children
    const value = this.#value
    const depth = this.#depth
    let sum = 0
    for (let tree = 0; tree < roots.length; tree += 4) {
      let a = roots[tree]!
      let b = roots[tree + 1]!
      let c = roots[tree + 2]!
      let d = roots[tree + 3]!
      for (let step = 0; step < depth; step++) {
        a = children[2 * a + Number(known[place[a]!]! > threshold[a]!)]!
        b = children[2 * b + Number(known[place[b]!]! > threshold[b]!)]!
        c = children[2 * c + Number(known[place[c]!]! > threshold[c]!)]!
        d = children[2 * d + Number(known[place[d]!]! > threshold[d]!)]!
      }
      sum += value[a]!
      sum += value[b]!
      sum += value[c]!
      sum += value[d]!
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
    const known = numbersOf(features)
    for (const root of this.#roots) {
      let node = root
      while (node < this.#firstLeaf) {
        const place = this.#place[node]!
        const next = this.#children[2 * node + Number(known[place]! > this.#threshold[node]!)]!
        contributions[place]! += this.#value[next]! - this.#value[node]!
        node = next
      }
    }
    return contributions
  }
}

/** What is no number counts as 0, as with the trainer; nearly never is one of them none. */
function numbersOf(features: Float64Array): Float64Array {
  for (let at = 0; at < features.length; at++)
    if (Number.isNaN(features[at]!)) return features.map((value) => (Number.isNaN(value) ? 0 : value))
  return features
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
