import assert from 'node:assert/strict'
import type { Award } from '../../model/auction.ts'
import type { Campaign, NonBidCode } from '../../model/bid.ts'
import type { CallId } from '../../model/ids.ts'
import { newId } from '../../model/ids.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import { createRouting, type Reservation, type Routing } from '../../routing/route-call.ts'
import {
  aBid,
  aCampaign,
  aNumber,
  aRequest,
  aTarget,
  CALLER,
  change,
  dollars,
  marketOf,
  NOON,
} from '../support/market.ts'

const CALL = 'call' as CallId
const OTHER = '+13125550123' as PhoneNumber
const HOUR = 3_600_000
const DAY = 24 * HOUR
const NO_CAPS = { hourly: null, daily: null, monthly: null, total: null, concurrent: null }

/** A market of one bid of $2, sold at its own price so that sums are easy. */
function market(changes: Partial<Campaign> = {}, bidChanges: Parameters<typeof aBid>[2] = {}): Routing {
  const routing = createRouting({ availableMicros: () => dollars(1000), clock: { now: () => NOON }, newId })
  const bid = aBid('a', 2, bidChanges)
  for (const one of marketOf(bid)) routing.apply(one)
  routing.apply(change.campaign(aCampaign(bid.campaignId, bid.accountId, changes)))
  return routing
}
const request = (atMs: number, ani: PhoneNumber | null): ReturnType<typeof aRequest> =>
  aRequest({ number: aNumber({ priceRule: 'first' }), receivedAtMs: atMs, ani })

/** Sells and reserves one call, or says why neither the auction nor the reservation let it. */
function sell(routing: Routing, atMs = NOON, ani: PhoneNumber | null = CALLER): Reservation | NonBidCode {
  const { awards, nonBids } = routing.auction(request(atMs, ani))
  const inAuction = awards[0] ? null : nonBids[0]!.code
  const reserved = routing.reserve(awards[0] ?? awardOf('a'), CALL, ani, atMs)
  if (inAuction !== null) assert.equal(reserved, inAuction, 'the auction and the reservation disagree')
  return reserved
}
function awardOf(id: string): Award {
  const bid = aBid(id, 2)
  return {
    id: newId(),
    rank: 1,
    bidId: bid.id,
    campaignId: bid.campaignId,
    buyerId: bid.accountId,
    targetId: bid.targetId,
    amountMicros: bid.amountMicros,
    score: 0n,
    priceMicros: bid.amountMicros,
    billableAfter: bid.billableAfter,
  }
}
function taken(reservation: Reservation | NonBidCode): Reservation {
  if (typeof reservation === 'string') assert.fail(`refused: ${reservation}`)
  return reservation
}

describe('places on a bid, a target and a campaign', () => {
  const limits: [string, NonBidCode, () => Routing][] = [
    ['the bid', 'bid_concurrency', () => market({}, { maxConcurrentCalls: 2 })],
    [
      'the target',
      'target_concurrency',
      () => {
        const routing = market()
        routing.apply(change.target(aTarget('a-target', 'a-buyer', { maxConcurrentCalls: 2 })))
        return routing
      },
    ],
    ['the campaign', 'campaign_concurrency', () => market({ caps: { ...NO_CAPS, concurrent: 2 } })],
  ]
  for (const [name, code, make] of limits) {
    it(`are so many on ${name}, from the INVITE to the end of the leg`, () => {
      const routing = make()
      const first = taken(sell(routing))
      const second = taken(sell(routing))
      assert.equal(sell(routing), code)
      first.release()
      const third = taken(sell(routing))
      assert.equal(sell(routing), code)
      second.settle(dollars(2))
      third.settle(0n)
      taken(sell(routing))
    })
  }

  it('are given back once', () => {
    const routing = market({ caps: { ...NO_CAPS, concurrent: 1 } })
    const places = taken(sell(routing))
    places.release()
    places.release()
    places.settle(dollars(2))
    taken(sell(routing))
    assert.equal(sell(routing), 'campaign_concurrency')
    assert.equal(routing.stats().reservations, 1)
  })

  it('are gone with a bid that was taken back or paused since the auction', () => {
    const routing = market()
    const bid = aBid('a', 2)
    routing.apply(change.bid({ ...bid, status: 'paused' }))
    assert.equal(routing.reserve(awardOf('a'), CALL, CALLER, NOON), 'bid_paused')
    routing.apply({ kind: 'bid', id: bid.id, value: null })
    assert.equal(routing.reserve(awardOf('a'), CALL, CALLER, NOON), 'bid_paused')
    assert.equal(routing.stats().reservations, 0)
  })

  it('survive a target and a campaign that go away in mid-call', () => {
    const routing = market({ caps: { ...NO_CAPS, concurrent: 1 } })
    const places = taken(sell(routing))
    const bid = aBid('a', 2)
    routing.apply({ kind: 'campaign', id: bid.campaignId, value: null })
    routing.apply({ kind: 'target', id: bid.targetId, value: null })
    routing.apply({ kind: 'bid', id: bid.id, value: null })
    places.settle(dollars(2))
    for (const one of marketOf(bid)) routing.apply(one)
    taken(sell(routing))
  })
})

