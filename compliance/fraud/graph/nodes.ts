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

/** A map of at most so many: what was used longest ago goes first. */
export class RecentNodes<Node> {
  readonly #limit: number
  readonly #onForgotten: (node: Node) => void
  readonly #nodes = new Map<number, Node>()

  constructor(limit: number, onForgotten: (node: Node) => void = () => {}) {
    this.#limit = limit
    this.#onForgotten = onForgotten
  }

  get size(): number {
    return this.#nodes.size
  }

  peek(key: number): Node | undefined {
    return this.#nodes.get(key)
  }

  /** Finds a node, or makes it; either way it is now the one used last. */
  use(key: number, make: (key: number) => Node): Node {
    let node = this.#nodes.get(key)
    if (node !== undefined) {
      this.#nodes.delete(key)
    } else {
      node = make(key)
      if (this.#nodes.size >= this.#limit) this.#forgetOldest()
    }
    this.#nodes.set(key, node)
    return node
  }

  forget(key: number): void {
    const node = this.#nodes.get(key)
    if (node === undefined) return
    this.#nodes.delete(key)
    this.#onForgotten(node)
  }

  #forgetOldest(): void {
    for (const key of this.#nodes.keys()) return this.forget(key)
  }
}
