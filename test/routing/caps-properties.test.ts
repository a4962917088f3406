import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import type { Caps } from '../../model/caps.ts'
import type { NonBidCode } from '../../model/bid.ts'
import type { CallId } from '../../model/ids.ts'
import { newId } from '../../model/ids.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import { createRouting, type Reservation } from '../../routing/route-call.ts'
import { aBid, aCampaign, anAccount, aNumber, aRequest, aTarget, change, dollars } from '../support/market.ts'

/** An hour before the clocks of New York go back, two days before its month ends. */
const START = Date.parse('2026-10-30T03:00:00Z')
const CALL = 'call' as CallId
const PRICE = dollars(2)
const SELLER = aNumber().accountId

const CLOCKS = new Map(
  ['America/New_York', 'UTC', 'Asia/Kolkata'].map((timeZone) => [
    timeZone,
    new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' }),
  ]),
)

/** Mostly none: a call that one limit refuses says nothing of the others. */
const orNone = <T>(limit: fc.Arbitrary<T>): fc.Arbitrary<T | null> =>
  fc.oneof({ weight: 9, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: limit })
const cap = orNone(fc.integer({ min: 0, max: 8 }))
const caps: fc.Arbitrary<Caps> = fc.record({ hourly: cap, daily: cap, monthly: cap, total: cap, concurrent: cap })
const budget = orNone(fc.integer({ min: 1, max: 20 }).map((amount) => dollars(amount)))
const parts = fc.record({
  timezone: fc.constantFrom(...CLOCKS.keys()),
  campaign: caps,
  buyer: caps,
  seller: caps,
  target: caps,
  ofBid: orNone(fc.integer({ min: 1, max: 4 })),
  dailyMicros: budget,
  totalMicros: budget,
})
type Parts = typeof parts extends fc.Arbitrary<infer T> ? T : never

const steps = fc.array(
  fc.record({
    // Mostly minutes apart; now and then hours or days.
    laterMs: fc.oneof(fc.integer({ min: 0, max: 600_000 }), fc.integer({ min: 0, max: 40 * 3_600_000 })),
    what: fc.constantFrom('sell', 'sell', 'sell', 'release', 'settle', 'settle'),
    which: fc.nat(20),
    billed: fc.boolean(),
  }),
  { minLength: 1, maxLength: 40, size: 'max' },
)

type Steps = typeof steps extends fc.Arbitrary<infer T> ? T : never

/** One call that was sold: what is known of it in the plainest words. */
interface Sold {
  readonly hour: string
  readonly day: string
  readonly month: string
  readonly reservation: Reservation
  state: 'open' | 'released' | 'settled'
  micros: bigint
}

/** The wall's hour of an instant, as a text: an hour that comes twice is one. */
function hourOn(timezone: string, atMs: number): string {
  return CLOCKS.get(timezone)!.format(atMs).slice(0, 13)
}

describe('caps and budgets', () => {
  it('let through what a count of every call sold so far would, never one more, and forget none (1,000 histories)', () => {
    let sold = 0
    const refusals = new Set<string>()
    fc.assert(
      fc.property(parts, steps, (limits, history) => {
        const calls = play(limits, history, refusals)
        sold += calls.length
      }),
      { numRuns: 1000 },
    )
    assert.ok(sold > 3000, `${sold} calls sold`)
    for (const code of ['campaign_cap', 'campaign_concurrency', 'buyer_cap', 'buyer_concurrency', 'seller_cap'])
      assert.ok(refusals.has(code), `nothing was refused by ${code}: ${[...refusals].join(' ')}`)
    for (const code of ['seller_concurrency', 'target_cap', 'bid_concurrency', 'budget_exhausted'])
      assert.ok(refusals.has(code), `nothing was refused by ${code}: ${[...refusals].join(' ')}`)
  })
})

