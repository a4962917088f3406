import type { TimeWindow } from './bid.ts'
import { getZone, minuteOfWeek, WEEK } from './time-zone.ts'

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

/** Whether the window is open at this instant, in its own zone. Throws RangeError for an unknown zone. */
export function isOpen(window: TimeWindow, epochMs: number): boolean {
  const minute = minuteOfWeek(getZone(window.timezone), epochMs)
  return isOpenAtMinute(window.startMinute, window.endMinute, dayMask(window), minute)
}
