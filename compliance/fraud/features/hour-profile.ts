const HOUR_MS = 3_600_000
const HOURS = 24
/** A call counts for half as much after a day in what has been of late, after two weeks in what is usual. */
const RECENT_KEPT_PER_HOUR = 2 ** (-1 / 24)
const USUAL_KEPT_PER_HOUR = 2 ** (-1 / 336)
/** The hours of the day are believed to be alike until so many calls have shown how they differ. */
const BELIEVED_PER_HOUR = 1
/** After a day the hours begin to be told apart, after three they are as they were counted: until then some have not been seen at all. */
const FIRST_HOURS = 24
const LEARNT_HOURS = 72
/** 24 hours of late, 24 as usual, the sum of the latter, the running hour, how far the two were apart when last compared, the first hour. */
const USUAL = HOURS
const SUM = HOURS * 2
const HOUR = SUM + 1
const DIVERGENCE = SUM + 2
const FIRST = SUM + 3
const STRIDE = SUM + 4

/** At which hours of the day (UTC) a subject's calls come: of late, and usually. */
export class HourProfile {
  readonly #rows: Float64Array

  constructor(slots: number) {
    this.#rows = new Float64Array(slots * STRIDE)
  }

  clear(slot: number): void {
    this.#rows.fill(0, slot * STRIDE, (slot + 1) * STRIDE)
  }

  add(slot: number, atMs: number): void {
    const rows = this.#rows
    const row = slot * STRIDE
    const hour = Math.floor(atMs / HOUR_MS)
    const passed = hour - rows[row + HOUR]!
    if (passed > 0) {
      if (rows[row + HOUR] === 0) rows[row + FIRST] = hour
      else this.#fade(row, passed)
      rows[row + HOUR] = hour
    }
    const at = row + (hour % HOURS)
    rows[at]!++
    rows[at + USUAL]!++
    rows[row + SUM]!++
  }

  /** How many of its calls come in this hour of the day, where 1 is a 24th of them. */
  factor(slot: number, atMs: number): number {
    const rows = this.#rows
    const row = slot * STRIDE
    const learnt = (rows[row + HOUR]! - rows[row + FIRST]! - FIRST_HOURS) / (LEARNT_HOURS - FIRST_HOURS)
    if (learnt <= 0) return 1
    const usual = rows[row + USUAL + (Math.floor(atMs / HOUR_MS) % HOURS)]!
    const counted = (usual + BELIEVED_PER_HOUR) / (rows[row + SUM]! / HOURS + BELIEVED_PER_HOUR)
    return 1 + Math.min(1, learnt) * (counted - 1)
  }

  /** The factor of the hour of its last call. */
  usual(slot: number): number {
    return this.factor(slot, this.#rows[slot * STRIDE + HOUR]! * HOUR_MS)
  }

  /** How far the hours of late were from the usual ones when they were last compared, in nats (Kullback and Leibler, 1951); 0: not at all. */
  divergence(slot: number): number {
    return this.#rows[slot * STRIDE + DIVERGENCE]!
  }

  compare(slot: number): void {
    const rows = this.#rows
    const row = slot * STRIDE
    let recentSum = 0
    for (let i = row; i < row + HOURS; i++) recentSum += rows[i]!
    const recentAll = recentSum + HOURS * BELIEVED_PER_HOUR
    const usualAll = rows[row + SUM]! + HOURS * BELIEVED_PER_HOUR
    let divergence = 0
    for (let i = row; i < row + HOURS; i++) {
      const recent = (rows[i]! + BELIEVED_PER_HOUR) / recentAll
      divergence += recent * Math.log((recent * usualAll) / (rows[i + USUAL]! + BELIEVED_PER_HOUR))
    }
    rows[row + DIVERGENCE] = divergence
  }

  #fade(row: number, hours: number): void {
    const rows = this.#rows
    const recentKept = RECENT_KEPT_PER_HOUR ** hours
    const usualKept = USUAL_KEPT_PER_HOUR ** hours
    for (let i = row; i < row + HOURS; i++) {
      rows[i]! *= recentKept
      rows[i + USUAL]! *= usualKept
    }
    rows[row + SUM]! *= usualKept
  }
}
