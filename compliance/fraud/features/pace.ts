/** Longer gaps are told as a day: so is that before the first call. */
const LONGEST_GAP_MS = 86_400_000
/** The least gap is that of this half hour and the one before. */
const HALF_MS = 1_800_000
/** A median moves by so much of itself at the least; by more while there are few durations. */
const MEDIAN_STEP = 0.05
const STRIDE = 9
const LAST = 0
const GAP = 1
const HALF = 2
const LEAST = 3
const LEAST_BEFORE = 4
const OPEN = 5
const MEDIAN = 6
const PDD = 7
const DURATIONS = 8

/** The measures it writes, in their order: seconds but for `open`, the calls not ended yet. */
export const PACE_MEASURES = ['open', 'gap', 'leastGap', 'medianSeconds', 'pddSeconds'] as const

/** How a subject's calls follow one another, and how long they are. */
export class Pace {
  readonly #rows: Float64Array

  constructor(slots: number) {
    this.#rows = new Float64Array(slots * STRIDE)
  }

  clear(slot: number): void {
    this.#rows.fill(0, slot * STRIDE, (slot + 1) * STRIDE)
  }

  /** When its last call came; 0: none has. */
  lastAtMs(slot: number): number {
    return this.#rows[slot * STRIDE + LAST]!
  }

  arrived(slot: number, atMs: number): void {
    const rows = this.#rows
    const row = slot * STRIDE
    const last = rows[row + LAST]!
    const gap = last === 0 ? LONGEST_GAP_MS : Math.min(LONGEST_GAP_MS, Math.max(0, atMs - last))
    const half = Math.floor(atMs / HALF_MS)
    if (half !== rows[row + HALF]) {
      rows[row + LEAST_BEFORE] = half === rows[row + HALF]! + 1 ? rows[row + LEAST]! : LONGEST_GAP_MS
      rows[row + LEAST] = LONGEST_GAP_MS
      rows[row + HALF] = half
    }
    if (gap < rows[row + LEAST]!) rows[row + LEAST] = gap
    rows[row + LAST] = Math.max(last, atMs)
    rows[row + GAP] = gap
    rows[row + OPEN]!++
  }

  /** A call is over: `durationMs` of an answered one, else 0; `pddMs` null where it never rang. */
  ended(slot: number, durationMs: number, pddMs: number | null): void {
    const rows = this.#rows
    const row = slot * STRIDE
    if (rows[row + OPEN]! > 0) rows[row + OPEN]!--
    if (durationMs > 0) {
      const seen = rows[row + DURATIONS]!++
      const seconds = durationMs / 1000
      const median = rows[row + MEDIAN]!
      const step = 1 + Math.max(MEDIAN_STEP, 1 / (seen + 1))
      if (seen === 0) rows[row + MEDIAN] = seconds
      // A step towards each duration: as many lie above as below where it comes to rest (Ma, Muthukrishnan and Sandler, 2013).
      else rows[row + MEDIAN] = seconds > median ? Math.min(seconds, median * step) : Math.max(seconds, median / step)
    }
    if (pddMs === null) return
    const pdd = rows[row + PDD]!
    rows[row + PDD] = pdd === 0 ? pddMs / 1000 : pdd + (pddMs / 1000 - pdd) * 0.1
  }

  write(slot: number, to: Float64Array, from: number): void {
    const row = slot * STRIDE
    const rows = this.#rows
    to[from] = rows[row + OPEN]!
    to[from + 1] = rows[row + GAP]! / 1000
    to[from + 2] = Math.min(rows[row + LEAST]!, rows[row + LEAST_BEFORE]!) / 1000
    to[from + 3] = rows[row + MEDIAN]!
    to[from + 4] = rows[row + PDD]!
  }

  static writeUsual(to: Float64Array, from: number): void {
    to[from] = 0
    to[from + 1] = LONGEST_GAP_MS / 1000
    to[from + 2] = LONGEST_GAP_MS / 1000
    to[from + 3] = 0
    to[from + 4] = 0
  }
}
