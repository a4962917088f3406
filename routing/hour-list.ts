import { HOURS_OF_WEEK, type Opening, type WallClock } from './opening.ts'

/** Where a bid is kept, so that it can be taken out again without a search. */
export interface Slot<T> {
  readonly list: HourList<T>
  index: number
}

/** Below this many bids a list is read whole: judging each costs less than a bitmap would. */
const BITMAP_FROM = 32

/**
 * Bids that keep hours in one zone, with a bitmap per hour of the week of those open in any minute of it: the auction reads
 * one row and meets only bids of this hour. Without a clock it is a plain list.
 */
export class HourList<T> {
  readonly #clock: WallClock | null
  readonly #items: T[] = []
  readonly #slots: Slot<T>[] = []
  readonly #openings: (Opening | null)[] = []
  #words = 0
  #bits: Uint32Array | null = null

  constructor(clock: WallClock | null) {
    this.#clock = clock
  }

  get size(): number {
    return this.#items.length
  }

  add(item: T, opening: Opening | null): Slot<T> {
    const index = this.#items.length
    const slot = { list: this, index }
    this.#items.push(item)
    this.#slots.push(slot)
    this.#openings.push(opening)
    if (this.#clock !== null && index >= BITMAP_FROM) {
      if (this.#bits === null || index >= this.#words * 32) this.#grow()
      this.#write(index, opening)
    }
    return slot
  }

  /** The last one takes the place of the one removed. */
  remove(slot: Slot<T>): void {
    const last = this.#items.length - 1
    const { index } = slot
    const item = this.#items.pop()!
    const moved = this.#slots.pop()!
    const opening = this.#openings.pop()!
    if (index !== last) {
      this.#items[index] = item
      this.#slots[index] = moved
      this.#openings[index] = opening
      moved.index = index
      if (this.#bits !== null) this.#write(index, opening)
    }
    if (last === 0) {
      this.#bits = null
      this.#words = 0
    }
  }

  /**
   * Writes every bid that may be open at this instant into `found` from `at` on, and answers where they end; the exact minute is the
   * caller's to judge. Writing over what an earlier auction found there costs less than a list that grows.
   */
  collect(epochMs: number, found: T[], at: number): number {
    const items = this.#items
    if (this.#bits === null) {
      for (let i = 0; i < items.length; i++) found[at++] = items[i]!
      return at
    }
    const row = Math.floor(this.#clock!.minuteAt(epochMs) / 60) * this.#words
    const words = (items.length + 31) >>> 5
    for (let w = 0; w < words; w++) {
      let word = this.#bits[row + w]!
      // Bits past the last item may be left over from removals.
      if (w === words - 1 && (items.length & 31) !== 0) word &= (1 << (items.length & 31)) - 1
      while (word !== 0) {
        const bit = 31 - Math.clz32(word & -word)
        found[at++] = items[w * 32 + bit]!
        word &= word - 1
      }
    }
    return at
  }

  /** Makes the rows longer, and writes in those who came before there were any. */
  #grow(): void {
    const before = this.#bits
    const words = this.#words
    do this.#words = Math.max(2, this.#words * 2)
    while (this.#items.length > this.#words * 32)
    this.#bits = new Uint32Array(HOURS_OF_WEEK * this.#words)
    if (before === null) {
      for (let i = 0; i < this.#items.length; i++) this.#write(i, this.#openings[i]!)
      return
    }
    for (let hour = 0; hour < HOURS_OF_WEEK; hour++) {
      this.#bits.set(before.subarray(hour * words, (hour + 1) * words), hour * this.#words)
    }
  }

  #write(index: number, opening: Opening | null): void {
    const bits = this.#bits!
    const hours = opening?.hours ?? null
    const bit = 1 << (index & 31)
    let at = index >>> 5
    for (let hour = 0; hour < HOURS_OF_WEEK; hour++, at += this.#words) {
      if (hours === null || hours[hour] === 1) bits[at]! |= bit
      else bits[at]! &= ~bit
    }
  }
}
