/** Calls and money of one period. */
export interface Tally {
  calls: number
  micros: number
}

/**
 * Calls and money by period (an hour, a day, a month, each named by a growing number): the current one and the one before,
 * since a call that arrived just before midnight is awarded just after it and belongs to the day it came.
 */
export class PeriodCounter {
  #period = -Infinity
  #current: Tally = { calls: 0, micros: 0 }
  #previousPeriod = -Infinity
  #previous: Tally = { calls: 0, micros: 0 }

  /** The tally of a period, to read or to add to. Older ones than the two that are kept are no longer counted by anyone. */
  at(period: number): Tally {
    if (period === this.#period) return this.#current
    if (period === this.#previousPeriod) return this.#previous
    if (period < this.#period) {
      if (period < this.#previousPeriod) return { calls: 0, micros: 0 }
      this.#previousPeriod = period
      this.#previous = { calls: 0, micros: 0 }
      return this.#previous
    }
    this.#previousPeriod = this.#period
    this.#previous = this.#current
    this.#period = period
    this.#current = { calls: 0, micros: 0 }
    return this.#current
  }

  /** The periods that are kept, with what they have. */
  totals(): { period: number; calls: number; micros: number }[] {
    const kept = [
      { period: this.#period, ...this.#current },
      { period: this.#previousPeriod, ...this.#previous },
    ]
    return kept.filter(({ period }) => period !== -Infinity)
  }

  /** The same without starting a new period: what an auction may ask of any instant. */
  peek(period: number): Tally {
    if (period === this.#period) return this.#current
    return period === this.#previousPeriod ? this.#previous : NOTHING
  }
}

const NOTHING: Tally = Object.freeze({ calls: 0, micros: 0 })
