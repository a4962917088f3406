import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import type { Award } from '../../model/auction.ts'
import { newId } from '../../model/ids.ts'
import type { ConversionPricing } from '../../model/tracking.ts'
import { mostOf } from '../../accounts/conversion.ts'
import { differences } from '../../routing/compare-auctions.ts'
import { rerunAuction } from '../../routing/rerun.ts'
import { createRouting } from '../../routing/route-call.ts'
import { auctionRow, readAuction } from '../../storage/auction-rows.ts'
import { aBid, aCampaign, aNumber, aRequest, change, dollars, marketOf, NOON } from '../support/market.ts'

const BY_SALE: ConversionPricing = { type: 'conversion', event: 'sale', windowHours: 24, rateMillionths: 200_000 }

function market(pricing: ConversionPricing | null, amount = 50) {
  const needs = { availableMicros: () => dollars(1000), clock: { now: () => NOON }, newId }
  const routing = createRouting(needs, { keepsInputs: true })
  for (const one of [...marketOf(aBid('a', amount)), ...marketOf(aBid('b', 9))]) routing.apply(one)
  const pay = (by: ConversionPricing | null) =>
    routing.apply(change.campaign(aCampaign('a-campaign', 'a-buyer', by ? { pricing: by } : {})))
  pay(pricing)
  return { routing, pay }
}

describe('a bid of a campaign that pays by conversion', () => {
  it('ranks by what a call is expected to bring, and costs at most its amount', () => {
    const { routing, pay } = market(BY_SALE)
    const [first, second] = routing.auction(aRequest()).awards as [Award, Award]
    assert.deepEqual([first.bidId, second.bidId], ['a', 'b'])
    assert.equal(first.priceMicros, dollars(9.01)) // Of 10.00 that 50.00 at a rate of 0.2 are expected to bring.
    assert.equal(mostOf(first), dollars(45.05))
    assert.deepEqual([second.conversion, mostOf(second)], [undefined, dollars(1)])
    pay({ ...BY_SALE, rateMillionths: 100_000 })
    const [winner, loser] = routing.auction(aRequest()).awards as [Award, Award]
    assert.deepEqual([winner.bidId, winner.priceMicros, loser.bidId], ['b', dollars(5.01), 'a'])
    pay(null)
    assert.equal(routing.auction(aRequest()).awards[0]!.conversion, undefined)
  })

  it('is decided the same again from what is stored of it', () => {
    const auction = market(BY_SALE).routing.auction(aRequest())
    const stored = readAuction({ ...auctionRow(auction, true), decided_at: auction.decidedAt })
    assert.deepEqual(differences(stored, rerunAuction(auction.inputs!, auction.id), auction.inputs!), [])
  })

  it('is the most it can cost of a share of a sale', () => {
    const { routing } = market({ windowHours: 1, rateMillionths: 500_000, type: 'sale_share', shareMillionths: 1 })
    assert.equal(mostOf(routing.auction(aRequest()).awards[0]!), dollars(50))
  })

  it('takes no part before the operator has said at what rate', () => {
    const { routing, pay } = market({ ...BY_SALE, rateMillionths: null })
    const auction = routing.auction(aRequest())
    assert.deepEqual(
      auction.awards.map(({ bidId }) => bidId),
      ['b'],
    )
    const { nonBids } = routing.explain(aRequest(), auction)
    assert.deepEqual(
      nonBids.map(({ bidId, code }) => [bidId, code]),
      [['a', 'not_rated']],
    )
    pay(BY_SALE)
    assert.equal(routing.auction(aRequest()).awards.length, 2)
  })

  it('promises a ping nothing', () => {
    const { awards, nonBids } = market(BY_SALE).routing.auction(aRequest({ isPing: true }))
    assert.deepEqual(
      [awards.map(({ bidId }) => bidId), nonBids.map(({ code }) => code)],
      [['b'], ['paid_by_conversion']],
    )
  })

  it('is expected to bring no less than its auction’s price, at whatever rate', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 100, max: 100_000 }),
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.constantFrom('first', 'second'),
        (cents, rateMillionths, priceRule) => {
          const { routing } = market({ ...BY_SALE, rateMillionths }, cents / 100)
          const { awards } = routing.auction(aRequest({ number: aNumber({ priceRule }) }))
          const own = awards.find(({ bidId }) => bidId === 'a')
          if (!own) return
          const most = mostOf(own)
          assert(most <= own.amountMicros && most % 10_000n === 0n)
          assert((most * BigInt(rateMillionths)) / 1_000_000n >= own.priceMicros || most === own.amountMicros)
        },
      ),
      { numRuns: 1000 },
    )
  })
})
