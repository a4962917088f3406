import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import type { Auction } from '../../model/auction.ts'
import type { BidId } from '../../model/ids.ts'
import { changesOf, differences } from '../../routing/compare-auctions.ts'
import { rerunAuction } from '../../routing/rerun.ts'
import { IGNORED, suppose, type BidChange, type RuleChanges } from '../../routing/what-if.ts'
import { createRouting } from '../../routing/route-call.ts'
import { newId } from '../../model/ids.ts'
import {
  aBid,
  aCampaign,
  anAccount,
  aNumber,
  aRequest,
  aTarget,
  change,
  criteria,
  dollars,
  marketOf,
  NOON,
} from '../support/market.ts'
import { market } from '../support/auctions.ts'
import { callsOfMarket } from '../support/random-market.ts'

/** The auction of these bids, as it is kept. */
function held(bids: Parameters<typeof market>[0], request = aRequest()): Auction {
  return market(bids, { keepsInputs: true }).auction(request)
}

function what(
  auction: Auction,
  bids: [string, Omit<BidChange, 'now'> & Partial<BidChange>][],
  rules: RuleChanges = {},
) {
  const changes = new Map(bids.map(([id, one]) => [id as BidId, { now: null, ...one }]))
  const { inputs, unknown } = suppose(auction.inputs!, { bids: changes, rules })
  const after = rerunAuction(inputs, auction.id)
  return {
    after,
    unknown,
    ranking: after.awards.map(({ bidId, priceMicros }) => `${bidId} ${Number(priceMicros) / 1e6}`),
  }
}

describe('what if', () => {
  const bids = [aBid('a', 5), aBid('b', 4), aBid('c', 3)]

  it('nothing changes, nothing changes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e9 }), (seed) => {
        for (const { auction } of callsOfMarket(seed, 3)) {
          const { after } = what(auction, [])
          assert.deepEqual(differences(auction, after, auction.inputs!), [])
          assert.deepEqual(changesOf(auction, after), [])
        }
      }),
      { numRuns: 50 },
    )
  })

  it('a bid is otherwise, the auction is the one that had been held', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 100, max: 900 }), { minLength: 3, maxLength: 3 }), (cents) => {
        const auction = held(bids)
        const other = held(bids.map((bid, i) => ({ ...bid, amountMicros: BigInt(cents[i]!) * 10_000n })))
        const { after } = what(
          auction,
          bids.map(({ id }, i) => [id, { amountMicros: BigInt(cents[i]!) * 10_000n }]),
        )
        assert.deepEqual(changesOf(other, after), [])
      }),
      { numRuns: 200 },
    )
  })

  it('a bid is paused, others win by what is left', () => {
    assert.deepEqual(what(held(bids), [['a', { status: 'paused' }]]).ranking, ['b 3.01', 'c 1'])
  })

  it('rules are otherwise, they hold', () => {
    const auction = held(bids)
    const of = (rules: RuleChanges): string[] => what(auction, [], rules).ranking
    assert.deepEqual(of({ reservePriceMicros: dollars(3.5) }), ['a 4.01', 'b 3.5'])
    assert.deepEqual(of({ priceRule: 'first' }), ['a 5', 'b 4', 'c 3'])
    assert.deepEqual(of({ softFloorMicros: dollars(4.5) }), ['a 4.5', 'b 4', 'c 3'])
    assert.deepEqual(of({ maxAwards: 1 }), ['a 4.01'])
    assert.deepEqual(of({ maxBillableAfter: 10 }), [])
  })

  it('something is left out of account, nobody is kept out by it', () => {
    const routing = createRouting(
      { availableMicros: (id) => (id === 'a-buyer' ? 0n : dollars(50)), clock: { now: () => NOON }, newId },
      { keepsInputs: true },
    )
    for (const bid of bids) for (const one of marketOf(bid)) routing.apply(one)
    const none = { hourly: null, daily: 0, monthly: null, total: null, concurrent: null }
    routing.apply(change.campaign(aCampaign('b-campaign', 'b-buyer', { caps: none })))
    routing.apply(
      change.campaign(aCampaign('c-campaign', 'c-buyer', { budget: { dailyMicros: 0n, totalMicros: null } })),
    )
    const auction = routing.auction(aRequest())
    assert.equal(auction.awards.length, 0)
    const without = (...names: (typeof IGNORED)[number][]) => what(auction, [], { without: new Set(names) }).ranking
    assert.deepEqual(without('credit'), ['a 1'])
    assert.deepEqual(without('caps'), ['b 1'])
    assert.deepEqual(without('budgets'), ['c 1'])
    assert.deepEqual(without(...IGNORED), ['a 4.01', 'b 3.01', 'c 1'])
  })

  it('a bid is asked for that was no candidate, it is judged as it stands now, and what is not known is said', () => {
    const auction = held(bids)
    const now = {
      bid: aBid('d', 2),
      buyer: anAccount('d-buyer'),
      target: aTarget('d-target', 'd-buyer'),
      campaign: aCampaign('d-campaign', 'd-buyer', { pacing: 'even' }),
    }
    const { ranking, unknown } = what(auction, [['d', { amountMicros: dollars(9), now }]])
    assert.deepEqual(ranking, ['d 5.01', 'a 4.01', 'b 3.01', 'c 1'])
    assert.deepEqual(unknown, [
      'bid d was no candidate: it is judged as it stands now, not as it stood then',
      'what buyer d-buyer had available then, and its calls by then: taken as enough, and none',
      'how target d-target was doing then: taken as up, and as targets are on average',
      'what campaign d-campaign had used by then: taken as nothing',
      'how far campaign d-campaign was ahead of its day: taken as not at all',
    ])
    const legal = { ...now, bid: aBid('d', 2, { criteria: criteria({ verticals: ['legal'] }) }) }
    assert.deepEqual(what(auction, [['d', { amountMicros: dollars(9), now: legal }]]).ranking, [
      'a 4.01',
      'b 3.01',
      'c 1',
    ])
  })

  it('is told where an auction held again differs from what is stored', () => {
    const auction = held(bids, aRequest({ number: aNumber() }))
    const { inputs } = auction
    const [first, ...others] = auction.awards
    const stored = { ...auction, awards: [{ ...first!, priceMicros: dollars(4.02) }, ...others] }
    const [line, ...more] = differences(stored, rerunAuction(inputs!, auction.id), inputs!)
    assert.deepEqual(more, [])
    assert.match(line!, /^award 1: stored bid a .* at 4\.02 after 30 s, again bid a .* at 4\.01 after 30 s$/)
  })
})
