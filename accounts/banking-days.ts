import type { BankDay } from '../model/payout.ts'
import { DAY_MS, getZone } from '../model/time-zone.ts'

/** Where the Federal Reserve's days begin and end. */
const FED_ZONE = 'America/New_York'

/** Holidays of the Federal Reserve Banks on a day of their own: month, day. */
const FIXED = [
  [1, 1],
  [6, 19],
  [7, 4],
  [11, 11],
  [12, 25],
] as const
/** Those on a weekday, all Mondays but Thanksgiving: month, day of the week (0 is Sunday), which one; -1 is the last. */
const FLOATING = [
  [1, 1, 3], // Martin Luther King
  [2, 1, 3], // Washington
  [5, 1, -1], // Memorial Day
  [9, 1, 1], // Labor Day
  [10, 1, 2], // Columbus
  [11, 4, 4], // Thanksgiving
] as const

/** The day it is at the Federal Reserve. */
export function bankDayAt(at: Date): BankDay {
  return bankClockAt(at).day
}

/** What the clocks there say: `2026-11-30`, `0930`. */
export function bankClockAt(at: Date): { readonly day: BankDay; readonly time: string } {
  const ms = at.getTime()
  const local = ms + getZone(FED_ZONE).offsetMs(ms)
  return { day: dayOf(local), time: new Date(local).toISOString().slice(11, 16).replace(':', '') }
}

/** Whether the Federal Reserve settles ACH on this day: not at weekends, nor on its holidays. */
export function isBankingDay(day: BankDay): boolean {
  const date = new Date(`${day}T00:00:00Z`)
  const weekday = date.getUTCDay()
  if (weekday === 0 || weekday === 6 || isHoliday(date)) return false
  // A holiday on a Sunday is kept on the Monday; one on a Saturday is not kept at all.
  return !(weekday === 1 && isFixedHoliday(new Date(date.getTime() - DAY_MS)))
}

/** The `count`th banking day after `day`. */
export function addBankingDays(day: BankDay, count: number): BankDay {
  let ms = Date.parse(`${day}T00:00:00Z`)
  for (let left = count; left > 0;) if (isBankingDay(dayOf((ms += DAY_MS)))) left--
  return dayOf(ms)
}

function isHoliday(date: Date): boolean {
  return isFixedHoliday(date) || FLOATING.some(([month, weekday, which]) => isNth(date, month, weekday, which))
}

function isFixedHoliday(date: Date): boolean {
  return FIXED.some(([month, day]) => date.getUTCMonth() + 1 === month && date.getUTCDate() === day)
}

function isNth(date: Date, month: number, weekday: number, which: number): boolean {
  if (date.getUTCMonth() + 1 !== month || date.getUTCDay() !== weekday) return false
  const day = date.getUTCDate()
  if (which === -1) return new Date(date.getTime() + 7 * DAY_MS).getUTCMonth() + 1 !== month
  return Math.ceil(day / 7) === which
}

function dayOf(ms: number): BankDay {
  return new Date(ms).toISOString().slice(0, 10)
}
