/** Answers remembered. */
const WINDOW = 50
/** Before so many it has the whole time. */
const FEWEST = 10
/** It is waited for so many times its 95th percentile: the auction does not stand still for one answer in a hundred. */
const FACTOR = 3
/** Nobody is given up on sooner: a garbage collection here or there takes as long. */
const LEAST_MS = 25

/**
 * How long a bidder is waited for: three times the 95th percentile of its latest answers, no less than 25 ms and no more than its own limit.
 * An answer that was not waited for counts as twice the wait, so that one that has become slower gets its time back.
 */
export class Patience {
  readonly #latest: number[] = []
  #next = 0
  #p95: number | null = null

  /** Null before the first answer. */
  get p95Ms(): number | null {
    return this.#p95
  }

  waitMs(mostMs: number): number {
    if (this.#latest.length < FEWEST || this.#p95 === null) return mostMs
    return Math.min(mostMs, Math.max(LEAST_MS, Math.ceil(this.#p95 * FACTOR)))
  }

  answered(ms: number): void {
    this.#latest[this.#next] = ms
    this.#next = (this.#next + 1) % WINDOW
    const sorted = this.#latest.toSorted((a, b) => a - b)
    this.#p95 = sorted[Math.ceil(sorted.length * 0.95) - 1]!
  }

  gaveUp(afterMs: number): void {
    this.answered(afterMs * 2)
  }
}
