import { mixNumber } from './hash.ts'

/** How many keys share a bucket: among so many whoever was used least lately makes room. */
const WAYS = 8

/**
 * Finds a place, from 0 to `capacity`, for each of the keys used of late. It never grows and makes no object: a hash picks a bucket of
 * eight places, and when they are all taken the key that was used least lately loses its own. Keys are whole numbers but 0.
 */
export class SlotTable {
  /** A multiple of eight times a power of two, at least what was asked for. */
  readonly capacity: number
  readonly #mask: number
  readonly #keys: Float64Array
  readonly #usedAtMs: Float64Array
  #size = 0
  #isNew = false
  #evicted = 0

  constructor(capacity: number) {
    let buckets = 1
    while (buckets * WAYS < capacity) buckets *= 2
    this.capacity = buckets * WAYS
    this.#mask = buckets - 1
    this.#keys = new Float64Array(this.capacity)
    this.#usedAtMs = new Float64Array(this.capacity)
  }

  get size(): number {
    return this.#size
  }

  /** Whether the slot that `take` gave last is another key's, or nobody's: whatever is kept there is not of this key. */
  get isNew(): boolean {
    return this.#isNew
  }

  /** The key that lost its place in the last `take`; 0: none did. */
  get evicted(): number {
    return this.#evicted
  }

  /** Where the key is; -1 when it is not known. */
  find(key: number): number {
    if (key === 0) return -1
    const first = (mixNumber(key) & this.#mask) * WAYS
    for (let slot = first; slot < first + WAYS; slot++) if (this.#keys[slot] === key) return slot
    return -1
  }

  /** Where the key is from now on. */
  take(key: number, atMs: number): number {
    const first = (mixNumber(key) & this.#mask) * WAYS
    let oldest = first
    this.#isNew = false
    this.#evicted = 0
    for (let slot = first; slot < first + WAYS; slot++) {
      if (this.#keys[slot] === key) {
        this.#usedAtMs[slot] = atMs
        return slot
      }
      // An empty place was used at 0: before everybody else.
      if (this.#usedAtMs[slot]! < this.#usedAtMs[oldest]!) oldest = slot
    }
    this.#isNew = true
    this.#evicted = this.#keys[oldest]!
    if (this.#evicted === 0) this.#size++
    this.#keys[oldest] = key
    this.#usedAtMs[oldest] = atMs
    return oldest
  }

  /** Those used before then are not known any more; `onRemoved` hears the slot of each. */
  removeBefore(atMs: number, onRemoved: (slot: number) => void): void {
    for (let slot = 0; slot < this.capacity; slot++) {
      if (this.#keys[slot] === 0 || this.#usedAtMs[slot]! >= atMs) continue
      this.remove(this.#keys[slot]!)
      onRemoved(slot)
    }
  }

  /** The key is not known any more; its slot, -1 when it was not. */
  remove(key: number): number {
    const slot = this.find(key)
    if (slot < 0) return -1
    this.#keys[slot] = 0
    this.#usedAtMs[slot] = 0
    this.#size--
    return slot
  }
}