function play(limits: Parts, history: Steps, refusals: Set<string>): Sold[] {
  const { timezone } = limits
  const routing = createRouting({ availableMicros: () => dollars(1000), clock: { now: () => START }, newId })
  const bid = aBid('a', 2, { maxConcurrentCalls: limits.ofBid })
  const { dailyMicros, totalMicros } = limits
  const targetCaps = { ...limits.target, concurrent: null }
  const campaign = { timezone, caps: limits.campaign, budget: { dailyMicros, totalMicros }, frequency: null }
  for (const one of [
    change.account(anAccount(bid.accountId, { timezone, caps: limits.buyer })),
    change.account(anAccount(SELLER, { type: 'seller', timezone, caps: limits.seller })),
    change.target(aTarget(bid.targetId, bid.accountId, { caps: targetCaps, maxConcurrentCalls: null })),
    change.campaign(aCampaign(bid.campaignId, bid.accountId, campaign)),
    change.bid(bid),
  ])
    routing.apply(one)

  const calls: Sold[] = []
  let atMs = START
  for (const [i, step] of history.entries()) {
    atMs += step.laterMs
    const open = calls.filter(({ state }) => state === 'open')
    const one = open[step.which % Math.max(1, open.length)]
    if (step.what === 'release' && one) {
      one.reservation.release()
      one.state = 'released'
      one.reservation.settle(PRICE) // What ended once has ended.
    } else if (step.what === 'settle' && one) {
      one.micros = step.billed ? PRICE : 0n
      one.reservation.settle(one.micros)
      one.state = 'settled'
      one.reservation.release()
    } else {
      const ani = `+1212555${String(i).padStart(4, '0')}` as PhoneNumber
      const hour = hourOn(timezone, atMs)
      const expected = judge(limits, targetCaps, calls, hour)
      const number = aNumber({ priceRule: 'first' })
      const { awards, nonBids } = routing.auction(aRequest({ number, receivedAtMs: atMs, ani }))
      assert.equal(awards.length, expected === null ? 1 : 0, `the auction says ${nonBids[0]?.code}, not ${expected}`)
      const award = awards[0] ?? {
        id: newId<never>(),
        rank: 1,
        bidId: bid.id,
        campaignId: bid.campaignId,
        buyerId: bid.accountId,
        targetId: bid.targetId,
        amountMicros: PRICE,
        score: 0n,
        priceMicros: PRICE,
        billableAfter: 0,
      }
      const reservation = routing.reserve(award, CALL, ani, atMs, SELLER)
      if (typeof reservation === 'string') {
        assert.equal(reservation, expected)
        refusals.add(reservation)
      } else {
        assert.equal(expected, null)
        const [day, month] = [hour.slice(0, 10), hour.slice(0, 7)]
        calls.push({ hour, day, month, reservation, state: 'open', micros: PRICE })
      }
    }
    assert.equal(routing.stats().reservations, calls.filter(({ state }) => state === 'open').length)
  }
  return calls
}

/** Why one more call may not be sold: everything counted anew. */
function judge(limits: Parts, targetCaps: Caps, calls: readonly Sold[], hour: string): NonBidCode | null {
  const counted = calls.filter(({ state }) => state !== 'released')
  const inUse = calls.filter(({ state }) => state === 'open').length
  const [day, month] = [hour.slice(0, 10), hour.slice(0, 7)]
  const isUp = (most: number | null, used: number): boolean => most !== null && used >= most
  const capOf = (of: Caps): boolean =>
    isUp(of.total, counted.length) ||
    isUp(of.hourly, counted.filter((call) => call.hour === hour).length) ||
    isUp(of.daily, counted.filter((call) => call.day === day).length) ||
    isUp(of.monthly, counted.filter((call) => call.month === month).length)
  const spent = (some: readonly Sold[]): bigint => some.reduce((sum, { micros }) => sum + micros, 0n)

  if (isUp(limits.seller.concurrent, inUse)) return 'seller_concurrency'
  if (capOf(limits.seller)) return 'seller_cap'
  if (isUp(limits.ofBid, inUse)) return 'bid_concurrency'
  if (capOf(targetCaps)) return 'target_cap'
  if (isUp(limits.campaign.concurrent, inUse)) return 'campaign_concurrency'
  if (capOf(limits.campaign)) return 'campaign_cap'
  if (isUp(limits.buyer.concurrent, inUse)) return 'buyer_concurrency'
  if (capOf(limits.buyer)) return 'buyer_cap'
  const { dailyMicros, totalMicros } = limits
  if (totalMicros !== null && spent(counted) + PRICE > totalMicros) return 'budget_exhausted'
  if (dailyMicros !== null && spent(counted.filter((call) => call.day === day)) + PRICE > dailyMicros)
    return 'budget_exhausted'
  return null
}
