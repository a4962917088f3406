import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import type { AccountId, BidId, CampaignId, TargetId } from '../../model/ids.ts'
import { newId } from '../../model/ids.ts'
import { createRouting } from '../../routing/route-call.ts'
import {
  aBid,
  aCampaign,
  aNumber,
  anAccount,
  aRequest,
  aTarget,
  change,
  criteria,
  dollars,
  geography,
  NOON,
} from '../support/market.ts'

const HOUR_MS = 3_600_000
/** True of every call here: whoever asks it is judged in full, and comes to the same. */
const HARMLESS = [{ key: 'absent', values: ['x'], isNot: true }]

const limit = fc.option(fc.integer({ min: 1, max: 3 }), { freq: 1 })
const states = fc.option(fc.subarray(['NY', 'NJ', 'TX'], { minLength: 1 }), { freq: 1 })
const hours = fc.option(
  fc.record({ startMinute: fc.integer({ min: 0, max: 1439 }), endMinute: fc.integer({ min: 0, max: 1439 }) }),
)
const owners = fc.array(
  fc.record({
    funds: fc.integer({ min: 0, max: 30 }),
    currency: fc.constantFrom('USD', 'USD', 'USD', 'EUR'),
    daily: fc.option(fc.integer({ min: 1, max: 40 }), { freq: 1 }),
    states,
    hours,
    cap: limit,
    rung: limit,
    isUp: fc.integer({ min: 0, max: 4 }),
  }),
  { minLength: 3, maxLength: 3 },
)
const bids = fc.array(
  fc.record({
    owner: fc.nat({ max: 2 }),
    cents: fc.integer({ min: 50, max: 1500 }),
    billableAfter: fc.constantFrom(30, 90, 150),
    states,
    hours,
    most: limit,
  }),
  { minLength: 1, maxLength: 25 },
)
const calls = fc.array(
  fc.record({
    places: fc.subarray(['NY', 'NJ', 'TX']),
    hour: fc.integer({ min: 0, max: 30 }),
    isTaken: fc.boolean(),
    isPing: fc.boolean(),
    reserve: fc.constantFrom(0, 1, 2.505),
  }),
  { minLength: 1, maxLength: 6 },
)

type Owners = typeof owners extends fc.Arbitrary<infer T> ? T : never
type Bids = typeof bids extends fc.Arbitrary<infer T> ? T : never
type Calls = typeof calls extends fc.Arbitrary<infer T> ? T : never

/** What each call came to, in a market where every bid also asks for what `tags` say. */
function sell(market: Owners, offers: Bids, sold: Calls, tags: typeof HARMLESS): unknown[] {
  const routing = createRouting({
    availableMicros: (id) => dollars(market[Number(id.slice(5))]!.funds),
    isTargetUp: (id) => market[Number(id.slice(6))]!.isUp > 0,
    clock: { now: () => NOON },
    newId,
  })
  const window = (one: { startMinute: number; endMinute: number } | null) =>
    one && { ...one, days: [], timezone: 'America/New_York' }
  for (const [i, owner] of market.entries()) {
    routing.apply(change.account(anAccount(`buyer${i}`, { currency: owner.currency })))
    routing.apply(change.target(aTarget(`target${i}`, `buyer${i}`, { maxConcurrentCalls: owner.rung })))
    routing.apply(
      change.campaign(
        aCampaign(`campaign${i}`, `buyer${i}`, {
          budget: { dailyMicros: owner.daily === null ? null : dollars(owner.daily), totalMicros: null },
          caps: { hourly: owner.cap, daily: null, monthly: null, total: null, concurrent: null },
          schedule: window(owner.hours),
          criteria: criteria(owner.states ? { geography: geography({ states: owner.states }) } : {}),
        }),
      ),
    )
  }
  for (const [i, offer] of offers.entries())
    routing.apply(
      change.bid(
        aBid(`bid${String(i).padStart(2, '0')}`, offer.cents / 100, {
          id: `bid${String(i).padStart(2, '0')}` as BidId,
          accountId: `buyer${offer.owner}` as AccountId,
          campaignId: `campaign${offer.owner}` as CampaignId,
          targetId: `target${offer.owner}` as TargetId,
          billableAfter: offer.billableAfter,
          maxConcurrentCalls: offer.most,
          criteria: criteria({
            ...(offer.states && { geography: geography({ states: offer.states }) }),
            timeWindow: window(offer.hours),
            tags,
          }),
        }),
      ),
    )
  return sold.map(({ places, hour, isTaken, isPing, reserve }) => {
    const number = aNumber({ reservePriceMicros: dollars(reserve) })
    const request = aRequest({
      number,
      places: places.map((state) => ({ state, timezone: 'America/New_York' })),
      receivedAtMs: NOON + hour * HOUR_MS,
      isPing,
    })
    const { awards, nonBids, nonBidsOmitted } = routing.auction(request)
    const taken = isTaken && awards[0] ? routing.reserve(awards[0], request.callId, null, request.receivedAtMs) : null
    return {
      awards: awards.map(({ bidId, priceMicros, score }) => [bidId, priceMicros, score]),
      nonBids: nonBids.map(({ bidId, code }) => `${bidId} ${code}`).toSorted(),
      nonBidsOmitted,
      taken: typeof taken === 'string' ? taken : taken !== null,
    }
  })
}

describe('judging at once what bids share', () => {
  it('comes to the same awards, prices and reasons as judging each in full', () => {
    fc.assert(
      fc.property(owners, bids, calls, (market, offers, sold) => {
        assert.deepEqual(sell(market, offers, sold, []), sell(market, offers, sold, HARMLESS))
      }),
      { numRuns: 2000 },
    )
  })
})
