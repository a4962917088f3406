import assert from 'node:assert/strict'
import type { Bid } from '../../model/bid.ts'
import type { Exclusion } from '../../model/exclusion.ts'
import type { AccountId } from '../../model/ids.ts'
import { newId } from '../../model/ids.ts'
import { createRouting, type Routing } from '../../routing/route-call.ts'
import { codes, market, verdict, winners } from '../support/auctions.ts'
import {
  aBid,
  aCampaign,
  aNumber,
  anAccount,
  aRequest,
  change,
  criteria,
  dollars,
  geography,
  marketOf,
  NOON,
} from '../support/market.ts'

const AUSTIN = { zip: '78701', city: 'Austin', state: 'TX', timezone: 'America/Chicago', lat: 30.2711, lon: -97.7437 }
const NY = { state: 'NY', timezone: 'America/New_York' }
const NJ = { state: 'NJ', timezone: 'America/New_York' }

const inStates = (...states: string[]): Bid =>
  aBid('a', 5, { criteria: criteria({ geography: geography({ states }) }) })

describe('an auction', () => {
  it('ranks what is eligible and prices it', () => {
    const routing = market([aBid('a', 5), aBid('b', 3)])
    const auction = routing.auction(aRequest())
    const [first, second] = auction.awards
    assert.deepEqual(winners(auction), ['a', 'b'])
    assert.deepEqual([first!.rank, first!.priceMicros, first!.score], [1, dollars(3.01), 5_000_000_000n])
    assert.deepEqual([second!.rank, second!.priceMicros], [2, dollars(1)])
    assert.equal(auction.decidedAt.getTime(), NOON)
    assert.notEqual(first!.id, second!.id)
  })

  it('has the soft floor of the number', () => {
    const routing = market([aBid('a', 5), aBid('b', 3)])
    const { awards } = routing.auction(aRequest({ number: aNumber({ softFloorMicros: dollars(4) }) }))
    assert.deepEqual(
      awards.map(({ priceMicros }) => priceMicros),
      [dollars(4), dollars(3)],
    )
  })

  it('takes the quality of a target into the ranking', () => {
    const routing = market([aBid('a', 5), aBid('b', 4)], { qualityOf: (id) => (id === 'b-target' ? 1500 : 1000) })
    assert.deepEqual(winners(routing.auction(aRequest())), ['b', 'a'])
  })

  it('sees a change with the next call', () => {
    const routing = market([aBid('a', 5), aBid('b', 3)])
    routing.apply(change.bid(aBid('b', 6)))
    assert.deepEqual(winners(routing.auction(aRequest())), ['b', 'a'])
    routing.apply({ kind: 'bid', id: aBid('b', 0).id, value: null })
    assert.deepEqual(winners(routing.auction(aRequest())), ['a'])
    assert.equal(routing.stats().bids, 1)
  })

  it('sells to a bid whatever the order in which its parts are heard of', () => {
    const parts = marketOf(aBid('a', 5))
    for (const order of [
      [0, 1, 2, 3],
      [3, 2, 1, 0],
      [3, 0, 2, 1],
      [1, 3, 0, 2],
    ]) {
      const routing = createRouting({ availableMicros: () => dollars(100), clock: { now: () => NOON }, newId })
      for (const i of order) {
        assert.deepEqual(winners(routing.auction(aRequest())), [])
        routing.apply(parts[i]!)
      }
      assert.deepEqual(winners(routing.auction(aRequest())), ['a'])
    }
  })

  it('is the same after a change is applied twice', () => {
    const routing = market([aBid('a', 5), aBid('b', 3)])
    for (const one of marketOf(aBid('a', 5))) routing.apply(one)
    assert.deepEqual(winners(routing.auction(aRequest())), ['a', 'b'])
    assert.equal(routing.stats().activeBids, 2)
  })
})

