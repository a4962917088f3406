/** A small memory of answers that may be a little old: at most `max` of them, each for `ttlMs`; the oldest make room. */
export class Recent<V> {
  readonly #entries = new Map<string, { value: V; until: number }>()
  readonly #max: number
  readonly #ttlMs: number
  readonly #now: () => number

  constructor(max: number, ttlMs: number, now: () => number) {
    this.#max = max
    this.#ttlMs = ttlMs
    this.#now = now
  }

  get(key: string): V | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    if (entry.until > this.#now()) return entry.value
    this.#entries.delete(key)
    return undefined
  }

  set(key: string, value: V, until = this.#now() + this.#ttlMs): void {
    this.#entries.delete(key)
    if (this.#entries.size >= this.#max) {
      const oldest = this.#entries.keys().next()
      if (!oldest.done) this.#entries.delete(oldest.value)
    }
    this.#entries.set(key, { value, until })
  }

  delete(key: string): void {
    this.#entries.delete(key)
  }

  clear(): void {
    this.#entries.clear()
  }
}
