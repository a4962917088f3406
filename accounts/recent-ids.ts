/**
 * Remembers at least the last `capacity` ids it was given, at most twice as many: two generations, the older dropped whole.
 * What a receiver of messages that may come twice needs, without a set that grows with every call ever settled.
 */
export class RecentIds {
  readonly #capacity: number
  #young = new Set<string>()
  #old = new Set<string>()

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  /** False when it was already known. */
  add(id: string): boolean {
    if (this.#young.has(id) || this.#old.has(id)) return false
    if (this.#young.size >= this.#capacity) {
      this.#old = this.#young
      this.#young = new Set()
    }
    this.#young.add(id)
    return true
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }
}
