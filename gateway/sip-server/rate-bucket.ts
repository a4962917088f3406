/** So many at once, and so many a second after that. */
export interface RateLimit {
  readonly perSecond: number
  readonly burst: number
}

/** A token bucket. The limit is handed in with each question, so that a changed one holds at once and costs no memory. */
export class RateBucket {
  #tokens: number
  #filledAtMs: number

  constructor(limit: RateLimit, nowMs: number) {
    this.#tokens = limit.burst
    this.#filledAtMs = nowMs
  }

  /** Whether there is none to take. */
  isEmpty(limit: RateLimit, nowMs: number): boolean {
    return this.#tokens + ((nowMs - this.#filledAtMs) / 1000) * limit.perSecond < 1
  }

  /** How long until there are so many to take, ms. */
  msUntil(tokens: number, limit: RateLimit, nowMs: number): number {
    return Math.max(0, ((tokens - this.#tokens) / limit.perSecond) * 1000 - (nowMs - this.#filledAtMs))
  }

  /** Takes one token if there is one. `nowMs` is a monotonic clock's. */
  take(limit: RateLimit, nowMs: number): boolean {
    const earned = ((nowMs - this.#filledAtMs) / 1000) * limit.perSecond
    this.#tokens = Math.min(limit.burst, this.#tokens + earned)
    this.#filledAtMs = nowMs
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }
}
