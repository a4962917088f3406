import { ARRIVAL_MARKS, END_MARKS } from './shares.ts'
import { HourProfile } from './hour-profile.ts'

const BIN_MS = 300_000
/** A bin counts for a 288th (there are as many in a day) of what is usual; more while few are known. */
const RATE_ALPHA = 1 / 288
/** Nobody is judged by what an hour has shown of it. */
const FIRST_BINS = 12
/** After two hours without a call whatever was unusual is over. */
const MOST_EMPTY_BINS = 24
/** A deviation of less is none; in standard deviations, and in the share of the calls. */
const RATE_SLACK = 0.5
const SHARE_SLACK = 0.1
/** Calls before a share is judged, and those that what is usual is the mean of. */
const FIRST_CALLS = 50
const USUAL_CALLS = 2_000
/** A sum does not grow past it, so that it comes down again when all is well. */
const MOST_CUSUM = 50

const BIN = 0
const COUNT = 1
const BINS = 2
const MEAN = 3
const VARIANCE = 4
const RATE = 5
/** Of each share: what is usual, and its sum; of all of one kind: how many calls there were. */
const MISPLACED = 6
const VERY_SHORT = 8
const HUGGING = 10
const UNBILLED = 12
const ARRIVED = 14
const ANSWERED = 15
const STRIDE = 16

/** In the order they are written. The sums grow while something is above what is usual of this subject, and fall to 0 while it is not. */
export const BASELINE_MEASURES = [
  'rateCusum',
  'misplacedCusum',
  'veryShortCusum',
  'huggingCusum',
  'unbilledCusum',
  'hourUsual',
  'hourDivergence',
] as const

/**
 * What a subject's calls are like beside its own past: a moving mean of its calls (by the hour of the day) and of some of its shares, and cumulative
 * sums of what goes beyond them (CUSUM, Page 1954), which show a small change that lasts as well as a great one.
 */
export class OwnBaseline {
  readonly #rows: Float64Array
  readonly #hours: HourProfile

  constructor(slots: number) {
    this.#rows = new Float64Array(slots * STRIDE)
    this.#hours = new HourProfile(slots)
  }

  clear(slot: number): void {
    this.#rows.fill(0, slot * STRIDE, (slot + 1) * STRIDE)
    this.#hours.clear(slot)
  }

  /** `hasSaid`: it is known where its seller said the consumer is, or that it said nothing. */
  arrived(slot: number, marks: number, hasSaid: boolean, atMs: number): void {
    const row = slot * STRIDE
    this.#roll(slot, row, Math.floor(atMs / BIN_MS))
    this.#rows[row + COUNT]!++
    this.#hours.add(slot, atMs)
    if (!hasSaid) return
    const calls = ++this.#rows[row + ARRIVED]!
    this.#sum(row + MISPLACED, (marks & ARRIVAL_MARKS.misplaced) !== 0, calls)
  }

  ended(slot: number, marks: number): void {
    if ((marks & END_MARKS.answered) === 0) return
    const row = slot * STRIDE
    const calls = ++this.#rows[row + ANSWERED]!
    this.#sum(row + VERY_SHORT, (marks & END_MARKS.veryShort) !== 0, calls)
    this.#sum(row + HUGGING, (marks & END_MARKS.hugging) !== 0, calls)
    this.#sum(row + UNBILLED, (marks & END_MARKS.billed) === 0, calls)
  }

  /** Writes `BASELINE_MEASURES` of a subject whose call has just arrived. */
  write(slot: number, to: Float64Array, from: number): void {
    const row = slot * STRIDE
    const rows = this.#rows
    to[from] = rows[row + RATE]!
    to[from + 1] = rows[row + MISPLACED + 1]!
    to[from + 2] = rows[row + VERY_SHORT + 1]!
    to[from + 3] = rows[row + HUGGING + 1]!
    to[from + 4] = rows[row + UNBILLED + 1]!
    to[from + 5] = this.#hours.usual(slot)
    to[from + 6] = this.#hours.divergence(slot)
  }

  /** One call more that is so or not: the usual share follows slowly, the sum takes what goes beyond it. */
  #sum(at: number, is: boolean, calls: number): void {
    const rows = this.#rows
    const value = is ? 1 : 0
    const usual = rows[at]!
    if (calls > FIRST_CALLS) {
      const sum = rows[at + 1]! + value - usual - SHARE_SLACK
      rows[at + 1] = Math.min(MOST_CUSUM, Math.max(0, sum))
    }
    rows[at] = usual + (value - usual) / Math.min(calls, USUAL_CALLS)
  }

  /** Takes the bins that are over, up to this one. */
  #roll(slot: number, row: number, bin: number): void {
    const rows = this.#rows
    const before = rows[row + BIN]!
    if (bin <= before) return
    rows[row + BIN] = bin
    if (before === 0) return
    this.#take(slot, row, before, rows[row + COUNT]!)
    rows[row + COUNT] = 0
    const empty = bin - before - 1
    if (empty > MOST_EMPTY_BINS) rows[row + RATE] = 0
    else for (let i = 1; i <= empty; i++) this.#take(slot, row, before + i, 0)
    this.#hours.compare(slot)
  }

  #take(slot: number, row: number, bin: number, count: number): void {
    const rows = this.#rows
    const expected = rows[row + MEAN]! * this.#hours.factor(slot, bin * BIN_MS)
    const beyond = count - expected
    const bins = ++rows[row + BINS]!
    if (bins > FIRST_BINS) {
      // Calls that come by chance vary as much as there are of them (Poisson).
      const deviation = Math.sqrt(Math.max(1, expected, rows[row + VARIANCE]!))
      rows[row + RATE] = Math.min(MOST_CUSUM, Math.max(0, rows[row + RATE]! + beyond / deviation - RATE_SLACK))
    }
    const alpha = Math.max(RATE_ALPHA, 1 / bins)
    rows[row + MEAN] = Math.max(0, rows[row + MEAN]! + alpha * beyond)
    rows[row + VARIANCE]! += alpha * (beyond * beyond - rows[row + VARIANCE]!)
  }
}
