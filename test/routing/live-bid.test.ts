import assert from 'node:assert/strict'
import type { CallId, CampaignId, TargetId } from '../../model/ids.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import { codes, market, winners } from '../support/auctions.ts'
import {
  aBid,
  aCampaign,
  aNumber,
  aRequest,
  aTarget,
  change,
  criteria,
  geography,
  marketOf,
  NOON,
} from '../support/market.ts'

const AUSTIN = { zip: '78701', city: 'Austin', state: 'TX', timezone: 'America/Chicago', lat: 30.2711, lon: -97.7437 }

describe('a bid for one call', () => {
  const live = aBid('live', 9, { callId: 'call' as CallId })

  it('takes part in that call’s auction when the number has live bidding', () => {
    const routing = market([aBid('a', 5)])
    routing.openBidding('call' as CallId)
    for (const one of marketOf(live)) routing.apply(one)
    const number = aNumber({ liveBiddingMs: 500 })
    assert.deepEqual(winners(routing.auction(aRequest({ number }))), ['live', 'a'])
    assert.deepEqual(winners(routing.auction(aRequest({ number, callId: 'other' as CallId }))), ['a'])
    assert.deepEqual(winners(routing.auction(aRequest())), ['a'])
  })

  it('is judged like any other', () => {
    const number = aNumber({ liveBiddingMs: 500 })
    const legal = aBid('live', 9, { callId: 'call' as CallId, criteria: criteria({ verticals: ['legal'] }) })
    const routing = market([])
    routing.openBidding('call' as CallId)
    for (const one of marketOf(legal)) routing.apply(one)
    const auction = routing.auction(aRequest({ number }))
    assert.deepEqual(codes(auction), { live: 'vertical_mismatch' })
    assert.equal(auction.nonBidsOmitted, 0)
  })

  it('is taken while that call’s bidding is open and at no other time, and forgotten with the call', () => {
    const callId = 'call' as CallId
    const routing = market([])
    const placed = (id: string): boolean => {
      for (const one of marketOf(aBid(id, 9, { callId }))) routing.apply(one)
      return routing.hasBid(aBid(id, 9).id)
    }
    assert.equal(placed('early'), false)
    routing.openBidding(callId)
    assert.deepEqual([routing.isBiddingOpen(callId), placed('live')], [true, true])
    routing.closeBidding(callId)
    assert.deepEqual([routing.isBiddingOpen(callId), placed('late')], [false, false])
    const number = aNumber({ liveBiddingMs: 500 })
    const { awards } = routing.auction(aRequest({ number }))
    routing.apply(change.bid(aBid('live', 5, { callId }))) // Those that came in time may still be changed.
    assert.equal(routing.reserve(awards[0]!, callId, null, NOON) instanceof Object, true)
    routing.forgetBidding(callId)
    assert.deepEqual([routing.stats().bids, routing.auction(aRequest({ number })).awards.length], [0, 0])
  })

  it('is one of a thousand at most, and of twenty of its buyer’s', () => {
    const callId = 'call' as CallId
    const routing = market([])
    routing.openBidding(callId)
    const greedy = aBid('greedy', 9).accountId
    for (let i = 0; i < 22; i++) routing.apply(change.bid(aBid(`greedy ${i}`, 9, { callId, accountId: greedy })))
    assert.equal(routing.stats().bids, 20)
    for (let i = 0; i < 1002; i++) routing.apply(change.bid(aBid(`live ${i}`, 1, { callId })))
    assert.equal(routing.stats().bids, 1000)
  })
})

describe('a bid that moves', () => {
  it('follows its campaign’s area, and a change of campaign, target and buyer', () => {
    const bid = aBid('a', 5)
    const routing = market([bid, aBid('b', 3)])
    const texas = criteria({ geography: geography({ states: ['TX'] }) })
    routing.apply(change.campaign(aCampaign(bid.campaignId, bid.accountId, { criteria: texas })))
    assert.deepEqual(winners(routing.auction(aRequest())), ['b'])
    assert.deepEqual(winners(routing.auction(aRequest({ zip: AUSTIN }))), ['a', 'b'])
    const moved = { ...bid, campaignId: 'b-campaign' as CampaignId, targetId: 'b-target' as TargetId }
    routing.apply(change.bid(moved))
    assert.deepEqual(winners(routing.auction(aRequest())), ['a', 'b'])
    routing.apply({ kind: 'campaign', id: 'b-campaign' as CampaignId, value: null })
    assert.deepEqual(winners(routing.auction(aRequest())), [])
  })

  it('keeps the places taken on it when it is rewritten in mid-call', () => {
    const bid = aBid('a', 5, { maxConcurrentCalls: 1 })
    const routing = market([bid])
    const [award] = routing.auction(aRequest()).awards
    const places = routing.reserve(award!, 'call' as CallId, '+12125550123' as PhoneNumber, NOON)
    routing.apply(change.target(aTarget('b-target', bid.accountId)))
    routing.apply(change.bid({ ...bid, targetId: 'b-target' as TargetId }))
    assert.deepEqual(codes(routing.auction(aRequest())), { a: 'bid_concurrency' })
    assert.ok(typeof places !== 'string')
    places.release()
    assert.deepEqual(winners(routing.auction(aRequest())), ['a'])
  })
})
