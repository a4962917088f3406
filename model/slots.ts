/**
 * Values, none of them null, in numbered slots, each given anew when it is free.
 *
 * For what lives about as long as a call, in place of a Map or a Set of it. Those copy their table every so many additions, and V8 leaves
 * in the old one what it held. That table is old garbage by then, which is collected rarely; until then every young collection takes all
 * that it points to for alive, and makes it old, too. At 1,000 calls/s so much of each call grew old (docs/performance.md).
 */
export class Slots<V> {
  readonly #values: (V | null)[] = []
  readonly #free: number[] = []

  get size(): number {
    return this.#values.length - this.#free.length
  }

  /** The slot that holds it from now on, until `free`. */
  add(value: V): number {
    const slot = this.#free.pop()
    if (slot === undefined) return this.#values.push(value) - 1
    this.#values[slot] = value
    return slot
  }

  /** Null: the slot is free. */
  at(slot: number): V | null {
    return this.#values[slot] ?? null
  }

  replace(slot: number, value: V): void {
    this.#values[slot] = value
  }

  /** Nothing happens when another value has the slot by now. */
  free(slot: number, value: V): void {
    if (this.#values[slot] !== value) return
    this.#values[slot] = null
    this.#free.push(slot)
  }

  clear(): void {
    this.#values.length = 0
    this.#free.length = 0
  }

  /** In no order. What is added meanwhile may be missed. */
  *[Symbol.iterator](): IterableIterator<V> {
    for (const value of this.#values) if (value !== null) yield value
  }
}

/** A Map, in the order its keys were first set, whose values are in slots: its table holds nothing but keys. */
export class SlotMap<K, V> {
  readonly #slotOf = new Map<K, number>()
  readonly #slots = new Slots<V>()

  get size(): number {
    return this.#slotOf.size
  }

  has(key: K): boolean {
    return this.#slotOf.has(key)
  }

  get(key: K): V | undefined {
    const slot = this.#slotOf.get(key)
    return slot === undefined ? undefined : this.#slots.at(slot)!
  }

  set(key: K, value: V): this {
    const slot = this.#slotOf.get(key)
    if (slot === undefined) this.#slotOf.set(key, this.#slots.add(value))
    else this.#slots.replace(slot, value)
    return this
  }

  delete(key: K): boolean {
    const slot = this.#slotOf.get(key)
    if (slot === undefined) return false
    this.#slots.free(slot, this.#slots.at(slot)!)
    return this.#slotOf.delete(key)
  }

  clear(): void {
    this.#slotOf.clear()
    this.#slots.clear()
  }

  keys(): MapIterator<K> {
    return this.#slotOf.keys()
  }

  *values(): IterableIterator<V> {
    for (const slot of this.#slotOf.values()) yield this.#slots.at(slot)!
  }

  forEach(visit: (value: V, key: K) => void): void {
    for (const [key, slot] of this.#slotOf) visit(this.#slots.at(slot)!, key)
  }
}
