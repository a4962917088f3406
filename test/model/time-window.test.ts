import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import type { Day, TimeWindow } from '../../model/bid.ts'
import { isOpen, isTimeZone, localDay, localHour, localMonth, localTime } from '../../model/time-window.ts'

const window = (start: string, end: string, timezone = 'America/New_York', days: Day[] = []): TimeWindow => ({
  startMinute: minutes(start),
  endMinute: minutes(end),
  days,
  timezone,
})
function minutes(text: string): number {
  const [hours, rest] = text.split(':').map(Number)
  return hours! * 60 + rest!
}
const at = (iso: string): number => Date.parse(iso)

describe('local time', () => {
  it('reads the wall in zones east, west and off the hour', () => {
    assert.deepEqual(localTime('Asia/Kathmandu', at('2026-01-01T00:00:00Z')), {
      year: 2026,
      month: 1,
      day: 1,
      weekday: 'thu',
      minuteOfDay: 5 * 60 + 45,
      offsetMinutes: 345,
    })
    const newYork = localTime('America/New_York', at('2026-03-01T02:00:00Z'))
    assert.deepEqual([newYork.month, newYork.day, newYork.weekday, newYork.minuteOfDay], [2, 28, 'sat', 21 * 60])
  })

  it('changes the clocks in the very millisecond', () => {
    const spring = at('2026-03-08T07:00:00Z') // 02:00 EST becomes 03:00 EDT.
    assert.equal(localTime('America/New_York', spring - 1).minuteOfDay, 119)
    assert.equal(localTime('America/New_York', spring).minuteOfDay, 180)
    const autumn = at('2026-11-01T06:00:00Z') // 02:00 EDT becomes 01:00 EST.
    assert.equal(localTime('America/New_York', autumn - 1).minuteOfDay, 119)
    assert.equal(localTime('America/New_York', autumn).minuteOfDay, 60)
    const lordHowe = at('2026-10-03T15:30:00Z') // Half an hour forward: 02:00 becomes 02:30.
    assert.equal(localTime('Australia/Lord_Howe', lordHowe - 1).minuteOfDay, 119)
    assert.equal(localTime('Australia/Lord_Howe', lordHowe).minuteOfDay, 150)
  })

  it('keeps Arizona on standard time and the Navajo Nation on summer time', () => {
    const july = at('2026-07-01T12:00:00Z')
    assert.equal(localTime('America/Phoenix', july).offsetMinutes, -420)
    assert.equal(localTime('America/Denver', july).offsetMinutes, -360)
  })

  it('agrees with Intl at any instant in any zone', () => {
    const zones = [
      'America/New_York',
      'America/Phoenix',
      'Pacific/Apia',
      'Europe/London',
      'Pacific/Guam',
      'America/St_Johns',
    ]
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.integer({ min: at('1975-01-01T00:00:00Z'), max: at('2060-01-01T00:00:00Z') }),
        (zone, ms) => {
          const text = new Date(ms).toLocaleString('en-GB', { timeZone: zone, hourCycle: 'h23' })
          const [day, month, year, hour, minute] = text.split(/\D+/).map(Number)
          const local = localTime(zone, ms)
          assert.deepEqual(
            [local.year, local.month, local.day, local.minuteOfDay],
            [year, month, day, hour! * 60 + minute!],
          )
        },
      ),
    )
  })

  it('counts days, hours and months by the wall', () => {
    const zone = 'America/Los_Angeles'
    assert.equal(localDay(zone, at('2026-01-02T07:59:59Z')) + 1, localDay(zone, at('2026-01-02T08:00:00Z')))
    assert.equal(localMonth(zone, at('2026-02-01T07:59:59Z')) + 1, localMonth(zone, at('2026-02-01T08:00:00Z')))
    // The hour that autumn repeats is one hour.
    assert.equal(localHour(zone, at('2026-11-01T08:30:00Z')), localHour(zone, at('2026-11-01T09:30:00Z')))
  })

  it('knows zones by name and nothing else', () => {
    assert.equal(isTimeZone('America/Chicago'), true)
    for (const name of ['', 'Mars/Olympus', '+05:00', 'America', '../etc/passwd'])
      assert.equal(isTimeZone(name), false, name)
  })
})

describe('a time window', () => {
  it('opens with its first minute and is shut in its last', () => {
    const hours = window('09:00', '17:00')
    assert.equal(isOpen(hours, at('2026-01-05T13:59:59.999Z')), false)
    assert.equal(isOpen(hours, at('2026-01-05T14:00:00Z')), true)
    assert.equal(isOpen(hours, at('2026-01-05T21:59:59.999Z')), true)
    assert.equal(isOpen(hours, at('2026-01-05T22:00:00Z')), false)
  })

  it('keeps to its days in its own zone', () => {
    const monday = window('00:00', '24:00', 'Pacific/Auckland', ['mon'])
    assert.equal(isOpen(monday, at('2026-01-04T11:00:00Z')), true) // Sunday in London, Monday in Auckland.
    assert.equal(isOpen(monday, at('2026-01-05T11:00:00Z')), false)
  })

  it('crosses midnight on the day that named its start', () => {
    const night = window('22:00', '06:00', 'America/New_York', ['fri'])
    assert.equal(isOpen(night, at('2026-01-10T04:00:00Z')), true) // Friday 23:00
    assert.equal(isOpen(night, at('2026-01-10T10:59:00Z')), true) // Saturday 05:59
    assert.equal(isOpen(night, at('2026-01-10T11:00:00Z')), false) // Saturday 06:00
    assert.equal(isOpen(night, at('2026-01-09T09:00:00Z')), false) // Friday 04:00 belongs to Thursday.
    const sunday = window('22:00', '06:00', 'America/New_York', ['sun'])
    assert.equal(isOpen(sunday, at('2026-01-12T06:00:00Z')), true) // Monday 01:00: the week turns too.
  })

  it('is a whole day when it ends where it starts', () => {
    const whole = window('09:00', '09:00', 'UTC', ['mon'])
    assert.equal(isOpen(whole, at('2026-01-05T08:59:00Z')), false)
    assert.equal(isOpen(whole, at('2026-01-05T09:00:00Z')), true)
    assert.equal(isOpen(whole, at('2026-01-06T08:59:00Z')), true)
    assert.equal(isOpen(whole, at('2026-01-06T09:00:00Z')), false)
  })

  it('never opens inside the hour that spring skips, and opens twice in the one that autumn repeats', () => {
    const skipped = window('02:00', '03:00')
    for (let minute = 0; minute < 180; minute++)
      assert.equal(isOpen(skipped, at('2026-03-08T06:00:00Z') + minute * 60_000), false)
    const repeated = window('01:00', '02:00')
    let open = 0
    for (let minute = 0; minute < 240; minute++)
      if (isOpen(repeated, at('2026-11-01T04:00:00Z') + minute * 60_000)) open++
    assert.equal(open, 120)
  })
})
