import type { PhoneNumber } from '../model/phone-number.ts'

const HOUR_MS = 3_600_000
/** Before this many callers are known, nobody looks for the forgotten. */
const FIRST_SWEEP = 1024

/** When each caller's calls came to a campaign with a frequency cap; forgotten once the cap no longer asks. */
export class CallerFrequency {
  readonly #times = new Map<PhoneNumber, number[]>()
  #sweepAt = FIRST_SWEEP

  /** Calls of this caller within the last `hours` before `atMs`. */
  count(ani: PhoneNumber, hours: number, atMs: number): number {
    const times = this.#times.get(ani)
    if (times === undefined) return 0
    const since = atMs - hours * HOUR_MS
    return times.reduce((count, time) => (time > since ? count + 1 : count), 0)
  }

  add(ani: PhoneNumber, hours: number, atMs: number): void {
    const since = atMs - hours * HOUR_MS
    const kept = this.#times.get(ani)?.filter((time) => time > since) ?? []
    kept.push(atMs)
    this.#times.set(ani, kept)
    if (this.#times.size >= this.#sweepAt) this.#sweep(since)
  }

  remove(ani: PhoneNumber, atMs: number): void {
    const times = this.#times.get(ani)
    const index = times?.lastIndexOf(atMs) ?? -1
    if (times === undefined || index < 0) return
    times.splice(index, 1)
    if (times.length === 0) this.#times.delete(ani)
  }

  get size(): number {
    return this.#times.size
  }

  #sweep(since: number): void {
    for (const [ani, times] of this.#times) {
      if (times.every((time) => time <= since)) this.#times.delete(ani)
    }
    this.#sweepAt = Math.max(FIRST_SWEEP, this.#times.size * 2)
  }
}
