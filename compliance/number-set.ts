import type { PhoneNumber } from '../model/phone-number.ts'
import { areaOf, isNorthAmerican, localOf } from '../model/suppression-list.ts'

/** Numbers of one area code: 8,000,000 are possible, and a bit each is 1.25 MB (the local part runs to 9,999,999). */
const LOCAL_NUMBERS = 10_000_000
const BITMAP_WORDS = LOCAL_NUMBERS / 32
/** Above so many slots a hash table is larger than the bitmap. */
const MOST_SLOTS = 1 << 18
const FIRST_SLOTS = 16

/**
 * A set of telephone numbers, made for millions: one small table for each area code, a hash table of 4-byte slots while it is
 * sparse (8 to 16 bytes a number), a bitmap once it is dense (never more than 1.25 MB; the whole country is under half a
 * gigabyte). Asking costs some tens of nanoseconds and allocates nothing. Foreign numbers, which are few, are kept as texts.
 */
export class NumberSet {
  readonly #areas: (AreaSet | undefined)[] = Array.from({ length: 1000 }, () => undefined)
  readonly #foreign = new Set<string>()
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Bytes of the tables, foreign numbers estimated. */
  get bytes(): number {
    return this.#areas.reduce((sum, area) => sum + (area?.bytes ?? 0), 0) + this.#foreign.size * 64
  }

  has(number: PhoneNumber): boolean {
    if (!isNorthAmerican(number)) return this.#foreign.size > 0 && this.#foreign.has(number)
    const area = this.#areas[areaOf(number)]
    return area !== undefined && area.has(localOf(number))
  }

  /** True when it was not there before. */
  add(number: PhoneNumber): boolean {
    let added: boolean
    if (isNorthAmerican(number)) {
      added = (this.#areas[areaOf(number)] ??= new AreaSet()).add(localOf(number))
    } else {
      added = !this.#foreign.has(number)
      this.#foreign.add(number)
    }
    if (added) this.#size++
    return added
  }

  /** True when it was there. */
  delete(number: PhoneNumber): boolean {
    const deleted = isNorthAmerican(number)
      ? (this.#areas[areaOf(number)]?.delete(localOf(number)) ?? false)
      : this.#foreign.delete(number)
    if (deleted) this.#size--
    return deleted
  }
}

/** Local numbers (0 to 9,999,999) of one area code. A slot holds the number plus one; 0 is empty. */
class AreaSet {
  #slots: Uint32Array | null = new Uint32Array(FIRST_SLOTS)
  #bits: Uint32Array | null = null
  #count = 0

  get bytes(): number {
    return (this.#slots ?? this.#bits!).byteLength
  }

  has(local: number): boolean {
    if (this.#bits) return (this.#bits[local >>> 5]! & (1 << (local & 31))) !== 0
    return this.#slots![this.#find(local)] !== 0
  }

  add(local: number): boolean {
    if (this.has(local)) return false
    if (this.#bits) this.#bits[local >>> 5]! |= 1 << (local & 31)
    else {
      if ((this.#count + 1) * 2 > this.#slots!.length) this.#grow()
      // Growing may have turned the table into a bitmap.
      if (this.#bits) return this.add(local)
      this.#slots![this.#find(local)] = local + 1
    }
    this.#count++
    return true
  }

  delete(local: number): boolean {
    if (!this.has(local)) return false
    this.#count--
    if (this.#bits) {
      this.#bits[local >>> 5]! &= ~(1 << (local & 31))
      return true
    }
    this.#close(this.#find(local))
    return true
  }

  /** The slot that holds the number, or the empty one where it belongs (linear probing). */
  #find(local: number): number {
    const slots = this.#slots!
    const mask = slots.length - 1
    let at = hash(local) & mask
    while (slots[at] !== 0 && slots[at] !== local + 1) at = (at + 1) & mask
    return at
  }

  /** Empties a slot and moves back those behind it that would no longer be found (Knuth, vol. 3, §6.4, algorithm R). */
  #close(hole: number): void {
    const slots = this.#slots!
    const mask = slots.length - 1
    slots[hole] = 0
    for (let at = (hole + 1) & mask; slots[at] !== 0; at = (at + 1) & mask) {
      const home = hash(slots[at]! - 1) & mask
      if (((at - home) & mask) >= ((at - hole) & mask)) {
        slots[hole] = slots[at]!
        slots[at] = 0
        hole = at
      }
    }
  }

  #grow(): void {
    const old = this.#slots!
    if (old.length * 2 > MOST_SLOTS) {
      const bits = new Uint32Array(BITMAP_WORDS)
      for (const slot of old) if (slot !== 0) bits[(slot - 1) >>> 5]! |= 1 << ((slot - 1) & 31)
      this.#bits = bits
      this.#slots = null
      return
    }
    this.#slots = new Uint32Array(old.length * 2)
    for (const slot of old) if (slot !== 0) this.#slots[this.#find(slot - 1)] = slot
  }
}

/** Spreads neighbouring numbers over the table: lists come sorted. */
function hash(local: number): number {
  const mixed = Math.imul(local ^ (local >>> 15), 0x2c1b3c6d)
  return (mixed ^ (mixed >>> 13)) >>> 0
}