describe('a bid that does not win', () => {
  it('is passed over while its target is down, and sets nobody’s price', () => {
    const down = new Set(['b-target'])
    const needs = { availableMicros: () => dollars(100), clock: { now: () => NOON }, newId }
    const routing = createRouting({ ...needs, isTargetUp: (id) => !down.has(id) })
    for (const bid of [aBid('a', 3), aBid('b', 5), aBid('c', 1)]) for (const one of marketOf(bid)) routing.apply(one)
    const auction = routing.auction(aRequest())
    assert.deepEqual(winners(auction), ['a', 'c'])
    assert.deepEqual(codes(auction), { b: 'target_down' })
    down.clear()
    assert.deepEqual(winners(routing.auction(aRequest())), ['b', 'a', 'c'])
  })

  it('is rung all the same when every eligible target is down', () => {
    const needs = { availableMicros: () => dollars(100), clock: { now: () => NOON }, newId }
    const routing = createRouting({ ...needs, isTargetUp: () => false })
    for (const bid of [aBid('a', 3), aBid('b', 5)]) for (const one of marketOf(bid)) routing.apply(one)
    const auction = routing.auction(aRequest())
    assert.deepEqual(winners(auction), ['b', 'a'])
    assert.deepEqual(auction.nonBids, [])
  })

  it('is outbid past the last award', () => {
    const routing = market([aBid('a', 5), aBid('b', 3), aBid('c', 4)], { maxAwards: 1 })
    assert.deepEqual(codes(routing.auction(aRequest())), { b: 'outbid', c: 'outbid' })
  })

  it('is below the reserve, but not when it equals it', () => {
    assert.equal(verdict(aBid('a', 0.99)), 'below_reserve')
    assert.equal(verdict(aBid('a', 1)), 'awarded')
  })

  it('asks for another seller or other tags, or its campaign does', () => {
    const spanish = criteria({ tags: [{ key: 'language', values: ['es'], isNot: false }] })
    const denies = criteria({ sellers: { allow: [], deny: ['seller' as AccountId] } })
    assert.equal(verdict(aBid('a', 5, { criteria: spanish })), 'tag_mismatch')
    assert.equal(verdict(aBid('a', 5, { criteria: denies })), 'seller_mismatch')
    const number = aNumber({ tags: { language: 'ES' } })
    assert.equal(verdict(aBid('a', 5, { criteria: spanish }), aRequest({ number })), 'awarded')
    const english = { number, tags: { language: 'en' } } // What is known of the call itself comes first.
    assert.equal(verdict(aBid('a', 5, { criteria: spanish }), aRequest(english)), 'tag_mismatch')
    const bid = aBid('a', 5)
    const campaign = change.campaign(aCampaign(bid.campaignId, bid.accountId, { criteria: spanish }))
    assert.equal(
      verdict(bid, aRequest(), (routing) => routing.apply(campaign)),
      'tag_mismatch',
    )
  })

  it('is below what the seller takes for any call, whatever the number', () => {
    const reserve = change.account(anAccount('seller', { type: 'seller', reservePriceMicros: dollars(3) }))
    const withReserve = (routing: Routing): void => routing.apply(reserve)
    assert.equal(verdict(aBid('a', 2.99), aRequest(), withReserve), 'below_reserve')
    assert.equal(verdict(aBid('a', 3), aRequest(), withReserve), 'awarded')
    const routing = market([aBid('a', 5)])
    withReserve(routing)
    const auction = routing.auction(aRequest())
    assert.deepEqual([auction.reservePriceMicros, auction.awards[0]!.priceMicros], [dollars(3), dollars(3)])
  })

  it('is of a campaign that is ahead of its day, and bids less when it is only just so', () => {
    const bid = aBid('a', 5)
    const even = { pacing: 'even' as const, budget: { dailyMicros: dollars(100), totalMicros: null } }
    const spent =
      (micros: number): ((routing: Routing) => void) =>
      (routing) => {
        routing.apply(change.campaign(aCampaign(bid.campaignId, bid.accountId, even)))
        const { campaignId } = bid
        routing.restore([
          { campaignId, awardedAtMs: NOON - 1, priceMicros: dollars(micros), isConverted: true, ani: null },
        ])
      }
    assert.equal(verdict(bid, aRequest(), spent(20)), 'awarded')
    assert.equal(verdict(bid, aRequest(), spent(95)), 'paced')
    const seen = new Set<number>()
    for (let micros = 20; micros < 95; micros += 0.25) {
      const routing = market([bid])
      spent(micros)(routing)
      const [award] = routing.auction(aRequest({ number: aNumber({ priceRule: 'first' }) })).awards
      if (award?.effective === undefined) continue
      const { micros: effective, factors } = award.effective
      assert.equal(effective, (bid.amountMicros * BigInt(factors.pacing)) / 1000n)
      assert.ok(award.priceMicros <= effective && effective < bid.amountMicros)
      seen.add(factors.pacing)
    }
    assert.ok(seen.size > 2, `${seen.size} factors`)
  })

  it('is paused, or its campaign, or its account, or has no target', () => {
    const bid = aBid('a', 5)
    assert.equal(verdict(aBid('a', 5, { status: 'paused' })), 'bid_paused')
    for (const status of ['paused', 'ended'] as const) {
      const pause = change.campaign(aCampaign(bid.campaignId, bid.accountId, { status }))
      assert.equal(
        verdict(bid, aRequest(), (routing) => routing.apply(pause)),
        'campaign_paused',
      )
    }
    const suspend = change.account(anAccount(bid.accountId, { status: 'suspended' }))
    assert.equal(
      verdict(bid, aRequest(), (routing) => routing.apply(suspend)),
      'account_inactive',
    )
    const remove = { kind: 'target', id: bid.targetId, value: null } as const
    assert.equal(
      verdict(bid, aRequest(), (routing) => routing.apply(remove)),
      'target_unavailable',
    )
  })

  it('asks for another vertical, itself or through its campaign', () => {
    assert.equal(verdict(aBid('a', 5, { criteria: criteria({ verticals: ['legal'] }) })), 'vertical_mismatch')
    assert.equal(verdict(aBid('a', 5, { criteria: criteria({ verticals: ['legal', 'Insurance '] }) })), 'awarded')
    const bid = aBid('a', 5)
    const legal = change.campaign(
      aCampaign(bid.campaignId, bid.accountId, { criteria: criteria({ verticals: ['legal'] }) }),
    )
    assert.equal(
      verdict(bid, aRequest(), (routing) => routing.apply(legal)),
      'vertical_mismatch',
    )
    const both = aBid('a', 5, { criteria: criteria({ verticals: ['insurance'] }) })
    assert.equal(
      verdict(both, aRequest(), (routing) => routing.apply(legal)),
      'vertical_mismatch',
    )
  })

  it('asks for another state, and for all the states the number may be in', () => {
    assert.equal(verdict(inStates('TX')), 'location_mismatch')
    assert.equal(verdict(inStates('NY', 'TX')), 'awarded')
    const border = aRequest({ places: [NJ, NY] })
    assert.equal(verdict(inStates('NY'), border), 'location_mismatch')
    assert.equal(verdict(inStates('NJ'), border), 'location_mismatch')
    assert.equal(verdict(inStates('NY', 'NJ'), border), 'awarded')
  })

  it('believes a ZIP more than the number', () => {
    assert.equal(verdict(inStates('TX'), aRequest({ zip: AUSTIN })), 'awarded')
    assert.equal(verdict(inStates('NY'), aRequest({ zip: AUSTIN })), 'location_mismatch')
  })

  it('asks for a place when none is known', () => {
    const nowhere = aRequest({ ani: null, places: [] })
    assert.equal(verdict(inStates('NY'), nowhere), 'location_unknown')
    assert.equal(verdict(aBid('a', 5), nowhere), 'awarded')
    for (const area of [
      { zips: ['78701'] },
      { cities: ['Austin'] },
      { circle: { lat: 30, lon: -97, radiusMiles: 9 } },
    ]) {
      assert.equal(verdict(aBid('a', 5, { criteria: criteria({ geography: geography(area) }) })), 'location_unknown')
    }
  })

  it('asks for another ZIP, city or circle', () => {
    const here = aRequest({ zip: AUSTIN })
    const wants = (area: Parameters<typeof geography>[0]): string =>
      verdict(aBid('a', 5, { criteria: criteria({ geography: geography(area) }) }), here)
    assert.equal(wants({ zips: ['78701', '10001'] }), 'awarded')
    assert.equal(wants({ zips: ['10001'] }), 'location_mismatch')
    assert.equal(wants({ cities: ['austin '] }), 'awarded')
    assert.equal(wants({ cities: ['Austin, TX'] }), 'awarded')
    assert.equal(wants({ cities: ['Austin, MN'] }), 'location_mismatch')
    assert.equal(wants({ cities: ['Austin'], states: ['MN'] }), 'location_mismatch')
    const sanAntonio = { lat: 29.4241, lon: -98.4936 } // 73.6 miles away.
    assert.equal(wants({ circle: { ...sanAntonio, radiusMiles: 75 } }), 'awarded')
    assert.equal(wants({ circle: { ...sanAntonio, radiusMiles: 70 } }), 'location_mismatch')
    assert.equal(wants({ circle: { ...sanAntonio, radiusMiles: 3000 } }), 'awarded')
  })

  it('asks for more places than the index has keys for, and still gets them', () => {
    const zips = Array.from({ length: 3000 }, (_, i) => String(70_000 + i * 3).padStart(5, '0'))
    const bid = aBid('a', 5, { criteria: criteria({ geography: geography({ zips: [...zips, '78701'] }) }) })
    assert.equal(verdict(bid, aRequest({ zip: AUSTIN })), 'awarded')
    assert.equal(verdict(bid, aRequest({ zip: { ...AUSTIN, zip: '78702' } })), 'location_mismatch')
  })

  it('is outside its hours, or its campaign’s, or its campaign’s schedule', () => {
    const morning = { startMinute: 480, endMinute: 720, days: [], timezone: 'America/New_York' } // Until noon.
    const bid = aBid('a', 5, { criteria: criteria({ timeWindow: morning }) })
    assert.equal(verdict(bid), 'outside_time_window')
    assert.equal(verdict(bid, aRequest({ receivedAtMs: NOON - 1 })), 'awarded')
    const plain = aBid('a', 5)
    const hours = aCampaign(plain.campaignId, plain.accountId, { criteria: criteria({ timeWindow: morning }) })
    assert.equal(
      verdict(plain, aRequest(), (routing) => routing.apply(change.campaign(hours))),
      'outside_time_window',
    )
    const schedule = aCampaign(plain.campaignId, plain.accountId, { schedule: morning })
    assert.equal(
      verdict(plain, aRequest(), (routing) => routing.apply(change.campaign(schedule))),
      'outside_schedule',
    )
  })

  it('is never open in a time zone that does not exist', () => {
    const window = { startMinute: 0, endMinute: 1440, days: [], timezone: 'Mars/Olympus' }
    assert.equal(verdict(aBid('a', 5, { criteria: criteria({ timeWindow: window }) })), 'outside_time_window')
  })

  it('is in another currency', () => {
    assert.equal(verdict(aBid('a', 5), aRequest({ currency: 'EUR' })), 'currency_mismatch')
  })

  it('wants a longer buffer than the number allows', () => {
    assert.equal(verdict(aBid('a', 5, { billableAfter: 121 })), 'duration_above_limit')
    assert.equal(verdict(aBid('a', 5, { billableAfter: 120 })), 'awarded')
  })

  it('has no credit for even the lowest price', () => {
    const routing = market([aBid('a', 5), aBid('b', 3)], {}, (id) => (id === 'a-buyer' ? dollars(0.99) : dollars(1)))
    const auction = routing.auction(aRequest())
    assert.deepEqual(winners(auction), ['b'])
    assert.deepEqual(codes(auction), { a: 'insufficient_credit' })
  })

  it('gives way to the next when its credit does not cover its price', () => {
    const routing = market([aBid('a', 5), aBid('b', 3)], {}, (id) => (id === 'a-buyer' ? dollars(3) : dollars(100)))
    const auction = routing.auction(aRequest())
    assert.deepEqual(
      auction.awards.map(({ bidId, priceMicros }) => [bidId, priceMicros]),
      [['b', dollars(1)]],
    )
    assert.deepEqual(codes(auction), { a: 'insufficient_credit' })
  })
})

