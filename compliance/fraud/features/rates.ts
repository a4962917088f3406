/** 10 s, 1 min, 1 h, 1 d. */
export const RATE_WINDOWS_MS = [10_000, 60_000, 3_600_000, 86_400_000] as const
/** What it writes, in that order. */
export const RATE_MEASURES = ['calls10s', 'calls1m', 'calls1h', 'calls1d'] as const
const WINDOWS = RATE_WINDOWS_MS.length

/**
 * How many calls came within each window, for each of so many slots. Of every window it keeps the count of the running period and of the
 * one before, and takes of the latter as large a part as the window still covers: exact for an even flow, and never more than both
 * together. Two numbers a window, whatever the rate.
 */
export class Rates {
  readonly #periods: Float64Array
  readonly #counts: Float32Array

  constructor(slots: number) {
    this.#periods = new Float64Array(slots * WINDOWS)
    this.#counts = new Float32Array(slots * WINDOWS * 2)
  }

  clear(slot: number): void {
    this.#periods.fill(0, slot * WINDOWS, (slot + 1) * WINDOWS)
    this.#counts.fill(0, slot * WINDOWS * 2, (slot + 1) * WINDOWS * 2)
  }

  add(slot: number, atMs: number): void {
    for (let window = 0; window < WINDOWS; window++) {
      const at = slot * WINDOWS + window
      this.#roll(at, Math.floor(atMs / RATE_WINDOWS_MS[window]!))
      this.#counts[at * 2]!++
    }
  }

  /** The calls of the last 10 s, minute, hour and day, at four places. */
  write(slot: number, atMs: number, to: Float64Array, from: number): void {
    for (let window = 0; window < WINDOWS; window++) {
      const at = slot * WINDOWS + window
      const periods = atMs / RATE_WINDOWS_MS[window]!
      this.#roll(at, Math.floor(periods))
      to[from + window] = this.#counts[at * 2]! + this.#counts[at * 2 + 1]! * (1 - (periods - Math.floor(periods)))
    }
  }

  /** A clock that was set back counts on in the period it was in. */
  #roll(at: number, period: number): void {
    const before = this.#periods[at]!
    if (period <= before) return
    this.#counts[at * 2 + 1] = period === before + 1 ? this.#counts[at * 2]! : 0
    this.#counts[at * 2] = 0
    this.#periods[at] = period
  }
}
