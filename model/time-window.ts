import type { TimeWindow } from './bid.ts'
import { DAY_MS, getZone, localDay, minuteOfWeek, WEEK } from './time-zone.ts'

export { isTimeZone, localDay, localHour, localMonth, localTime } from './time-zone.ts'

const DAY_MINUTES = 1440

/** The days of a window as bits, Monday lowest; no days named means all seven. */
export function dayMask(window: TimeWindow): number {
  if (window.days.length === 0) return 0b111_1111
  return window.days.reduce((mask, day) => mask | (1 << WEEK.indexOf(day)), 0)
}

/**
 * Whether wall time `minute` (of the week, Monday 00:00 = 0) is inside a window. It is read off the wall: in spring a window
 * inside the skipped hour never opens that day, in autumn one inside the repeated hour opens twice. A window that ends at or
 * before its start runs on into the next day, so `09:00–09:00` is 24 hours and belongs to the day it began.
 */
export function isOpenAtMinute(startMinute: number, endMinute: number, days: number, minute: number): boolean {
  const day = Math.floor(minute / DAY_MINUTES)
  const time = minute - day * DAY_MINUTES
  const today = (days & (1 << day)) !== 0
  if (startMinute < endMinute) return today && time >= startMinute && time < endMinute
  if (time >= startMinute) return today
  return time < endMinute && (days & (1 << ((day + 6) % 7))) !== 0
}

/**
 * Whether a window that is open by its hours is closed for once: in a break, or begun on a holiday. `day` is the local day
 * as `localDay` numbers it, `holidays` are such numbers: the part of a window after midnight belongs to the day before.
 */
export function isClosedForOnce(
  window: Pick<TimeWindow, 'startMinute' | 'endMinute' | 'breaks'>,
  holidays: ReadonlySet<number> | null,
  minuteOfDay: number,
  day: number,
): boolean {
  if (holidays !== null) {
    const begunBefore =
      window.startMinute >= window.endMinute && minuteOfDay < window.endMinute && minuteOfDay < window.startMinute
    if (holidays.has(begunBefore ? day - 1 : day)) return true
  }
  for (const { startMinute, endMinute } of window.breaks ?? []) {
    const isIn =
      startMinute < endMinute
        ? minuteOfDay >= startMinute && minuteOfDay < endMinute
        : minuteOfDay >= startMinute || minuteOfDay < endMinute
    if (isIn) return true
  }
  return false
}

/** A date such as `2026-12-25` as `localDay` numbers it. */
export function dayNumber(date: string): number {
  return Date.parse(`${date}T00:00:00Z`) / DAY_MS
}

/** Whether the window is open at this instant, in its own zone. Throws RangeError for an unknown zone. */
export function isOpen(window: TimeWindow, epochMs: number): boolean {
  const minute = minuteOfWeek(getZone(window.timezone), epochMs)
  if (!isOpenAtMinute(window.startMinute, window.endMinute, dayMask(window), minute)) return false
  const holidays = window.holidays?.length ? new Set(window.holidays.map(dayNumber)) : null
  return !isClosedForOnce(window, holidays, minute % DAY_MINUTES, localDay(window.timezone, epochMs))
}