describe('explaining an auction', () => {
  const nine = Array.from({ length: 9 }, (_, i) =>
    aBid(`b${i}`, 5, {
      criteria: criteria({ verticals: [i < 6 ? 'legal' : 'insurance'], geography: geography({ states: ['TX'] }) }),
    }),
  )

  it('names those of the call’s vertical first, and counts the rest', () => {
    const routing = market(nine, { maxNonBids: 5 })
    const auction = routing.auction(aRequest())
    assert.equal(auction.nonBidsOmitted, 9)
    const explained = routing.explain(aRequest(), auction)
    assert.deepEqual(
      explained.nonBids.map(({ code }) => code),
      [...Array(3).fill('location_mismatch'), ...Array(2).fill('vertical_mismatch')],
    )
    assert.equal(explained.nonBidsOmitted, 4)
  })

  it('names each bid once, however many verticals it asks for and however often it is asked', () => {
    const routing = market([aBid('a', 5, { criteria: criteria({ verticals: ['legal', 'home', 'solar'] }) })])
    const request = aRequest()
    const once = routing.explain(request, routing.auction(request))
    assert.equal(once.nonBids.length, 1)
    assert.equal(once.nonBidsOmitted, 0)
    assert.equal(routing.explain(request, once), once)
  })

  it('does not judge by what a bid became after the auction', () => {
    let now = NOON
    const routing = createRouting({ availableMicros: () => dollars(100), clock: { now: () => now }, newId })
    for (const one of marketOf(inStates('TX'))) routing.apply(one)
    const auction = routing.auction(aRequest())
    now++
    routing.apply(change.bid({ ...inStates('TX'), status: 'paused' }))
    const explained = routing.explain(aRequest(), auction)
    assert.deepEqual([explained.nonBids.length, explained.nonBidsOmitted], [0, 1])
  })

  it('keeps to its limit in the auction itself', () => {
    const routing = market(
      Array.from({ length: 20 }, (_, i) => aBid(`b${i}`, 0.5)),
      { maxNonBids: 5 },
    )
    const auction = routing.auction(aRequest())
    assert.deepEqual([auction.nonBids.length, auction.nonBidsOmitted], [5, 15])
  })

  it('leaves out the bids that compliance excludes, of a buyer, a campaign, or both', () => {
    const routing = market([aBid('a', 5), aBid('b', 4)])
    const [a, b] = routing.auction(aRequest()).awards
    const winnersWithout = (...exclusions: Exclusion[]) => {
      const auction = routing.auction(aRequest({ exclusions }))
      return [winners(auction), codes(auction)]
    }
    assert.deepEqual(winnersWithout({ buyers: [a!.buyerId], campaigns: [] }), [['b'], { a: 'compliance_rule' }])
    assert.deepEqual(winnersWithout({ buyers: [], campaigns: [b!.campaignId] }), [['a'], { b: 'compliance_rule' }])
    const neither = winnersWithout({ buyers: [a!.buyerId], campaigns: [b!.campaignId] })
    assert.deepEqual(neither[0], ['a', 'b'])
    const all = winnersWithout({ buyers: [], campaigns: [] })
    assert.deepEqual(all, [[], { a: 'compliance_rule', b: 'compliance_rule' }])
  })
})
