/** A binary heap: what is earliest comes out first, and of one instant what went in first. */
export class EarliestFirst<T> {
  readonly #times: number[] = []
  readonly #turns: number[] = []
  readonly #items: T[] = []
  #turn = 0

  get size(): number {
    return this.#items.length
  }

  /** When the first is due; Infinity without one. */
  get nextAt(): number {
    return this.#times[0] ?? Infinity
  }

  put(atMs: number, item: T): void {
    let at = this.#items.length
    this.#set(at, atMs, this.#turn++, item)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#isBefore(at, parent)) return
      this.#swap(at, parent)
      at = parent
    }
  }

  take(): T | undefined {
    const first = this.#items[0]
    const last = this.#items.length - 1
    if (last < 0) return undefined
    this.#swap(0, last)
    this.#items.pop()
    this.#times.pop()
    this.#turns.pop()
    for (let at = 0; ;) {
      const left = 2 * at + 1
      if (left >= last) return first
      const right = left + 1
      const child = right < last && this.#isBefore(right, left) ? right : left
      if (!this.#isBefore(child, at)) return first
      this.#swap(child, at)
      at = child
    }
  }

  #isBefore(a: number, b: number): boolean {
    const earlier = this.#times[a]! - this.#times[b]!
    return earlier < 0 || (earlier === 0 && this.#turns[a]! < this.#turns[b]!)
  }

  #set(at: number, atMs: number, turn: number, item: T): void {
    this.#times[at] = atMs
    this.#turns[at] = turn
    this.#items[at] = item
  }

  #swap(a: number, b: number): void {
    const [time, turn, item] = [this.#times[a]!, this.#turns[a]!, this.#items[a]!]
    this.#set(a, this.#times[b]!, this.#turns[b]!, this.#items[b]!)
    this.#set(b, time, turn, item)
  }
}
