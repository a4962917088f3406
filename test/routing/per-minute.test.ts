import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { mostOf } from '../../accounts/conversion.ts'
import type { Auction, Award } from '../../model/auction.ts'
import type { Campaign } from '../../model/bid.ts'
import { newId, type AccountId, type CallId, type CampaignId, type TargetId } from '../../model/ids.ts'
import { chargeOfSeconds, mostOfMinutes, type MinutePricing } from '../../model/per-minute.ts'
import { differences } from '../../routing/compare-auctions.ts'
import { rerunAuction } from '../../routing/rerun.ts'
import { createRouting, type Routing } from '../../routing/route-call.ts'
import { auctionRow, readAuction } from '../../storage/auction-rows.ts'
import { decisionLine, hashOf, readInputs } from '../../storage/decision-rows.ts'
import { aBid, aCampaign, aNumber, aRequest, change, dollars, marketOf, NOON } from '../support/market.ts'

const BY_MINUTE: MinutePricing = {
  type: 'minute',
  initialSeconds: 60,
  incrementSeconds: 60,
  maxBillableSeconds: 1800,
  atMax: 'continue',
}

/** A bid by the minute, and one of so much a call. */
function market(
  amount: number,
  perCall: number,
  changes: Partial<Campaign> = {},
  available = dollars(10_000),
): Routing {
  const needs = { availableMicros: () => available, clock: { now: () => NOON }, newId }
  const routing = createRouting(needs, { keepsInputs: true })
  for (const one of [...marketOf(aBid('a', amount)), ...marketOf(aBid('b', perCall))]) routing.apply(one)
  routing.apply(change.campaign(aCampaign('a-campaign', 'a-buyer', { pricing: BY_MINUTE, ...changes })))
  return routing
}

/** So many calls of a bid's target were billed, that long each. */
function learn(routing: Routing, bid: string, calls: number, seconds: number): void {
  const sold = {
    atMs: NOON,
    targetId: `${bid}-target` as TargetId,
    campaignId: `${bid}-campaign` as CampaignId,
    sellerId: 'seller' as AccountId,
  }
  routing.learn({ kind: 'billed', ...sold, count: calls })
  routing.learn({ kind: 'talked', ...sold, count: calls * seconds })
}
const first = aNumber({ priceRule: 'first' })
const winners = ({ awards }: Auction) => awards.map(({ bidId }) => bidId)

/** What was stored of the decision, decided again. */
function again(auction: Auction): Auction {
  const { line, parts } = decisionLine(auction)!
  const stored = new Map(parts.map((part) => [hashOf(part), part.slice(hashOf(part).length + 1)]))
  return rerunAuction(
    readInputs(auction.callId, line.slice(`${auction.id} ${auction.callId} `.length), stored),
    auction.id,
  )
}

