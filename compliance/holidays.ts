import type { Day } from '../model/bid.ts'
import { DAY_MS, WEEK } from '../model/time-zone.ts'

/** A holiday: a date, or the nth weekday of a month (−1: the last). */
export interface HolidayRule {
  readonly name: string
  /** 1 to 12. */
  readonly month: number
  readonly day?: number
  readonly weekday?: Day
  readonly nth?: number
}

/** Most years remembered; then it starts afresh. */
const MOST_YEARS = 16

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

function dayOf(rule: HolidayRule, year: number): number {
  if (rule.day !== undefined) return dayNumber(year, rule.month, rule.day)
  const wanted = WEEK.indexOf(rule.weekday!)
  const nth = rule.nth!
  if (nth < 0) {
    const last = dayNumber(year, rule.month + 1, 0)
    return last - ((weekdayOf(last) - wanted + 7) % 7)
  }
  const first = dayNumber(year, rule.month, 1)
  return first + ((wanted - weekdayOf(first) + 7) % 7) + (nth - 1) * 7
}

function dayNumber(year: number, month: number, day: number): number {
  return Date.UTC(year, month - 1, day) / DAY_MS
}

/** 0 for Monday: day 0, 1 January 1970, was a Thursday. */
function weekdayOf(day: number): number {
  return (((day + 3) % 7) + 7) % 7
}
