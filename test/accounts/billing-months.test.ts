import assert from 'node:assert/strict'
import fc from 'fast-check'
import { monthsEnded } from '../../accounts/billing-months.ts'
import { localMonth } from '../../model/time-zone.ts'

const ZONES = ['UTC', 'America/New_York', 'America/Los_Angeles', 'Pacific/Honolulu', 'Asia/Kolkata', 'Asia/Tehran']
/** Their clocks have sprung over a midnight that began a month, or gone back over one. */
const ODD_ZONES = ['Asia/Amman', 'Africa/Cairo', 'America/Asuncion', 'Pacific/Apia', 'Asia/Damascus']
const at = (text: string): Date => new Date(text)

describe('billing months', () => {
  it('begin and end at midnight on the account’s clocks', () => {
    const months = monthsEnded(at('2026-10-15T00:00:00Z'), at('2026-12-01T05:00:00Z'), 'America/New_York')
    assert.deepEqual(months, [
      { period: '2026-10', from: at('2026-10-01T04:00:00Z'), until: at('2026-11-01T04:00:00Z') },
      { period: '2026-11', from: at('2026-11-01T04:00:00Z'), until: at('2026-12-01T05:00:00Z') },
    ])
  })

  it('are none before the first is over', () => {
    assert.deepEqual(monthsEnded(at('2026-10-15T00:00:00Z'), at('2026-11-01T03:59:59Z'), 'America/New_York'), [])
  })

  it('are at most ten years’ at once', () => {
    assert.equal(monthsEnded(at('1990-01-01T00:00:00Z'), at('2026-01-01T00:00:00Z'), 'UTC').length, 120)
  })

  it('leave no moment out and have none twice, in any zone (1,000 cases)', () => {
    const cases = fc.record({
      zone: fc.constantFrom(...ZONES, ...ODD_ZONES),
      since: fc.date({ min: at('2000-01-01T00:00:00Z'), max: at('2030-01-01T00:00:00Z'), noInvalidDate: true }),
      days: fc.integer({ min: 0, max: 200 }),
    })
    fc.assert(
      fc.property(cases, ({ zone, since, days }) => {
        const now = new Date(since.getTime() + days * 86_400_000)
        const months = monthsEnded(since, now, zone)
        for (const [index, { period, from, until }] of months.entries()) {
          if (index > 0) assert.equal(from.getTime(), months[index - 1]!.until.getTime())
          const month = localMonth(zone, from.getTime())
          assert.equal(period, `${Math.floor(month / 12)}-${String((month % 12) + 1).padStart(2, '0')}`)
          assert.ok(localMonth(zone, from.getTime() - 1) < month, 'it begins no earlier')
          assert.ok(localMonth(zone, until.getTime() - 1) === month && until <= now)
        }
        if (months.length > 0) assert.ok(months[0]!.from <= since && since < months[0]!.until)
        const last = months.at(-1)?.until ?? since
        assert.equal(localMonth(zone, last.getTime()), localMonth(zone, now.getTime()))
      }),
      { numRuns: 1000 },
    )
  })
})
