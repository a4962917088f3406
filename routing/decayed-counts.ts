const HOUR_MS = 3_600_000

/** Half of what a call says is forgotten after this long: three days. */
const HALF_LIFE_MS = 72 * HOUR_MS
/** Steps in which it is forgotten, in one half-life. */
const STEPS = 8
export const STEP_MS = HALF_LIFE_MS / STEPS
/** Steps that are kept: eight half-lives, after which a call counts for a 256th. */
const KEPT = 64
/** How far back counts reach: 24 days. */
export const REMEMBERED_MS = KEPT * STEP_MS

/** 2^16 × 2^(−i/8), rounded: whole numbers, so that every machine adds them up to the same. */
const WEIGHTS = [65_536, 60_097, 55_109, 50_535, 46_341, 42_495, 38_968, 35_734]
const ONE = 65_536

function stepOf(atMs: number): number {
  return Math.floor(atMs / STEP_MS)
}

/**
 * Counts of several kinds that fade: what happened now counts one, a half-life ago a half. Kept by step of time and added
 * up when asked, so the order in which things were learned makes no difference: a start that reads them back from storage
 * has what the process before it had, to the last bit.
 */
export class DecayedCounts {
  readonly #kinds: number
  readonly #counts: Uint32Array
  /** Which step of all time each row holds. */
  readonly #steps = new Int32Array(KEPT)
  readonly #sums: Float64Array
  /** The step for which the sums hold; NaN: for none. */
  #summedAt = NaN

  constructor(kinds: number) {
    this.#kinds = kinds
    this.#counts = new Uint32Array(KEPT * kinds)
    this.#sums = new Float64Array(kinds)
  }

  add(atMs: number, kind: number, count = 1): void {
    const step = stepOf(atMs)
    const row = step % KEPT
    if (this.#steps[row]! > step) return // Older than all that is remembered.
    const start = row * this.#kinds
    if (this.#steps[row]! < step) {
      this.#steps[row] = step
      this.#counts.fill(0, start, start + this.#kinds)
    }
    this.#counts[start + kind]! += count
    this.#summedAt = NaN
  }

  /** What each kind comes to now; the same array every time, valid until the next call. */
  read(nowMs: number): Float64Array {
    const now = stepOf(nowMs)
    if (now !== this.#summedAt) this.#sum(now)
    return this.#sums
  }

  #sum(now: number): void {
    const sums = this.#sums.fill(0)
    for (let row = 0; row < KEPT; row++) {
      const age = Math.max(0, now - this.#steps[row]!) // What is dated ahead of the clock counts as now.
      if (age >= KEPT) continue
      const weight = WEIGHTS[age % STEPS]! / (1 << Math.floor(age / STEPS))
      for (let kind = 0; kind < this.#kinds; kind++) sums[kind]! += weight * this.#counts[row * this.#kinds + kind]!
    }
    for (let kind = 0; kind < this.#kinds; kind++) sums[kind]! /= ONE
    this.#summedAt = now
  }
}
