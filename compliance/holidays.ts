import assert from 'node:assert/strict'
import type { Day } from '../model/bid.ts'
import { DAY_MS, WEEK } from '../model/time-zone.ts'

/** A holiday: a date, the nth weekday of a month (−1: the last) or the first from a date on, or so many days from Easter. */
export interface HolidayRule {
  readonly name: string
  /** 1 to 12. */
  readonly month?: number
  readonly day?: number
  readonly weekday?: Day
  readonly nth?: number
  readonly on_or_after?: number
  /** Days after Easter Sunday; −2 is Good Friday. */
  readonly easter?: number
  readonly years?: 'even'
  /** Two letters each; absent: of every state whose law knows holidays. */
  readonly states?: readonly string[]
}

/** Most years remembered; then it starts afresh. */
const MOST_YEARS = 16
/** Most calendars remembered: there are 56 states and territories. */
const MOST_STATES = 100

/** The holidays of each state. */
export class Holidays {
  readonly #rules: readonly HolidayRule[]
  readonly #calendars = new Map<string, HolidayCalendar>()

  /** Throws when a rule names no day. */
  constructor(rules: readonly HolidayRule[]) {
    for (const rule of rules) assert(Number.isInteger(dayOf(rule, 2026)), `holiday ${rule.name}: it names no day`)
    this.#rules = rules
  }

  of(state: string): HolidayCalendar {
    let found = this.#calendars.get(state)
    if (found === undefined) {
      found = new HolidayCalendar(this.#rules.filter(({ states }) => states === undefined || states.includes(state)))
      if (this.#calendars.size >= MOST_STATES) this.#calendars.clear()
      this.#calendars.set(state, found)
    }
    return found
  }
}

/**
 * Legal holidays by local day. One that falls on Saturday is also kept on Friday, one on Sunday also on Monday
 * (5 U.S.C. 6103(b); Ala. Code 1-3-8): both days count, since a call made on either may be the forbidden one.
 */
export class HolidayCalendar {
  readonly #rules: readonly HolidayRule[]
  readonly #years = new Map<number, ReadonlyMap<number, string>>()

  constructor(rules: readonly HolidayRule[]) {
    this.#rules = rules
  }

  /** The holiday on this local day (days since 1 January 1970 on the wall), or null. */
  nameOf(localDay: number): string | null {
    const year = new Date(localDay * DAY_MS).getUTCFullYear()
    let days = this.#years.get(year)
    if (days === undefined) {
      days = this.#listYear(year)
      if (this.#years.size >= MOST_YEARS) this.#years.clear()
      this.#years.set(year, days)
    }
    return days.get(localDay) ?? null
  }

  #listYear(year: number): ReadonlyMap<number, string> {
    const days = new Map<number, string>()
    // New Year's Day of the year after is kept on 31 December when it is a Saturday.
    for (const each of [year, year + 1]) {
      for (const rule of this.#rules) {
        if (rule.years === 'even' && each % 2 !== 0) continue
        const day = dayOf(rule, each)
        days.set(day, rule.name)
        if (rule.day === undefined) continue
        const weekday = weekdayOf(day)
        if (weekday === 5) days.set(day - 1, `${rule.name}, observed`)
        if (weekday === 6) days.set(day + 1, `${rule.name}, observed`)
      }
    }
    return days
  }
}

/** NaN when the rule names no day. */
function dayOf(rule: HolidayRule, year: number): number {
  if (rule.easter !== undefined) return easterSunday(year) + rule.easter
  const { month = NaN } = rule
  if (rule.day !== undefined) return dayNumber(year, month, rule.day)
  const wanted = WEEK.indexOf(rule.weekday!)
  if (wanted < 0) return NaN
  if (rule.on_or_after !== undefined) return firstFrom(dayNumber(year, month, rule.on_or_after), wanted)
  const { nth = NaN } = rule
  if (nth < 0) {
    const last = dayNumber(year, month + 1, 0)
    return last - ((weekdayOf(last) - wanted + 7) % 7)
  }
  return firstFrom(dayNumber(year, month, 1), wanted) + (nth - 1) * 7
}

function firstFrom(day: number, weekday: number): number {
  return day + ((weekday - weekdayOf(day) + 7) % 7)
}

function dayNumber(year: number, month: number, day: number): number {
  return Date.UTC(year, month - 1, day) / DAY_MS
}

/** 0 for Monday: day 0, 1 January 1970, was a Thursday. */
function weekdayOf(day: number): number {
  return (((day + 3) % 7) + 7) % 7
}

/** The Sunday after the full moon of spring, by the Gregorian computus (Meeus, Astronomical Algorithms, chapter 8). */
function easterSunday(year: number): number {
  const golden = year % 19
  const century = Math.floor(year / 100)
  const epact =
    (19 * golden +
      century -
      Math.floor(century / 4) -
      Math.floor((century - Math.floor((century + 8) / 25) + 1) / 3) +
      15) %
    30
  const toSunday = (32 + 2 * (century % 4) + 2 * Math.floor((year % 100) / 4) - epact - (year % 4)) % 7
  const late = Math.floor((golden + 11 * epact + 22 * toSunday) / 451)
  const sum = epact + toSunday - 7 * late + 114
  return dayNumber(year, Math.floor(sum / 31), (sum % 31) + 1)
}
