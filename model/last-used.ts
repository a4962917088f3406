interface Entry<K, V> {
  readonly key: K
  readonly value: V
  older: Entry<K, V> | null
  newer: Entry<K, V> | null
}

/**
 * Values by key, at most so many: past that the one used longest ago goes.
 *
 * A Map does it too, when what is used is deleted and set again. But a small one makes itself a new table every few uses then, and an old
 * table that V8 has not collected yet keeps the next alive: all of them grew old, a kilobyte a call (docs/performance.md).
 */
export class LastUsed<K, V> {
  readonly #entries = new Map<K, Entry<K, V>>()
  readonly #most: number
  readonly #onForget: (value: V) => void
  #oldest: Entry<K, V> | null = null
  #newest: Entry<K, V> | null = null

  constructor(most: number, onForget: (value: V) => void = () => {}) {
    this.#most = most
    this.#onForget = onForget
  }

  get size(): number {
    return this.#entries.size
  }

  /** Without counting as a use. */
  peek(key: K): V | undefined {
    return this.#entries.get(key)?.value
  }

  /** Used now; made when there is none. */
  use(key: K, make: () => V): V {
    const known = this.#entries.get(key)
    if (known !== undefined) {
      if (known !== this.#newest) {
        this.#unlink(known)
        this.#link(known)
      }
      return known.value
    }
    const entry: Entry<K, V> = { key, value: make(), older: null, newer: null }
    this.#entries.set(key, entry)
    this.#link(entry)
    if (this.#entries.size > this.#most) this.#forget(this.#oldest!)
    return entry.value
  }

  #forget(entry: Entry<K, V>): void {
    this.#unlink(entry)
    this.#entries.delete(entry.key)
    this.#onForget(entry.value)
  }

  #link(entry: Entry<K, V>): void {
    entry.older = this.#newest
    if (this.#newest) this.#newest.newer = entry
    this.#newest = entry
    this.#oldest ??= entry
  }

  #unlink(entry: Entry<K, V>): void {
    const { older, newer } = entry
    if (older) older.newer = newer
    else this.#oldest = newer
    if (newer) newer.older = older
    else this.#newest = older
    entry.older = null
    entry.newer = null
  }
}
