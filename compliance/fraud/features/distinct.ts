import { mixNumber } from './hash.ts'

/** 2 to the minus `rank`, which no call of Math.pow can be as fast as. */
const HALVINGS = Float64Array.from({ length: 34 }, (_, rank) => 2 ** -rank)

export interface DistinctOptions {
  readonly slots: number
  /** A power of two: the error is about 1.04 divided by its root (64: 13 %), and nearly none while there are few. */
  readonly registers: number
  /** Counted are the last whole half, and what has run of this one. */
  readonly halfMs: number
}

/**
 * How many different keys came of late, for each of so many slots, by HyperLogLog (Flajolet and others, 2007; small counts by linear
 * counting). Two sketches a slot take turns, and what is counted is in either; their union's sum is kept up to date, so that counting
 * is no walk over registers.
 */
export class Distinct {
  readonly #registers: number
  readonly #shift: number
  readonly #scale: number
  readonly #halfMs: number
  readonly #sketches: Uint8Array
  /** The running half; of the union, the sum of 2 to the minus each register, and how many are empty. */
  readonly #halves: Float64Array
  readonly #sums: Float64Array
  readonly #empty: Uint16Array
  /** How many keys came in each half, the same ones counted again. */
  readonly #added: Float32Array

  constructor({ slots, registers, halfMs }: DistinctOptions) {
    this.#registers = registers
    this.#shift = 32 - Math.log2(registers)
    this.#scale = (registers <= 16 ? 0.673 : registers <= 32 ? 0.697 : 0.709) * registers * registers
    this.#halfMs = halfMs
    this.#sketches = new Uint8Array(slots * registers * 2)
    this.#halves = new Float64Array(slots)
    this.#sums = new Float64Array(slots).fill(registers)
    this.#empty = new Uint16Array(slots).fill(registers)
    this.#added = new Float32Array(slots * 2)
  }

  clear(slot: number): void {
    // All of this is done for each new caller: most have nothing to be cleared in a place nobody had before.
    if (this.#empty[slot] !== this.#registers) {
      this.#clearHalf(slot, 0)
      this.#clearHalf(slot, 1)
    }
    this.#halves[slot] = 0
    this.#sums[slot] = this.#registers
    this.#empty[slot] = this.#registers
  }

  add(slot: number, key: number, atMs: number): void {
    this.#roll(slot, atMs)
    const half = this.#halves[slot]! % 2
    const bits = mixNumber(key)
    // The first bits choose the register; it remembers the most leading zeros of the others.
    const register = bits >>> this.#shift
    const rank = Math.min(Math.clz32(bits << (32 - this.#shift)), this.#shift) + 1
    const at = (slot * 2 + half) * this.#registers + register
    this.#added[slot * 2 + half]!++
    if (rank <= this.#sketches[at]!) return
    const other = this.#sketches[(slot * 2 + 1 - half) * this.#registers + register]!
    const before = Math.max(this.#sketches[at]!, other)
    this.#sketches[at] = rank
    if (rank <= before) return
    if (before === 0) this.#empty[slot]!--
    this.#sums[slot]! += HALVINGS[rank]! - HALVINGS[before]!
  }

  count(slot: number, atMs: number): number {
    this.#roll(slot, atMs)
    const estimate = this.#scale / this.#sums[slot]!
    const empty = this.#empty[slot]!
    return estimate <= 2.5 * this.#registers && empty > 0
      ? this.#registers * Math.log(this.#registers / empty)
      : estimate
  }

  /** Keys that came in the same time, each time they came. */
  added(slot: number): number {
    return this.#added[slot * 2]! + this.#added[slot * 2 + 1]!
  }

  #roll(slot: number, atMs: number): void {
    const now = Math.floor(atMs / this.#halfMs)
    const before = this.#halves[slot]!
    if (now <= before) return
    this.#halves[slot] = now
    // Nothing is counted in either half: of each caller's first call that is so.
    if (this.#empty[slot] === this.#registers) return
    this.#clearHalf(slot, now % 2)
    if (now > before + 1) this.#clearHalf(slot, 1 - (now % 2))
    const first = slot * 2 * this.#registers
    let sum = 0
    let empty = 0
    for (let i = first; i < first + this.#registers; i++) {
      const rank = Math.max(this.#sketches[i]!, this.#sketches[i + this.#registers]!)
      if (rank === 0) empty++
      sum += HALVINGS[rank]!
    }
    this.#sums[slot] = sum
    this.#empty[slot] = empty
  }

  #clearHalf(slot: number, half: number): void {
    const first = (slot * 2 + half) * this.#registers
    this.#sketches.fill(0, first, first + this.#registers)
    this.#added[slot * 2 + half] = 0
  }
}