describe('caps on the number of calls', () => {
  const caps: [keyof typeof NO_CAPS, number][] = [
    ['hourly', HOUR],
    ['daily', DAY],
    ['monthly', 31 * DAY],
  ]
  for (const [name, later] of caps) {
    it(`hold by the ${name.replace('dai', 'day').replace('ly', '')} of the campaign’s clock`, () => {
      const routing = market({ caps: { ...NO_CAPS, [name]: 2 } })
      taken(sell(routing)).settle(dollars(2))
      taken(sell(routing)).settle(0n) // Answered and too short to bill: still a call.
      assert.equal(sell(routing), 'campaign_cap')
      taken(sell(routing, NOON + later))
    })
  }

  it('hold in total', () => {
    const routing = market({ caps: { ...NO_CAPS, total: 2 } })
    taken(sell(routing)).settle(dollars(2))
    taken(sell(routing, NOON + 400 * DAY)).settle(dollars(2))
    assert.equal(sell(routing, NOON + 800 * DAY), 'campaign_cap')
  })

  it('are not used by an INVITE that was not answered', () => {
    const routing = market({ caps: { ...NO_CAPS, total: 1, hourly: 1, daily: 1, monthly: 1 } })
    for (let i = 0; i < 5; i++) taken(sell(routing)).release()
    const ringing = taken(sell(routing))
    assert.equal(sell(routing), 'campaign_cap') // It may still be answered.
    ringing.settle(dollars(2))
    assert.equal(sell(routing), 'campaign_cap')
  })

  it('turn over at the campaign’s midnight, not at ours', () => {
    const midnight = Date.parse('2026-06-18T07:00:00Z') // In Los Angeles.
    const routing = market({ timezone: 'America/Los_Angeles', caps: { ...NO_CAPS, daily: 1 } })
    taken(sell(routing, midnight - 10)).settle(dollars(2))
    assert.equal(sell(routing, midnight - 1), 'campaign_cap')
    taken(sell(routing, midnight))
    // A call that came before midnight and is awarded after it belongs to the day it came.
    assert.equal(sell(routing, midnight - 1), 'campaign_cap')
  })

  it('can be raised in mid-day', () => {
    const routing = market({ caps: { ...NO_CAPS, daily: 1 } })
    taken(sell(routing)).settle(dollars(2))
    assert.equal(sell(routing), 'campaign_cap')
    routing.apply(change.campaign(aCampaign('a-campaign', 'a-buyer', { caps: { ...NO_CAPS, daily: 2 } })))
    taken(sell(routing))
    assert.equal(sell(routing), 'campaign_cap')
  })
})

describe('the frequency cap', () => {
  const twiceADay = { frequency: { calls: 2, hours: 24 } }

  it('is so many calls of one caller within so many hours', () => {
    const routing = market(twiceADay)
    taken(sell(routing)).settle(0n)
    taken(sell(routing, NOON + HOUR)).settle(0n)
    assert.equal(sell(routing, NOON + DAY - 1), 'frequency_cap')
    taken(sell(routing, NOON + 2 * HOUR, OTHER))
    taken(sell(routing, NOON + DAY)) // The first is out of the window.
  })

  it('does not count what was not answered, and cannot know who withholds the number', () => {
    const routing = market(twiceADay)
    for (let i = 0; i < 5; i++) taken(sell(routing)).release()
    for (let i = 0; i < 5; i++) taken(sell(routing, NOON, null))
    taken(sell(routing))
  })
})

