import type { Place } from '../model/places.ts'
import { DAY_MS, getZone, type Zone } from '../model/time-zone.ts'
import type { Hours, HoursRule } from './calling-hours-rules.ts'
import type { HolidayCalendar } from './holidays.ts'

const MINUTE_MS = 60_000

/** Hours that somebody asks to be kept: a law's, or an operator's rule's. */
export type KeptHours = Pick<HoursRule, 'week' | 'callsOnHolidays'>

/** The clock and the law of one place: a state, and one of the zones its people live in. */
export class PlaceHours<Law extends KeptHours = HoursRule> {
  readonly place: Place
  /** Null: it depends on the day. */
  readonly #always: Law | null
  readonly #lawOn: ((localDay: number) => Law) | null
  readonly #zone: Zone
  readonly #holidays: HolidayCalendar
  /** The day asked for last: calls come by the thousand of one day. */
  #day = NaN
  #dayHours: Hours = null

  /** `law`: what is in force always, or says what is on a local day (days since 1 January 1970 on the wall). */
  constructor(place: Place, law: Law | ((localDay: number) => Law), holidays: HolidayCalendar) {
    this.place = place
    this.#always = typeof law === 'function' ? null : law
    this.#lawOn = typeof law === 'function' ? law : null
    this.#zone = getZone(place.timezone)
    this.#holidays = holidays
  }

  /** Whether a call may be made at this instant. The hours are half-open: 20:59:59 may, 21:00:00 may not. */
  isOpen(atMs: number): boolean {
    const wallMs = atMs + this.#zone.offsetMs(atMs)
    const day = Math.floor(wallMs / DAY_MS)
    const hours = this.#hoursOf(day)
    if (hours === null) return false
    const minute = (wallMs - day * DAY_MS) / MINUTE_MS
    return minute >= hours.startMinute && minute < hours.endMinute
  }

  /** What is in force there at this instant. */
  lawAt(atMs: number): Law {
    return this.#always ?? this.#lawOn!(this.#dayAt(atMs))
  }

  /** `2026-11-21T07:30:00-06:00`: what the clock on the wall shows, with its distance from UTC. */
  localTime(atMs: number): string {
    const offsetMinutes = this.#zone.offsetMs(atMs) / MINUTE_MS
    const wall = new Date(atMs + offsetMinutes * MINUTE_MS).toISOString().slice(0, 19)
    const distance = Math.abs(offsetMinutes)
    return `${wall}${offsetMinutes < 0 ? '-' : '+'}${pad(Math.floor(distance / 60))}:${pad(distance % 60)}`
  }

  /** `07:30`: the same in short, for every call's record. */
  wallClock(atMs: number): string {
    return clock(this.#minuteAt(atMs))
  }

  /** 0 to 23, as the clock on the wall shows it. */
  hourOfDay(atMs: number): number {
    return Math.floor(this.#minuteAt(atMs) / 60)
  }

  /** That day's hours for people: `08:00–20:00`, or with `to` between them, or why there are none. */
  window(atMs: number, to = '–'): string {
    const day = this.#dayAt(atMs)
    const hours = this.#hoursOf(day)
    if (hours !== null) return clock(hours.startMinute) + to + clock(hours.endMinute)
    if ((this.#always ?? this.#lawOn!(day)).callsOnHolidays) return 'none'
    const holiday = this.#holidays.nameOf(day)
    return holiday === null ? 'none' : `none (${holiday})`
  }

  #dayAt(atMs: number): number {
    return Math.floor((atMs + this.#zone.offsetMs(atMs)) / DAY_MS)
  }

  /** Whole minutes since midnight on the wall. */
  #minuteAt(atMs: number): number {
    const wallMs = atMs + this.#zone.offsetMs(atMs)
    return Math.floor((wallMs - Math.floor(wallMs / DAY_MS) * DAY_MS) / MINUTE_MS)
  }

  #hoursOf(day: number): Hours {
    if (day !== this.#day) {
      this.#dayHours = this.#askHours(day)
      this.#day = day
    }
    return this.#dayHours
  }

  #askHours(day: number): Hours {
    const law = this.#always ?? this.#lawOn!(day)
    if (!law.callsOnHolidays && this.#holidays.nameOf(day) !== null) return null
    return law.week[(((day + 3) % 7) + 7) % 7]!
  }
}

/** Every minute of a day as a clock shows it: they stand in every call's record. */
const CLOCK = Array.from({ length: 1441 }, (_, minute) => `${pad(Math.floor(minute / 60))}:${pad(minute % 60)}`)

function clock(minute: number): string {
  return CLOCK[minute]!
}

function pad(value: number): string {
  return value < 10 ? `0${value}` : String(value)
}
