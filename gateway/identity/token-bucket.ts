/** Calls per second, as contracts mean it: `capacity` at once, refilled at `capacity` a second. */
export class TokenBucket {
  readonly #capacity: number
  #tokens: number
  #filledAtMs: number

  constructor(capacity: number, nowMs: number) {
    this.#capacity = capacity
    this.#tokens = capacity
    this.#filledAtMs = nowMs
  }

  get capacity(): number {
    return this.#capacity
  }

  /** Takes one token if there is one. `nowMs` is a monotonic clock's. */
  take(nowMs: number): boolean {
    const earned = ((nowMs - this.#filledAtMs) / 1000) * this.#capacity
    this.#tokens = Math.min(this.#capacity, this.#tokens + earned)
    this.#filledAtMs = nowMs
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }
}