const budget = (daily: number | null, total: number | null): Partial<Campaign> => ({
  budget: {
    dailyMicros: daily === null ? null : dollars(daily),
    totalMicros: total === null ? null : dollars(total),
  },
})

describe('budgets', () => {
  it('count holds, and keep what was billed', () => {
    const routing = market(budget(5, null))
    const first = taken(sell(routing))
    const second = taken(sell(routing))
    assert.equal(sell(routing), 'budget_exhausted')
    first.release()
    taken(sell(routing)).settle(dollars(2))
    assert.equal(sell(routing), 'budget_exhausted')
    second.settle(0n) // Too short to bill.
    taken(sell(routing))
  })

  it('cover a price that equals what is left', () => {
    const routing = market(budget(4, null))
    taken(sell(routing))
    taken(sell(routing))
    assert.equal(sell(routing), 'budget_exhausted')
  })

  it('start again with the day, but not in total', () => {
    const routing = market(budget(2, 4))
    taken(sell(routing)).settle(dollars(2))
    assert.equal(sell(routing), 'budget_exhausted')
    taken(sell(routing, NOON + DAY)).settle(dollars(2))
    assert.equal(sell(routing, NOON + 2 * DAY), 'budget_exhausted')
  })

  it('are checked again just before the INVITE', () => {
    const routing = market(budget(3, null))
    const one = routing.auction(request(NOON, CALLER)).awards[0]!
    const other = routing.auction(request(NOON, OTHER)).awards[0]!
    taken(routing.reserve(one, CALL, CALLER, NOON))
    assert.equal(routing.reserve(other, CALL, OTHER, NOON), 'budget_exhausted')
  })
})

describe('what was sold before this start', () => {
  it('is counted against caps, budgets and callers', () => {
    const { campaignId } = aBid('a', 2)
    const sold = { campaignId, awardedAtMs: NOON - HOUR, priceMicros: dollars(2), isConverted: true, ani: CALLER }
    const capped = market({ caps: { ...NO_CAPS, daily: 3 } })
    capped.restore([sold, { ...sold, calls: 2 }])
    assert.equal(sell(capped), 'campaign_cap')
    const budgeted = market({ budget: { dailyMicros: dollars(5), totalMicros: null } })
    budgeted.restore([sold, sold, { ...sold, awardedAtMs: NOON - 2 * DAY }])
    assert.equal(sell(budgeted), 'budget_exhausted')
    taken(sell(budgeted, NOON + DAY))
    const frequent = market({ frequency: { calls: 1, hours: 2 } })
    frequent.restore([sold])
    assert.equal(sell(frequent), 'frequency_cap')
    assert.equal(frequent.stats().reservations, 0)
    for (const isConverted of [true, false]) {
      const converting = market({ frequency: { calls: 1, hours: 2, after: 'converted' } })
      converting.restore([{ ...sold, isConverted, priceMicros: 0n }])
      if (isConverted) assert.equal(sell(converting), 'frequency_cap')
      else taken(sell(converting))
    }
  })

  it('may come in any order', () => {
    const { campaignId } = aBid('a', 2)
    const row = (daysAgo: number) => ({
      campaignId,
      awardedAtMs: NOON - daysAgo * DAY,
      priceMicros: dollars(2),
      isConverted: true,
      ani: null,
    })
    const routing = market({ caps: { ...NO_CAPS, daily: 1, total: 5 } })
    routing.restore([row(0), row(3), row(1), row(2)])
    assert.equal(sell(routing), 'campaign_cap')
    assert.equal(sell(routing, NOON - DAY), 'campaign_cap')
    taken(sell(routing, NOON + DAY))
    assert.equal(sell(routing, NOON + 2 * DAY), 'campaign_cap')
  })
})
