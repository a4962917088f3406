import assert from 'node:assert/strict'
import { tellDecision } from '../../api/decision-words.ts'
import type { AccountId, BidId } from '../../model/ids.ts'
import { createRouting } from '../../routing/route-call.ts'
import { aBid, aNumber, aRequest, criteria, dollars, marketOf, NOON } from '../support/market.ts'

const TEXAN = { zips: {}, states: { NY: 900 }, hours: {}, tags: {}, timezone: 'UTC' }
const NONE = Array.from({ length: 7 }, (_, i) => aBid(`none${i}`, 2, { criteria: criteria({ verticals: ['legal'] }) }))
const bids = [aBid('a', 5, { modifiers: TEXAN }), aBid('b', 4), aBid('poor', 0.5), ...NONE]

function decided(number = aNumber()) {
  let ids = 0
  const newId = <T extends string>(): T => `id${++ids}` as T
  const routing = createRouting({ availableMicros: () => dollars(100), clock: { now: () => NOON }, newId })
  for (const bid of bids) for (const change of marketOf(bid)) routing.apply(change)
  const request = aRequest({ number })
  return routing.explain(request, routing.auction(request))
}

describe('a decision in words', () => {
  it('says the terms, who came first for what, and why the others did not', () => {
    const auction = decided()
    const lost = { ...auction.awards[0]!, code: 'ring_failed' as const }
    assert.deepEqual(tellDecision({ ...auction, nonBids: [lost, ...auction.nonBids] }), [
      'insurance, sold for the second price, at 1.00 USD or more: 2 could be rung',
      'award 1: bid a of buyer a-buyer, 5.00 USD, made 4.50 by modifier 0.900, at 4.01: 610 ring_failed, the target was rung and did not take the call',
      'award 2: bid b of buyer b-buyer, 4.00 USD, at 1.00',
      'no award for bid poor: 101 below_reserve, the bid is below the reserve price of the number',
      'no award for 7 bids none0, none1, none2, none3, none4 and 2 more: 300 vertical_mismatch, the vertical of the call is not one the bid asks for',
    ])
  })

  it('says of what strategy it was, and that nobody could buy', () => {
    const routing = { strategy: 'least_cost' as const, buyers: [], skills: [] }
    assert.equal(
      tellDecision(decided(aNumber({ routing })))[0],
      'insurance, sold for what is bid, at 1.00 USD or more, ranked by least_cost: 2 could be rung',
    )
    assert.match(
      tellDecision(decided(aNumber({ reservePriceMicros: dollars(9) })))[0]!,
      /or more: nobody could buy it$/,
    )
  })

  it('says a buyer its own, and the price of what it won', () => {
    const buyerId = 'a-buyer' as AccountId
    const of = (wonBidId: string | null) => tellDecision(decided(), { buyerId, wonBidId: wonBidId as BidId | null })
    assert.deepEqual(of('a'), ['award 1: bid a of buyer a-buyer, 5.00 USD, made 4.50 by modifier 0.900, at 4.01'])
    assert.deepEqual(of(null), ['award 1: bid a of buyer a-buyer, 5.00 USD, made 4.50 by modifier 0.900'])
  })
})
