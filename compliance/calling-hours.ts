import type { PhoneNumber } from '../model/phone-number.ts'
import type { Place, Places } from '../model/places.ts'
import { DAY_MS, getZone, type Zone } from '../model/time-zone.ts'
import type { Hours, HoursRule, HoursRules } from './calling-hours-rules.ts'
import { HolidayCalendar } from './holidays.ts'

const MINUTE_MS = 60_000
/** How far ahead the next allowed moment is looked for: past any run of Sundays and holidays. */
const HORIZON_MS = 15 * DAY_MS

/** The clock and the law of one place: a state, and one of the zones its people live in. */
export class PlaceHours {
  readonly place: Place
  readonly law: HoursRule
  readonly #zone: Zone
  readonly #holidays: HolidayCalendar

  constructor(place: Place, law: HoursRule, holidays: HolidayCalendar) {
    this.place = place
    this.law = law
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

  /** `2026-11-21T07:30:00-06:00`: what the clock on the wall shows, with its distance from UTC. */
  localTime(atMs: number): string {
    const offsetMinutes = this.#zone.offsetMs(atMs) / MINUTE_MS
    const wall = new Date(atMs + offsetMinutes * MINUTE_MS).toISOString().slice(0, 19)
    const distance = Math.abs(offsetMinutes)
    return `${wall}${offsetMinutes < 0 ? '-' : '+'}${pad(Math.floor(distance / 60))}:${pad(distance % 60)}`
  }

  /** `07:30`: the same in short, for every call's record. */
  wallClock(atMs: number): string {
    const wallMs = atMs + this.#zone.offsetMs(atMs)
    return clock(Math.floor((wallMs - Math.floor(wallMs / DAY_MS) * DAY_MS) / MINUTE_MS))
  }

  /** 0 to 23, as the clock on the wall shows it. */
  hourOfDay(atMs: number): number {
    const wallMs = atMs + this.#zone.offsetMs(atMs)
    return Math.floor((wallMs - Math.floor(wallMs / DAY_MS) * DAY_MS) / (60 * MINUTE_MS))
  }

  /** That day's hours for people: `08:00–20:00`, or why there are none. */
  window(atMs: number): string {
    const day = Math.floor((atMs + this.#zone.offsetMs(atMs)) / DAY_MS)
    const hours = this.#hoursOf(day)
    if (hours !== null) return `${clock(hours.startMinute)}–${clock(hours.endMinute)}`
    return this.law.callsOnHolidays ? 'none' : `none${suffix(this.#holidays.nameOf(day))}`
  }

  #hoursOf(day: number): Hours {
    if (!this.law.callsOnHolidays && this.#holidays.nameOf(day) !== null) return null
    return this.law.week[(((day + 3) % 7) + 7) % 7]!
  }
}

/** What the hours say of one person at one moment. */
export interface HoursJudgement {
  readonly allowed: boolean
  /** The rule that spoke: of the first place where it is too early or late, else of the first place. */
  readonly rule: string
  readonly source: string
  readonly places: readonly PlaceHours[]
  /** The place that forbids; null when none does or none is known. */
  readonly against: PlaceHours | null
}

export interface Consumer {
  readonly number: PhoneNumber | null
  readonly zip: string | null
}

/** The calling hours of every place (47 CFR 64.1200(c)(1) and the states' stricter laws). */
export class CallingHours {
  readonly #rules: HoursRules
  readonly #places: Places
  /** Whether consumers may be called of whom nobody knows where they are. */
  readonly allowsUnknown: boolean
  readonly holidays: HolidayCalendar
  /** By zone and state: as many as the tables of places hold, about 70. */
  readonly #byZone = new Map<string, Map<string, PlaceHours>>()
  /** Places of numbers are shared objects, so the list of their hours is made once for each. */
  readonly #ofList = new WeakMap<readonly Place[], readonly PlaceHours[]>()

  constructor(rules: HoursRules, places: Places, unknownLocation: 'block' | 'allow') {
    this.#rules = rules
    this.#places = places
    this.allowsUnknown = unknownLocation === 'allow'
    this.holidays = new HolidayCalendar(rules.holidays)
  }

  /**
   * Learns the clocks of every area code around this time: asking Intl for a zone's first day takes a tenth of a millisecond,
   * which no call should pay.
   */
  warm(atMs: number): void {
    for (let npa = 200; npa < 1000; npa++) {
      for (const place of this.placesOf({ number: `+1${npa}2000000` as PhoneNumber, zip: null })) {
        place.isOpen(atMs)
        place.isOpen(atMs + DAY_MS)
      }
    }
  }

  /** Whether the person may be called at `atMs`: everywhere they may be, the hours must allow it. */
  judge(consumer: Consumer, atMs: number): HoursJudgement {
    const places = this.placesOf(consumer)
    const first = places[0]
    if (first === undefined) return this.#judgeUnknown()
    for (const place of places) {
      if (!place.isOpen(atMs)) return judgement(false, place, places)
    }
    return judgement(true, first, places)
  }

  /**
   * Everywhere the person may be. A ZIP is exact and replaces the number as evidence, but for states that presume residence
   * from the area code (Florida, Oklahoma): there both count.
   */
  placesOf({ number, zip }: Consumer): readonly PlaceHours[] {
    const byNumber = number === null ? [] : this.#hoursOfList(this.#places.ofNumber(number))
    const exact = zip === null ? null : this.#places.ofZip(zip)
    if (exact === null) return byNumber
    const presumed = byNumber.filter(({ place, law }) => law.presumesAreaCode && place.state !== exact.state)
    return [this.#hoursOf(exact), ...presumed]
  }

  /** The first whole minute, `atMs` included, at which every place allows a call; null when none is near or known. */
  nextAllowedAt(places: readonly PlaceHours[], atMs: number): number | null {
    if (places.length === 0) return null
    if (places.every((place) => place.isOpen(atMs))) return atMs
    // Minute by minute: zones keep whole minutes, so nothing is stepped over, clock changes and holidays included.
    const end = atMs + HORIZON_MS
    for (let minute = Math.ceil(atMs / MINUTE_MS) * MINUTE_MS; minute <= end; minute += MINUTE_MS) {
      if (places.every((place) => place.isOpen(minute))) return minute
    }
    return null
  }

  #judgeUnknown(): HoursJudgement {
    const { source } = this.#rules.federal
    return { allowed: this.allowsUnknown, rule: 'calling-hours:unknown-location', source, places: [], against: null }
  }

  #hoursOfList(list: readonly Place[]): readonly PlaceHours[] {
    let found = this.#ofList.get(list)
    if (found === undefined) {
      found = list.map((place) => this.#hoursOf(place))
      this.#ofList.set(list, found)
    }
    return found
  }

  #hoursOf({ state, timezone }: Place): PlaceHours {
    let byState = this.#byZone.get(timezone)
    let found = byState?.get(state)
    if (found !== undefined) return found
    found = new PlaceHours({ state, timezone }, this.#rules.states.get(state) ?? this.#rules.federal, this.holidays)
    if (byState === undefined) this.#byZone.set(timezone, (byState = new Map()))
    byState.set(state, found)
    return found
  }
}

function judgement(allowed: boolean, spoke: PlaceHours, places: readonly PlaceHours[]): HoursJudgement {
  return { allowed, rule: spoke.law.rule, source: spoke.law.source, places, against: allowed ? null : spoke }
}

function clock(minute: number): string {
  return `${pad(Math.floor(minute / 60))}:${pad(minute % 60)}`
}

function pad(value: number): string {
  return value < 10 ? `0${value}` : String(value)
}

function suffix(holiday: string | null): string {
  return holiday === null ? '' : ` (${holiday})`
}
