import { getZone, isTimeZone, DAY_MS, type Zone } from '../model/time-zone.ts'

const SLOT_MINUTES = 15
const SLOTS = 1440 / SLOT_MINUTES
const SLOT_MS = SLOT_MINUTES * 60_000
/** The plan runs ahead of the day's calls by this much, so that a thin evening leaves nothing unspent. */
const LEAD = 1.2
/** The same while nothing is known of when its calls come: better early than not at all. */
const FIRST_LEAD = 1.6
/** Ahead of the plan by up to this share of the budget a campaign bids less, the farther the less; past it not at all. */
const BAND = 0.02
/** The least it then bids, in thousandths. */
const LOWEST_FACTOR = 500
/** What yesterday says of today, against all days before it. */
const NEWS = 0.4
/** A day with fewer calls says nothing of when calls come. */
const FEWEST_CALLS = 40
/** What remains of the usual day in what has been learned: a quarter-hour without calls so far may have one tomorrow. */
const USUAL = 0.1

/** Calls by hour of the day as call centres know them, before a campaign's own are known. Not a law: a start. */
const USUAL_HOURS = [1, 1, 1, 1, 1, 2, 4, 10, 28, 48, 57, 58, 52, 54, 57, 56, 51, 40, 27, 18, 11, 6, 3, 2]

/**
 * Spends a day's budget along the day's calls (`pacing: even`). Each quarter-hour of the campaign's local day has its share
 * of the calls that a campaign could have bought: at first as days usually are, then as its own have been. What is spent so
 * far (holds included) is held against the share of the day that has come: behind it the campaign bids whole, just ahead of it
 * less, farther ahead not at all. Nothing is drawn by lot: the same calls at the same times are bought again.
 */
export class Pacing {
  #timezone: string
  #zone: Zone
  #isOpen: (epochMs: number) => boolean
  readonly #usual = usualDay()
  #expected: Float64Array
  /** Calls of the day so far that could have been bought, by slot. */
  readonly #offered = new Float64Array(SLOTS)
  /** Share of the day's calls that has come by the start of each slot; 1 at the end. */
  readonly #planned = new Float64Array(SLOTS + 1)
  #day = NaN
  /** Whether the day was seen from its first slot: half a day says nothing of the other. */
  #isWhole = false

  constructor(timezone: string, isOpen: (epochMs: number) => boolean) {
    this.#timezone = timezone
    this.#zone = zoneOf(timezone)
    this.#isOpen = isOpen
    this.#expected = this.#usual
  }

  /** Takes the zone and hours as they now are; what has been learned stays, and in the same zone the day so far. */
  configure(timezone: string, isOpen: (epochMs: number) => boolean): void {
    this.#isOpen = isOpen
    if (timezone === this.#timezone) {
      if (!Number.isNaN(this.#day)) this.#plan()
      return
    }
    this.#timezone = timezone
    this.#zone = zoneOf(timezone)
    this.#day = NaN // Another zone's quarter-hours are others.
  }

  /**
   * A call the campaign could buy: how much of its bids it may put up, in thousandths (500 to 1000), or 0 for none.
   * `leftMicros` is what the budgets leave today. Who only asks for the price of a call has not made one (`isCall`).
   */
  offer(atMs: number, spentMicros: number, leftMicros: number, isCall = true): number {
    const intoDay = this.#intoDay(atMs)
    if (isCall) this.count(atMs)
    const slot = Math.floor(intoDay / SLOT_MS)
    const budget = spentMicros + leftMicros
    const from = this.#planned[slot]!
    const come = from + (this.#planned[slot + 1]! - from) * (intoDay / SLOT_MS - slot)
    const ahead = spentMicros - budget * Math.min(1, come * (this.#expected === this.#usual ? FIRST_LEAD : LEAD))
    if (ahead <= 0) return 1000
    const band = budget * BAND
    return ahead >= band ? 0 : Math.round(1000 - (1000 - LOWEST_FACTOR) * (ahead / band))
  }

  /** A call the campaign could buy has come: from these it learns when its calls come. */
  count(atMs: number): void {
    const intoDay = this.#intoDay(atMs)
    if (this.#dayOf(atMs) === this.#day) this.#offered[Math.floor(intoDay / SLOT_MS)]!++
  }

  #dayOf(atMs: number): number {
    return Math.floor((atMs + this.#zone.offsetMs(atMs)) / DAY_MS)
  }

  /** Milliseconds of its local day, which it begins if it has not. */
  #intoDay(atMs: number): number {
    const wallMs = atMs + this.#zone.offsetMs(atMs)
    const day = Math.floor(wallMs / DAY_MS)
    const intoDay = wallMs - day * DAY_MS
    // A call that came before midnight and is judged after it belongs to its own day's plan, which is over.
    if (Number.isNaN(this.#day) || day > this.#day) this.#begin(day, intoDay)
    return intoDay
  }

  #begin(day: number, intoDay: number): void {
    if (day === this.#day + 1 && this.#isWhole) this.#learn()
    this.#isWhole = day === this.#day + 1 || intoDay < SLOT_MS
    this.#offered.fill(0)
    this.#day = day
    this.#plan()
  }

  /** Which share of the day's calls has come by when, by its hours as they are. */
  #plan(): void {
    const day = this.#day
    let sum = 0
    for (let slot = 0; slot < SLOTS; slot++) {
      this.#planned[slot] = sum
      if (this.#isOpen(this.#instantOf(day * DAY_MS + slot * SLOT_MS))) sum += this.#expected[slot]!
    }
    // A day on which it is never open by its hours has no calls either, but for those its hours do not tell of.
    this.#planned[SLOTS] = sum
    for (let slot = 0; slot <= SLOTS; slot++)
      this.#planned[slot] = sum === 0 ? slot / SLOTS : this.#planned[slot]! / sum
  }

  /** When the wall shows this: right but for the hour that autumn repeats and spring skips. */
  #instantOf(wallMs: number): number {
    return wallMs - this.#zone.offsetMs(wallMs - this.#zone.offsetMs(wallMs))
  }

  #learn(): void {
    const calls = this.#offered.reduce((sum, count) => sum + count, 0)
    if (calls < FEWEST_CALLS) return
    const before = this.#expected
    const isFirst = before === this.#usual
    this.#expected = Float64Array.from(this.#offered, (count, slot) => {
      const seen = (1 - USUAL) * (count / calls) + USUAL * this.#usual[slot]!
      return isFirst ? seen : NEWS * seen + (1 - NEWS) * before[slot]!
    })
  }
}

function zoneOf(timezone: string): Zone {
  return getZone(isTimeZone(timezone) ? timezone : 'UTC')
}

function usualDay(): Float64Array {
  const sum = USUAL_HOURS.reduce((a, b) => a + b, 0)
  const slotsPerHour = 60 / SLOT_MINUTES
  return Float64Array.from(
    { length: SLOTS },
    (_, slot) => USUAL_HOURS[Math.floor(slot / slotsPerHour)]! / sum / slotsPerHour,
  )
}
