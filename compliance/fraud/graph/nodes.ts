import { systemRandom } from '../../../model/random.ts'
import { mixNumber } from '../features/hash.ts'
import type { RingMember } from './caller-ring.ts'

/** A caller with what it reached lately. */
export interface CallerNode extends RingMember {
  lastMs: number
  readonly numbers: NumberNode[]
  readonly sellers: SellerNode[]
  readonly targets: number[]
  /** Forgotten: a number's list may still hold it. */
  isGone: boolean
  /** Scratch of one search: which it was counted in, and how often. */
  countedIn: number
  counted: number
}

/** A number with those who called it last, the oldest overwritten. */
export interface NumberNode {
  readonly callers: CallerNode[]
  next: number
}

/** A seller with how many callers it had, in this window and the one before, and which of them others had too. */
export interface SellerNode {
  readonly id: number
  windowStart: number
  callers: number
  callersBefore: number
  shared: Map<number, number>
  sharedBefore: Map<number, number>
}

/** No place: the end of a chain or of the order. */
const NONE = -1

/**
 * A map of at most so many, which are numbers other than 0: what was used longest ago goes first. Chains of places in arrays that never grow: a Map of
 * 50,000 that forgets as much as it learns is made anew from time to time, which keeps one call in some ten thousand waiting for
 * milliseconds, and the first of its keys is found by a walk over all that were deleted before it.
 */
export class RecentNodes<Node> {
  readonly #limit: number
  /** Which keys share a chain is nobody's to know: whoever chose its numbers by that would have all of it walked for each of its calls. */
  readonly #low: number
  readonly #high: number
  readonly #onForgotten: (node: Node) => void
  readonly #nodes: (Node | null)[] = []
  readonly #keys: Float64Array
  /** The first place of each chain, and the next of the same chain. */
  readonly #heads: Int32Array
  readonly #next: Int32Array
  /** In the order of use. */
  readonly #before: Int32Array
  readonly #after: Int32Array
  #oldest = NONE
  #newest = NONE
  /** Places that were left, a chain by `next`. */
  #left = NONE
  #size = 0

  constructor(limit: number, onForgotten: (node: Node) => void = () => {}) {
    this.#limit = limit
    this.#onForgotten = onForgotten
    const secret = Buffer.from(systemRandom.bytes(8))
    this.#low = secret.readInt32LE(0) | 1
    this.#high = secret.readInt32LE(4) | 1
    let chains = 1
    while (chains < limit) chains *= 2
    this.#keys = new Float64Array(limit)
    this.#heads = new Int32Array(chains).fill(NONE)
    this.#next = new Int32Array(limit)
    this.#before = new Int32Array(limit)
    this.#after = new Int32Array(limit)
  }

  get size(): number {
    return this.#size
  }

  peek(key: number): Node | undefined {
    const place = this.#find(key)
    return place === NONE ? undefined : this.#nodes[place]!
  }

  /** Finds a node, or makes it; either way it is now the one used last. */
  use(key: number, make: (key: number) => Node): Node {
    let place = this.#find(key)
    if (place === NONE) {
      if (this.#size === this.#limit) this.forget(this.#keys[this.#oldest]!)
      place = this.#takePlace()
      this.#keys[place] = key
      this.#nodes[place] = make(key)
      const chain = this.#chainOf(key)
      this.#next[place] = this.#heads[chain]!
      this.#heads[chain] = place
    } else {
      if (place === this.#newest) return this.#nodes[place]!
      this.#unlink(place)
    }
    this.#before[place] = this.#newest
    this.#after[place] = NONE
    if (this.#newest === NONE) this.#oldest = place
    else this.#after[this.#newest] = place
    this.#newest = place
    return this.#nodes[place]!
  }

  forget(key: number): void {
    const place = this.#find(key)
    if (place === NONE) return
    const node = this.#nodes[place]!
    const chain = this.#chainOf(key)
    if (this.#heads[chain] === place) this.#heads[chain] = this.#next[place]!
    else {
      let before = this.#heads[chain]!
      while (this.#next[before] !== place) before = this.#next[before]!
      this.#next[before] = this.#next[place]!
    }
    this.#unlink(place)
    this.#nodes[place] = null
    this.#next[place] = this.#left
    this.#left = place
    this.#size--
    this.#onForgotten(node)
  }

  #takePlace(): number {
    const place = this.#left
    // Without one that was left all up to the size are in use, and those from there on were never used.
    if (place === NONE) return this.#size++
    this.#left = this.#next[place]!
    this.#size++
    return place
  }

  #find(key: number): number {
    let place = this.#heads[this.#chainOf(key)]!
    while (place !== NONE && this.#keys[place] !== key) place = this.#next[place]!
    return place
  }

  #chainOf(key: number): number {
    const mixed = Math.imul(key | 0, this.#low) + Math.imul((key / 0x1_0000_0000) | 0, this.#high)
    return mixNumber(mixed) & (this.#heads.length - 1)
  }

  #unlink(place: number): void {
    const before = this.#before[place]!
    const after = this.#after[place]!
    if (before === NONE) this.#oldest = after
    else this.#after[before] = after
    if (after === NONE) this.#newest = before
    else this.#before[after] = before
  }
}
