import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { localTime } from '../../model/time-window.ts'
import { Pacing } from '../../routing/pacing.ts'
import { chance } from '../bench/routing-market.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const ZONE = 'America/New_York'
/** Midnight in New York; the clocks go back in the night after the next. */
const MIDNIGHT = Date.parse('2026-10-30T04:00:00Z')
const BID = 15_000_000

interface Call {
  readonly atMs: number
  readonly priceMicros: number
}
interface Market {
  readonly seed: number
  readonly calls: number
  readonly peak: number
  readonly width: number
  readonly supply: number
  readonly opens: number
}

/** A day of calls as call centres have it: a hump of its own height, width and place, with a dip at lunch; a fixed market price each. */
function dayOfCalls(day: number, { calls, peak, width, opens }: Market, next: () => number): Call[] {
  const made: Call[] = []
  const winterFrom = day === 2 ? 2 : day > 2 ? 0 : 24 // The hour by the wall: from then on it is an hour later by UTC.

  while (made.length < calls) {
    const hour = opens + next() * (24 - opens)
    const hump = Math.exp(-((hour - peak) ** 2) / (2 * width ** 2)) * (1 - 0.25 * Math.exp(-((hour - 12.5) ** 2)))
    if (next() < hump)
      made.push({
        atMs: MIDNIGHT + day * DAY_MS + (hour >= winterFrom ? hour + 1 : hour) * HOUR_MS,
        priceMicros: Math.round(BID * (0.3 + next() * 0.7)),
      })
  }
  return made.toSorted((a, b) => a.atMs - b.atMs)
}

/** Buys what it may: what is spent, and what had been when half of the day's calls had come. */
function spend(pacing: Pacing, calls: readonly Call[], budget: number): { spent: number; byHalf: number } {
  let spent = 0
  let byHalf = 0
  for (const [i, { atMs, priceMicros }] of calls.entries()) {
    if (i === Math.floor(calls.length / 2)) byHalf = spent
    const factor = pacing.offer(atMs, spent, budget - spent)
    assert.ok(factor === 0 || (factor >= 500 && factor <= 1000 && Number.isInteger(factor)))
    if ((BID * factor) / 1000 >= priceMicros && priceMicros <= budget - spent) spent += priceMicros
  }
  return { spent, byHalf }
}

const market: fc.Arbitrary<Market> = fc.record({
  seed: fc.integer({ min: 1, max: 1e9 }),
  calls: fc.integer({ min: 300, max: 1500 }),
  peak: fc.double({ min: 11, max: 15, noNaN: true }),
  width: fc.double({ min: 3, max: 5, noNaN: true }),
  supply: fc.double({ min: 1.5, max: 5, noNaN: true }),
  opens: fc.constantFrom(0, 8),
})

describe('even pacing', function () {
  this.timeout(120_000)

  it('ends every day within 2 % of its budget, and once it knows its calls not far ahead of them, over 1,000 markets', () => {
    fc.assert(
      fc.property(market, (one) => {
        const next = chance(one.seed)
        const pacing = new Pacing(ZONE, (ms) => localTime(ZONE, ms).minuteOfDay >= one.opens * 60)
        for (let day = 0; day < 4; day++) {
          const calls = dayOfCalls(day, one, next)
          const budget = Math.floor(calls.reduce((sum, call) => sum + call.priceMicros, 0) / one.supply)
          const { spent, byHalf } = spend(pacing, calls, budget)
          assert.ok(spent <= budget && spent >= 0.98 * budget, `day ${day}: ${spent / budget} of the budget`)
          // The first day may have begun before it was seen; the second is the first that is learned from.
          if (day >= 2) assert.ok(Math.abs(byHalf / budget - 0.6) < 0.2, `day ${day}: ${byHalf / budget} by half`)
        }
      }),
      { numRuns: 1000, seed: 6 }, // A statement about chance: the same thousand markets each time.,
    )
  })

  it('bids whole when behind the day, less just ahead of it, and leaves the call to others farther ahead', () => {
    const pacing = new Pacing('UTC', () => true)
    const noon = Date.parse('2026-06-17T12:00:00Z')
    const offer = (spent: number): number => pacing.offer(noon, spent, 1_000_000 - spent)
    assert.equal(offer(0), 1000)
    assert.equal(offer(1_000_000), 0)
    const factors = Array.from({ length: 1001 }, (_, i) => offer(i * 1000))
    assert.deepEqual(
      factors.toSorted((a, b) => b - a),
      factors,
    )
    assert.ok(factors.some((factor) => factor > 500 && factor < 1000))
  })

  it('goes on with its day when its campaign is changed, and learns from it as if it had not been', () => {
    const days = Array.from({ length: 3 }, (_, day) => {
      const next = chance(7 + day)
      return dayOfCalls(day, { seed: 1, calls: 600, peak: 13, width: 4, supply: 2, opens: 0 }, next)
    })
    const isOpen = (): boolean => true
    const [left, changed] = [new Pacing(ZONE, isOpen), new Pacing(ZONE, isOpen)]
    for (const calls of days)
      for (const [i, { atMs }] of calls.entries()) {
        if (i % 100 === 50) changed.configure(ZONE, () => true)
        const spent = Math.round((i / calls.length) * 1_000_000)
        assert.equal(changed.offer(atMs, spent, 1_000_000 - spent), left.offer(atMs, spent, 1_000_000 - spent))
      }
  })

  it('plans the rest of the day by its new hours, and anew in another zone', () => {
    const noon = Date.parse('2026-06-17T12:00:00Z')
    const pacing = new Pacing('UTC', () => true)
    const half = (): number => pacing.offer(noon, 800_000, 200_000)
    assert.equal(half(), 0) // Far ahead of the day.
    pacing.configure('UTC', (ms) => ms < noon + HOUR_MS)
    assert.equal(half(), 1000) // Nearly at its end.
    pacing.configure('Asia/Tokyo', () => true)
    assert.equal(half(), 1000) // It is nine in the evening.
  })

  it('has a plan for a day on which its hours are never open, and for a zone nobody knows', () => {
    const never = new Pacing('Nowhere/Land', () => false)
    const at = (hour: number): number => Date.parse('2026-06-17T00:00:00Z') + hour * HOUR_MS
    assert.equal(never.offer(at(1), 500_000, 500_000), 0)
    assert.equal(never.offer(at(20), 500_000, 500_000), 1000)
  })
})