describe('a bid of a campaign that pays by the minute', () => {
  it('ranks by what a call of three minutes would come to, until its target’s calls have been seen', () => {
    const routing = market(1, 3)
    const [winner, loser] = routing.auction(aRequest({ number: first })).awards as [Award, Award]
    assert.deepEqual([winner.bidId, loser.bidId], ['a', 'b'])
    assert.deepEqual(winner.minutes, { ...BY_MINUTE, rateMicros: dollars(1), expectedSeconds: 210 })
    assert.deepEqual([winner.priceMicros, winner.score], [dollars(3.5), 3_500_000_000n])
    assert.equal(mostOf(winner), dollars(30))
    assert.equal(loser.minutes, undefined)
  })

  it('learns how long its target’s billed calls last, faded as they grow older', () => {
    const routing = market(1, 3)
    learn(routing, 'a', 90, 30) // 99 calls of all are too few to go by: the prior stays three minutes for ten.
    const short = routing.auction(aRequest({ number: first }))
    assert.deepEqual(winners(short), ['b', 'a'])
    assert.equal(short.awards[1]!.minutes!.expectedSeconds, 45 + 30)
    const later = NOON + 20 * 24 * 3_600_000
    assert.equal(routing.auction(aRequest({ number: first, receivedAtMs: later })).awards[0]!.bidId, 'a')
    learn(routing, 'a', 910, 600)
    assert.equal(routing.auction(aRequest({ number: first })).awards[0]!.minutes!.expectedSeconds, 548 + 30)
  })

  it('pays at second price the rate at which the expected call comes to the price', () => {
    const [winner] = market(1, 3).auction(aRequest()).awards as [Award]
    assert.equal(winner.priceMicros, dollars(3.01))
    assert.deepEqual(winner.minutes!.rateMicros, 860_000n) // 3.01 in 210 seconds.
  })

  it('is decided the same again from what was stored, learned or not, and read back with its terms', () => {
    const routing = market(1, 3)
    for (const seconds of [null, 20, 700]) {
      if (seconds !== null) learn(routing, 'a', 200, seconds)
      const auction = routing.auction(aRequest())
      const rerun = again(auction)
      assert.deepEqual(differences(auction, rerun, auction.inputs!), [])
      assert.deepEqual(
        rerun.awards.map(({ minutes }) => minutes),
        auction.awards.map(({ minutes }) => minutes),
      )
      const row = auctionRow(auction, true)
      assert.deepEqual(readAuction({ ...row, decided_at: auction.decidedAt }).awards, auction.awards)
    }
  })

  it('promises a ping nothing', () => {
    const { awards, nonBids } = market(1, 3).auction(aRequest({ isPing: true }))
    assert.deepEqual([awards.map(({ bidId }) => bidId), nonBids.map(({ code }) => code)], [['b'], ['paid_by_minute']])
  })

  it('needs funds and budget for the longest call, and says which of the two is short', () => {
    const code = (changes: Partial<Campaign>, available?: bigint) => {
      const { awards, nonBids } = market(1, 3, changes, available).auction(aRequest())
      return awards.length === 2 ? 'awarded' : nonBids[0]!.code
    }
    assert.equal(code({}, dollars(30)), 'awarded')
    assert.equal(code({}, dollars(29.99)), 'insufficient_credit')
    assert.equal(code({ budget: { dailyMicros: dollars(29.99), totalMicros: null } }), 'budget_exhausted')
  })

  it('counts the longest call against the budget while it is up, then what it came to', () => {
    const routing = market(1, 3, { budget: { dailyMicros: dollars(45), totalMicros: null } })
    const offer = (): Award | undefined =>
      routing.auction(aRequest({ number: first })).awards.find(({ bidId }) => bidId === 'a')
    const award = offer()!
    const one = routing.reserve(award, 'one' as CallId, null, NOON)
    assert.ok(typeof one !== 'string')
    assert.equal(offer(), undefined, '15.00 are left')
    assert.equal(routing.reserve(award, 'two' as CallId, null, NOON), 'budget_exhausted')
    one.settle(dollars(4))
    assert.ok(offer(), '41.00 are left')
  })

  it('is lowered when its price of a minute is, and not when its calls grow shorter', () => {
    const routing = market(1, 3)
    const award = routing.auction(aRequest({ number: first })).awards[0]!
    learn(routing, 'a', 500, 5)
    routing.auction(aRequest())
    const one = routing.reserve(award, 'one' as CallId, null, NOON)
    assert.ok(typeof one !== 'string')
    routing.apply(change.bid(aBid('a', 0.99)))
    assert.equal(routing.reserve(award, 'two' as CallId, null, NOON), 'bid_lowered')
  })

  it('is weighed anew when its campaign’s terms change, and is one of a call again when they are taken away', () => {
    const routing = market(1, 3)
    const minutes = () =>
      routing.auction(aRequest({ number: first })).awards.find(({ bidId }) => bidId === 'a')?.minutes
    const terms = (pricing: MinutePricing | null) =>
      routing.apply(change.campaign(aCampaign('a-campaign', 'a-buyer', { pricing })))
    terms({ ...BY_MINUTE, incrementSeconds: 6, maxBillableSeconds: 120 })
    assert.equal(minutes()!.expectedSeconds, 120)
    terms(null)
    assert.equal(minutes(), undefined)
    assert.equal(
      routing.auction(aRequest({ number: first })).awards.find(({ bidId }) => bidId === 'a')!.priceMicros,
      dollars(1),
    )
  })

  it('has its place, rate and hold by plain arithmetic, whatever its terms, factors and rivals (1,000 auctions)', () => {
    const markets = fc.record({
      rate: fc.integer({ min: 1, max: 500 }),
      rival: fc.integer({ min: 1, max: 5000 }),
      initialSeconds: fc.constantFrom(1, 6, 30, 60),
      incrementSeconds: fc.constantFrom(1, 6, 30, 60),
      maxBillableSeconds: fc.integer({ min: 60, max: 3600 }),
      talk: fc.option(
        fc.record({ calls: fc.integer({ min: 1, max: 300 }), seconds: fc.integer({ min: 0, max: 2000 }) }),
      ),
      modifier: fc.option(fc.constantFrom(500, 900, 1500)),
      priceRule: fc.constantFrom('first' as const, 'second' as const),
    })
    fc.assert(
      fc.property(markets, ({ rate, rival, talk, modifier, priceRule, ...counted }) => {
        const pricing: MinutePricing = { type: 'minute', atMax: 'continue', ...counted }
        const routing = market(rate / 100, rival / 100, { pricing })
        if (modifier !== null) {
          const modifiers = { zips: {}, states: { NY: modifier }, hours: {}, tags: {}, timezone: 'UTC' }
          routing.apply(change.bid(aBid('a', rate / 100, { modifiers })))
        }
        if (talk) learn(routing, 'a', talk.calls, talk.seconds)
        const auction = routing.auction(aRequest({ number: aNumber({ priceRule, reservePriceMicros: 0n }) }))
        const amount = BigInt(rate) * 10_000n
        const prior = talk && talk.calls >= 100 ? talk.seconds : 180
        const mean = talk ? Math.floor((talk.calls * talk.seconds + 10 * prior) / (talk.calls + 10)) : 180
        const { initialSeconds, incrementSeconds, maxBillableSeconds } = counted
        // The bid is billable after thirty seconds.
        const up = Math.max(mean, 30) + Math.floor(Math.min(initialSeconds, incrementSeconds) / 2)
        const seconds = Math.min(maxBillableSeconds, Math.max(initialSeconds, up))
        const whole = (amount * BigInt(seconds)) / 60n
        const times = (of: bigint) => (of * BigInt(modifier ?? 1000)) / 1000n
        const effective = times(whole) < whole ? times(whole) : whole
        const own = auction.awards.find(({ bidId }) => bidId === 'a')
        if (effective < 10_000n) return assert.equal(own, undefined)
        assert.ok(own?.minutes)
        assert.equal(own.minutes.expectedSeconds, seconds)
        assert.equal(own.score, effective * 1000n)
        const isFirst = effective >= BigInt(rival) * 10_000n
        assert.equal(auction.awards[0]!.bidId === 'a', isFirst)
        const { rateMicros } = own.minutes
        assert.ok(rateMicros <= amount, 'never more than was bid for a minute')
        // At this rate the expected call comes to the price, or to all that was bid.
        const comesTo = (rateMicros * BigInt(seconds)) / 60n
        const most = (amount * effective) / whole
        assert.ok(comesTo >= own.priceMicros || rateMicros === most)
        if (priceRule === 'first') assert.equal(rateMicros, most)
        assert.equal(mostOf(own), chargeOfSeconds(rateMicros, maxBillableSeconds))
        assert.ok(mostOf(own) <= mostOfMinutes(amount, pricing))
        assert.deepEqual(differences(auction, again(auction), auction.inputs!), [])
      }),
      { numRuns: 1000 },
    )
  })
})
