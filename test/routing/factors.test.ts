import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import type { Award } from '../../model/auction.ts'
import type { OwnFactors } from '../../model/bid.ts'
import type { AccountId, CampaignId, NumberId, TargetId } from '../../model/ids.ts'
import { newId } from '../../model/ids.ts'
import type { OutcomeKind } from '../../model/outcome.ts'
import { Competition } from '../../routing/competition.ts'
import { times } from '../../routing/effective-bid.ts'
import { Performance } from '../../routing/performance.ts'
import { createRouting, type Routing } from '../../routing/route-call.ts'
import { aBid, aCampaign, aNumber, anAccount, aRequest, aTarget, change, dollars, NOON } from '../support/market.ts'

const CENT = 10_000
const NUMBER = 'number' as NumberId
const [A, B] = ['a', 'b'] as [AccountId, AccountId]

function teach(
  to: Pick<Routing, 'learn'> | Performance,
  campaign: string,
  seller: string,
  counts: Partial<Record<OutcomeKind, number>>,
) {
  for (const [kind, count] of Object.entries(counts)) {
    const ids = { targetId: 't' as TargetId, campaignId: campaign as CampaignId, sellerId: seller as AccountId }
    const outcome = { kind: kind as OutcomeKind, atMs: NOON, count, ...ids }
    if ('learn' in to) to.learn(outcome)
    else to.add(outcome)
  }
}

describe('the performance factor', () => {
  const factor = (performance: Performance, seller: string): number =>
    performance.factor('c' as CampaignId, seller as AccountId, NOON)

  it('is what the seller’s calls are worth to the campaign against all its calls, smoothed and bounded', () => {
    const performance = new Performance()
    teach(performance, 'c', 'good', { answered: 100, billed: 60 })
    teach(performance, 'c', 'bad', { answered: 100, billed: 20 })
    teach(performance, 'c', 'new', { answered: 1, converted: 1 })
    // 81 of 201 on average. (60 + 25 × 0.403) ÷ 125 = 0.5606, 1.391 of that.
    assert.equal(factor(performance, 'good'), 1391)
    assert.equal(factor(performance, 'bad'), 597)
    assert.equal(factor(performance, 'new'), 1057)
    assert.equal(factor(performance, 'unknown'), 1000)
    teach(performance, 'c', 'bad', { answered: 10_000 })
    assert.equal(factor(performance, 'bad'), 500)
    assert.equal(factor(performance, 'good'), 1500)
  })

  it('is 1000 until the campaign has had fifty answered calls, and when none was ever billed', () => {
    const performance = new Performance()
    teach(performance, 'c', 's', { answered: 49, billed: 49 })
    assert.equal(factor(performance, 's'), 1000)
    const barren = new Performance()
    teach(barren, 'c', 's', { answered: 500 })
    assert.equal(factor(barren, 's'), 1000)
  })

  it('keeps no more pairs than its limit', () => {
    const performance = new Performance(2)
    for (const seller of ['a', 'b', 'c', 'd']) teach(performance, 'c', seller, { answered: 1 })
    assert.equal(performance.size, 2)
  })
})

describe('the competition factor', () => {
  const award = (buyerId: AccountId, amount: number): Award =>
    ({ buyerId, score: dollars(amount) * 1000n }) as unknown as Award
  const closed = (competition: Competition, amounts: readonly (readonly [AccountId, number])[], times_: number) => {
    for (let i = 0; i < times_; i++)
      competition.closed(
        NUMBER,
        amounts.map(([buyer, amount]) => award(buyer, amount)),
      )
  }
  const factor = (competition: Competition, buyer: AccountId, amount: number, quality = 1000): number =>
    competition.factor(NUMBER, buyer, quality, amount * 1_000_000, CENT)

  it('is a cent above what would have won four of five of the last calls, at the bid’s own quality', () => {
    const competition = new Competition()
    closed(
      competition,
      [
        [A, 9],
        [A, 8],
        [B, 6],
      ] as const,
      20,
    )
    assert.equal(factor(competition, A, 10), 601) // Its own bids do not compete with it.
    assert.equal(factor(competition, B, 10), 901)
    assert.equal(factor(competition, B, 10, 1500), 601)
    assert.equal(factor(competition, B, 8), 1000) // It cannot win, and bids what it can.
    assert.equal(factor(competition, B, 100), 500)
  })

  it('is 1000 until twenty auctions of the number have closed, and goes by the last 64', () => {
    const competition = new Competition()
    closed(competition, [[B, 9]], 19)
    assert.equal(factor(competition, A, 10), 1000)
    closed(competition, [[B, 9]], 1)
    assert.equal(factor(competition, A, 10), 901)
    closed(competition, [[B, 7]], 64)
    assert.equal(factor(competition, A, 10), 701)
  })

  it('keeps no more numbers than its limit', () => {
    const competition = new Competition(2)
    for (let i = 0; i < 5; i++) competition.closed(`number ${i}` as NumberId, [])
    assert.equal(competition.size, 2)
  })
})

