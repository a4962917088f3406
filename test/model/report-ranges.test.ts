import assert from 'node:assert/strict'
import fc from 'fast-check'
import { coarsestOn, rangesOf, type Grain } from '../../model/report-ranges.ts'

const SIZE_MS = { day: 86_400_000, hour: 3_600_000, minute: 60_000, call: 1 } as const
const at = (text: string): Date => new Date(`2026-03-${text}Z`)

describe('the ranges of a report', () => {
  it('are days in the middle, hours and minutes around them, and calls at the ends', () => {
    assert.deepEqual(
      rangesOf(at('01T22:58:30'), at('04T01:01:00.5')).map(({ grain, from }) => `${grain} ${from.toISOString()}`),
      [
        'call 2026-03-01T22:58:30.000Z',
        'minute 2026-03-01T22:59:00.000Z',
        'hour 2026-03-01T23:00:00.000Z',
        'day 2026-03-02T00:00:00.000Z',
        'hour 2026-03-04T00:00:00.000Z',
        'minute 2026-03-04T01:00:00.000Z',
        'call 2026-03-04T01:01:00.000Z',
      ],
    )
  })

  it('follow one another without gap or overlap, each of whole buckets, none finer than it must be (1,000 of them)', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 5 * SIZE_MS.day }),
        fc.integer({ min: 1, max: 5 * SIZE_MS.day }),
        fc.constantFrom<Grain>('day', 'hour', 'minute', 'call'),
        fc.option(fc.integer({ min: 0, max: 10 * SIZE_MS.day })),
        (fromMs, ms, coarsest, minutesSinceMs) => {
          const ranges = rangesOf(new Date(fromMs), new Date(fromMs + ms), coarsest, minutesSinceMs ?? undefined)
          assert.equal(ranges[0]!.from.getTime(), fromMs)
          assert.equal(ranges.at(-1)!.until.getTime(), fromMs + ms)
          for (const [i, { grain, from, until }] of ranges.entries()) {
            assert.ok(from < until && SIZE_MS[grain] <= SIZE_MS[coarsest])
            if (i > 0) assert.deepEqual(from, ranges[i - 1]!.until)
            assert.equal(from.getTime() % SIZE_MS[grain], 0)
            assert.equal(until.getTime() % SIZE_MS[grain], 0)
            if (grain === 'minute') assert.ok(from.getTime() >= (minutesSinceMs ?? 0))
          }
          // At most both sides of each, and of calls also where no minutes are kept.
          assert.ok(ranges.length <= 7)
        },
      ),
      { numRuns: 1000 },
    )
  })

  it('of a series are as coarse as its clocks allow', () => {
    const [from, until] = [at('07T00:00:00'), at('09T00:00:00')] // The clocks of New York spring forward.
    assert.equal(coarsestOn('UTC', 'day', from, until), 'day')
    assert.equal(coarsestOn('UTC', 'hour', from, until), 'hour')
    assert.equal(coarsestOn('America/New_York', 'day', from, until), 'hour')
    assert.equal(coarsestOn('Asia/Kolkata', 'hour', from, until), 'minute')
    assert.equal(coarsestOn('Europe/London', 'day', from, until), 'day')
    assert.equal(coarsestOn('Europe/London', 'day', from, at('31T00:00:00')), 'hour')
    assert.equal(coarsestOn('UTC', 'minute', from, until), 'minute')
  })
})
