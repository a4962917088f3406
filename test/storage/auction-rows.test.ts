import assert from 'node:assert/strict'
import type { Auction, Award } from '../../model/auction.ts'
import { newId, type AccountId, type BidId, type CampaignId, type TargetId } from '../../model/ids.ts'
import { createRouting } from '../../routing/route-call.ts'
import { auctionRow, readAuction } from '../../storage/auction-rows.ts'
import { aBid, aRequest, marketOf, NOON } from '../support/market.ts'

const needs = { availableMicros: () => 1_000_000_000_000n, clock: { now: () => NOON }, newId }

/** Three awards, whose places are as told. */
function auctionAt(places: readonly (readonly [campaign: string, buyer: string, target: string])[]): Auction {
  const routing = createRouting(needs)
  for (const change of [...marketOf(aBid('a', 5)), ...marketOf(aBid('b', 4)), ...marketOf(aBid('c', 3))])
    routing.apply(change)
  const auction = routing.auction(aRequest())
  const awards = auction.awards.map((award, i): Award => {
    const [campaign, buyer, target] = places[i]!
    return {
      ...award,
      campaignId: campaign as CampaignId,
      buyerId: buyer as AccountId,
      targetId: target as TargetId,
    }
  })
  return { ...auction, awards }
}

describe('an auction in its table', () => {
  it('comes back as it was, whoever has several of its awards', () => {
    for (const places of [
      [
        ['c1', 'b1', 't1'],
        ['c2', 'b2', 't2'],
        ['c3', 'b3', 't3'],
      ],
      [
        ['c1', 'b1', 't1'],
        ['c1', 'b1', 't1'],
        ['c1', 'b1', 't1'],
      ],
      [
        ['c1', 'b1', 't1'],
        ['c1', 'b1', 't2'],
        ['c1', 'b1', 't1'],
      ],
      [
        ['c1', 'b1', 't1'],
        ['c2', 'b1', 't1'],
        ['c2', 'b1', 't1'],
      ],
    ] as const) {
      const auction = auctionAt(places)
      const row = JSON.parse(JSON.stringify(auctionRow(auction, true)))
      assert.deepEqual(readAuction({ ...row, decided_at: auction.decidedAt }).awards, auction.awards)
    }
  })

  it('names where a campaign’s calls go once', () => {
    const auction = auctionAt([
      ['c1', 'b1', 't1'],
      ['c2', 'b2', 't2'],
      ['c1', 'b1', 't1'],
    ])
    const stored = auctionRow(auction, true)['awards'] as unknown[][]
    const places = stored.map((award) => award.slice(1, 6))
    assert.deepEqual(places, [
      [1, 'a' as BidId, 'c1', 'b1', 't1'],
      [2, 'b' as BidId, 'c2', 'b2', 't2'],
      [3, 'c' as BidId, 1, null, null],
    ])
  })
})