describe('effective bids', () => {
  const number = aNumber({ priceRule: 'first' })
  function market(factors: OwnFactors | null, amount = 10): Routing {
    const routing = createRouting({ availableMicros: () => dollars(1000), clock: { now: () => NOON }, newId })
    for (const [name, value, own] of [
      ['a', amount, factors],
      ['b', 6, null],
    ] as const) {
      routing.apply(change.account(anAccount(`${name}-buyer`)))
      routing.apply(change.target(aTarget(`${name}-target`, `${name}-buyer`)))
      routing.apply(change.campaign(aCampaign(`${name}-campaign`, `${name}-buyer`, { factors: own })))
      routing.apply(change.bid(aBid(name, value)))
    }
    return routing
  }
  const first = (routing: Routing, changes = {}) => routing.auction(aRequest({ number, ...changes })).awards[0]!

  it('are the amount until a buyer turns a factor on', () => {
    const routing = market(null)
    teach(routing, 'a-campaign', 'seller', { answered: 100, billed: 10 })
    teach(routing, 'a-campaign', 'other', { answered: 100, billed: 90 })
    for (let i = 0; i < 30; i++) assert.equal(first(routing).effective, undefined)
    assert.equal(first(routing).priceMicros, dollars(10))
  })

  it('fall with how the seller’s calls turn out, and never rise above the amount', () => {
    const routing = market({ performance: true, competition: false })
    teach(routing, 'a-campaign', 'seller', { answered: 100, billed: 40 })
    teach(routing, 'a-campaign', 'other', { answered: 100, billed: 60 })
    const { priceMicros, effective } = first(routing)
    assert.equal(effective!.factors.performance, 840)
    assert.equal(priceMicros, dollars(8.4))
    const better = aNumber({ priceRule: 'first', accountId: 'other' as AccountId })
    const up = first(routing, { number: better })
    assert.equal(up.effective!.factors.performance, 1160)
    assert.equal(up.priceMicros, dollars(10))
  })

  it('learn what is enough at first price from calls that came, not from pings that none followed', () => {
    const routing = market({ performance: false, competition: true })
    for (let i = 0; i < 30; i++) assert.equal(first(routing, { isPing: true }).priceMicros, dollars(10))
    for (let i = 0; i < 20; i++) assert.equal(first(routing).priceMicros, dollars(10))
    assert.equal(first(routing).priceMicros, dollars(6.01))
    assert.deepEqual(first(routing).effective!.factors, {
      modifier: 1000,
      performance: 1000,
      competition: 601,
      pacing: 1000,
    })
    const second = routing.auction(aRequest({ number: aNumber() })).awards[0]!
    assert.equal(second.effective, undefined) // At second price nobody needs to.
    const pinged = market({ performance: false, competition: true })
    for (let i = 0; i < 20; i++) pinged.cameAfter(pinged.auction(aRequest({ number, isPing: true })), NOON)
    assert.equal(first(pinged).priceMicros, dollars(6.01))
  })

  it('are the amount times each factor, cut at it after each, and never above it', () => {
    const counts = fc.record({ answered: fc.integer({ min: 0, max: 300 }), billed: fc.integer({ min: 0, max: 300 }) })
    fc.assert(
      fc.property(
        fc.record({ performance: fc.boolean(), competition: fc.boolean() }),
        fc.integer({ min: 101, max: 5000 }).map((cents) => cents / 100),
        fc.tuple(counts, counts),
        fc.integer({ min: 0, max: 40 }),
        fc.constantFrom('first' as const, 'second' as const),
        (factors, amount, [own, other], calls, priceRule) => {
          const routing = market(factors, amount)
          teach(routing, 'a-campaign', 'seller', own)
          teach(routing, 'a-campaign', 'other', other)
          const request = aRequest({ number: aNumber({ priceRule }) })
          for (let i = 0; i < calls; i++) routing.auction(request)
          const { awards, nonBids } = routing.auction(request)
          const award = awards.find(({ bidId }) => bidId === 'a')
          if (award === undefined) return assert.equal(nonBids[0]!.code, 'below_reserve')
          const { performance, competition } = award.effective?.factors ?? { performance: 1000, competition: 1000 }
          if (!factors.performance) assert.equal(performance, 1000)
          if (!factors.competition || priceRule === 'second') assert.equal(competition, 1000)
          assert.ok(performance >= 500 && performance <= 1500 && competition >= 500 && competition <= 1000)
          const whole = Number(award.amountMicros)
          const expected = times(Math.min(whole, times(whole, performance)), competition)
          const micros = Number(award.effective?.micros ?? award.amountMicros)
          assert.equal(micros, Math.max(expected, Math.min(whole, 1_000_000)))
          assert.ok(award.priceMicros <= BigInt(micros) && micros <= whole)
        },
      ),
      { numRuns: 1000 },
    )
  })
})
