import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import type { TimeWindow } from '../../model/bid.ts'
import { isOpen, localTime } from '../../model/time-window.ts'
import { WEEK } from '../../model/time-zone.ts'
import { WallClocks } from '../../routing/opening.ts'

const ZONE = 'America/New_York'
const at = (iso: string): number => Date.parse(iso)
const open = (window: Partial<TimeWindow>, iso: string): boolean => {
  const whole: TimeWindow = { startMinute: 540, endMinute: 1020, days: [], timezone: ZONE, ...window }
  const answer = new WallClocks().openingOf(whole).isOpen(at(iso))
  assert.equal(answer, isOpen(whole, at(iso)))
  return answer
}

const minute = fc.integer({ min: 0, max: 1439 })
const day = (date: Date): string => date.toISOString().slice(0, 10)
const window: fc.Arbitrary<TimeWindow> = fc.record({
  startMinute: minute,
  endMinute: fc.integer({ min: 0, max: 1440 }),
  days: fc.subarray([...WEEK]),
  timezone: fc.constantFrom(ZONE, 'America/Phoenix', 'Asia/Kathmandu', 'Australia/Lord_Howe'),
  breaks: fc.array(fc.record({ startMinute: minute, endMinute: minute }), { maxLength: 3 }),
  holidays: fc.array(
    fc.date({ min: new Date('2026-03-05'), max: new Date('2026-03-12'), noInvalidDate: true }).map(day),
    { maxLength: 3 },
  ),
})
/** Ten days around the spring change of 2026, and as many around the autumn's. */
const instant = fc
  .tuple(
    fc.constantFrom(at('2026-03-04T00:00:00Z'), at('2026-10-28T00:00:00Z')),
    fc.integer({ min: 0, max: 10 * 86_400 }),
  )
  .map(([from, seconds]) => from + seconds * 1000)

/** Walks back from the minute asked for, wall minute by wall minute, to find the start it belongs to. */
function oracle(
  { startMinute, endMinute, days, timezone, breaks = [], holidays = [] }: TimeWindow,
  ms: number,
): boolean {
  const wall = localTime(timezone, ms)
  const now = Date.UTC(wall.year, wall.month - 1, wall.day) / 60_000 + wall.minuteOfDay
  const within = (start: number, end: number, daysOk: (date: Date) => boolean): boolean => {
    const length = end > start ? end - start : end + 1440 - start
    for (let began = now; began > now - length; began--) {
      const date = new Date(Math.floor(began / 1440) * 1_440 * 60_000)
      if (((began % 1440) + 1440) % 1440 === start) return daysOk(date)
    }
    return false
  }
  const runs = within(startMinute, endMinute, (date) => {
    const weekday = WEEK[(date.getUTCDay() + 6) % 7]!
    return (days.length === 0 || days.includes(weekday)) && !holidays.includes(day(date))
  })
  // A break is a time of day, whenever it began: of an empty one there is none.
  return runs && !breaks.some((pause) => within(pause.startMinute, pause.endMinute, () => true))
}

describe('opening hours', () => {
  it('are closed in a break, and on a holiday up to the end of what began on it', () => {
    const lunch = { breaks: [{ startMinute: 720, endMinute: 780 }] }
    assert.equal(open(lunch, '2026-06-17T15:59:00Z'), true)
    assert.equal(open(lunch, '2026-06-17T16:00:00Z'), false)
    assert.equal(open(lunch, '2026-06-17T17:00:00Z'), true)
    const night = { startMinute: 1320, endMinute: 360, holidays: ['2026-12-24'] }
    assert.equal(open(night, '2026-12-25T03:30:00Z'), false) // Still the 24th in New York.
    assert.equal(open(night, '2026-12-25T09:00:00Z'), false) // 04:00 on the 25th: it would have begun on the 24th.
    assert.equal(open(night, '2026-12-24T09:00:00Z'), true) // 04:00 on the 24th: begun on the 23rd.
    assert.equal(open(night, '2026-12-26T03:30:00Z'), true)
  })

  it('with breaks and holidays across midnight and clock changes, are what a walk along the wall clock finds', () => {
    const clocks = new WallClocks()
    fc.assert(
      fc.property(window, instant, (hours, ms) => {
        const found = clocks.openingOf(hours).isOpen(ms)
        assert.equal(found, oracle(hours, ms))
        assert.equal(isOpen(hours, ms), found)
      }),
      { numRuns: 3000 },
    )
  })

  it('are not shared by windows that differ in a break or a holiday alone', () => {
    const clocks = new WallClocks()
    const plain: TimeWindow = { startMinute: 0, endMinute: 1440, days: [], timezone: ZONE }
    const noon = at('2026-06-17T16:00:00Z')
    assert.equal(clocks.openingOf(plain).isOpen(noon), true)
    assert.equal(clocks.openingOf({ ...plain, holidays: ['2026-06-17'] }).isOpen(noon), false)
    assert.equal(clocks.openingOf({ ...plain, breaks: [{ startMinute: 720, endMinute: 721 }] }).isOpen(noon), false)
  })
})
