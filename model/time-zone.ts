import type { Day } from './bid.ts'

/** What the clocks on the wall say in a zone. */
export interface LocalTime {
  readonly year: number
  /** 1 to 12. */
  readonly month: number
  /** 1 to 31. */
  readonly day: number
  readonly weekday: Day
  /** Minutes since midnight as the wall clock shows it, 0 to 1439. */
  readonly minuteOfDay: number
  /** Minutes east of UTC. */
  readonly offsetMinutes: number
}

/** Monday first, as ISO 8601 counts. */
export const WEEK: readonly Day[] = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']

export const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000

/** Most UTC days remembered of one zone: ten years of them, then it starts afresh rather than grow. */
const MOST_DAYS = 4096
/** Most zones remembered: the whole IANA list with its links is about 600. */
const MOST_ZONES = 1024

/** One UTC day of a zone: `before` holds until `changesAtMs`, `after` from then on (equal on all but two days a year). */
interface OffsetDay {
  readonly before: number
  readonly after: number
  readonly changesAtMs: number
}

/** Each a number that is the same for two instants exactly when they fall into the same period on the wall. */
interface Periods {
  /** The hour that autumn repeats is one hour of 120 minutes, so a cap by the hour holds. */
  readonly hour: number
  readonly day: number
  readonly month: number
}

/**
 * The offsets of one IANA zone, asked of Intl once per UTC day (a few microseconds) and remembered: after that an offset is
 * a map look-up, and the instant of a clock change is exact to the millisecond. No zone changes its clocks twice in a day.
 */
export class Zone {
  readonly name: string
  readonly #format: Intl.DateTimeFormat
  readonly #days = new Map<number, OffsetDay>()
  #lastIndex = NaN
  #last: OffsetDay = { before: 0, after: 0, changesAtMs: 0 }
  #periodsAtMs = NaN
  #periods: Periods = { hour: 0, day: 0, month: 0 }

  /** Throws RangeError for a name Intl does not know. */
  constructor(name: string) {
    this.name = name
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
  }

  /** Milliseconds east of UTC at this instant (epoch milliseconds). */
  offsetMs(epochMs: number): number {
    const index = Math.floor(epochMs / DAY_MS)
    if (index !== this.#lastIndex) {
      this.#last = this.#days.get(index) ?? this.#learn(index)
      this.#lastIndex = index
    }
    const day = this.#last
    return epochMs < day.changesAtMs ? day.before : day.after
  }

  /** The periods of this instant, worked out once for all that ask of the same one: every counter of an auction does. */
  periodsAt(epochMs: number): Periods {
    if (epochMs !== this.#periodsAtMs) {
      const wallMs = epochMs + this.offsetMs(epochMs)
      const wall = new Date(wallMs)
      this.#periods = {
        hour: Math.floor(wallMs / HOUR_MS),
        day: Math.floor(wallMs / DAY_MS),
        month: wall.getUTCFullYear() * 12 + wall.getUTCMonth(),
      }
      this.#periodsAtMs = epochMs
    }
    return this.#periods
  }

  #learn(index: number): OffsetDay {
    const start = index * DAY_MS
    const before = this.#ask(start)
    const after = this.#ask(start + DAY_MS - 1)
    let changesAtMs = start
    if (before !== after) {
      let low = start // The offset is `before` here …
      let high = start + DAY_MS - 1 // … and `after` here.
      while (high - low > 1) {
        const middle = Math.floor((low + high) / 2)
        if (this.#ask(middle) === before) low = middle
        else high = middle
      }
      changesAtMs = high
    }
    const day = { before, after, changesAtMs }
    if (this.#days.size >= MOST_DAYS) this.#days.clear()
    this.#days.set(index, day)
    return day
  }

  #ask(epochMs: number): number {
    const part: Record<string, string> = {}
    for (const { type, value } of this.#format.formatToParts(epochMs)) part[type] = value
    const year = part['era'] === 'BC' ? 1 - Number(part['year']) : Number(part['year'])
    const wall = new Date(0)
    wall.setUTCFullYear(year, Number(part['month']) - 1, Number(part['day']))
    wall.setUTCHours(Number(part['hour']), Number(part['minute']), Number(part['second']))
    return wall.getTime() - Math.floor(epochMs / 1000) * 1000
  }
}

const zones = new Map<string, Zone>()

/** The zone of this IANA name, made at its first use. Throws RangeError when there is none. */
export function getZone(name: string): Zone {
  let zone = zones.get(name)
  if (zone === undefined) {
    zone = new Zone(name)
    if (zones.size >= MOST_ZONES) zones.clear()
    zones.set(name, zone)
  }
  return zone
}

/** True for a name of the IANA time zone database that this process knows; offsets such as `+05:00` are not names. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false
  try {
    getZone(name)
    return true
  } catch {
    return false
  }
}

/** What the clocks of `zone` show at `epochMs`. Throws RangeError for an unknown zone. */
export function localTime(zone: string, epochMs: number): LocalTime {
  const offset = getZone(zone).offsetMs(epochMs)
  const wall = new Date(epochMs + offset)
  return {
    year: wall.getUTCFullYear(),
    month: wall.getUTCMonth() + 1,
    day: wall.getUTCDate(),
    weekday: WEEK[weekdayIndex(epochMs + offset)]!,
    minuteOfDay: wall.getUTCHours() * 60 + wall.getUTCMinutes(),
    offsetMinutes: offset / MINUTE_MS,
  }
}

/** 0 for Monday of a wall time written as if it were UTC. 1 January 1970 was a Thursday. */
function weekdayIndex(wallMs: number): number {
  return (((Math.floor(wallMs / DAY_MS) + 3) % 7) + 7) % 7
}

/** Minutes since Monday 00:00 on the wall, 0 to 10079. */
export function minuteOfWeek(zone: Zone, epochMs: number): number {
  const wallMs = epochMs + zone.offsetMs(epochMs)
  return weekdayIndex(wallMs) * 1440 + Math.floor((wallMs - Math.floor(wallMs / DAY_MS) * DAY_MS) / MINUTE_MS)
}

/** A number that is the same for two instants exactly when they fall on the same local day. */
export function localDay(zone: string, epochMs: number): number {
  return Math.floor((epochMs + getZone(zone).offsetMs(epochMs)) / DAY_MS)
}

/** The same for a wall-clock hour: the hour that autumn repeats is one hour of 120 minutes, so a cap by the hour holds. */
export function localHour(zone: string, epochMs: number): number {
  return Math.floor((epochMs + getZone(zone).offsetMs(epochMs)) / HOUR_MS)
}

/** The same for a calendar month. */
export function localMonth(zone: string, epochMs: number): number {
  const wall = new Date(epochMs + getZone(zone).offsetMs(epochMs))
  return wall.getUTCFullYear() * 12 + wall.getUTCMonth()
}
