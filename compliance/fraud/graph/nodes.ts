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

/** A node between the one used next before it and the one used next after it. */
interface Place<Node> {
  readonly key: number
  readonly node: Node
  before: Place<Node> | null
  after: Place<Node> | null
}

/**
 * A map of at most so many: what was used longest ago goes first. Their order is a list of its own: the first key of a Map is found by
 * a walk over all that were deleted before it.
 */
export class RecentNodes<Node> {
  readonly #limit: number
  readonly #onForgotten: (node: Node) => void
  readonly #nodes = new Map<number, Place<Node>>()
  #oldest: Place<Node> | null = null
  #newest: Place<Node> | null = null

  constructor(limit: number, onForgotten: (node: Node) => void = () => {}) {
    this.#limit = limit
    this.#onForgotten = onForgotten
  }

  get size(): number {
    return this.#nodes.size
  }

  peek(key: number): Node | undefined {
    return this.#nodes.get(key)?.node
  }

  /** Finds a node, or makes it; either way it is now the one used last. */
  use(key: number, make: (key: number) => Node): Node {
    let place = this.#nodes.get(key)
    if (place === undefined) {
      if (this.#nodes.size >= this.#limit) this.forget(this.#oldest!.key)
      place = { key, node: make(key), before: null, after: null }
      this.#nodes.set(key, place)
    } else {
      if (place === this.#newest) return place.node
      this.#unlink(place)
    }
    place.before = this.#newest
    place.after = null
    if (this.#newest === null) this.#oldest = place
    else this.#newest.after = place
    this.#newest = place
    return place.node
  }

  forget(key: number): void {
    const place = this.#nodes.get(key)
    if (place === undefined) return
    this.#nodes.delete(key)
    this.#unlink(place)
    this.#onForgotten(place.node)
  }

  #unlink({ before, after }: Place<Node>): void {
    if (before === null) this.#oldest = after
    else before.after = after
    if (after === null) this.#newest = before
    else after.before = before
  }
}
