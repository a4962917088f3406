import assert from 'node:assert/strict'
import type { Auction } from '../../model/auction.ts'
import type { Bid, NonBidCode } from '../../model/bid.ts'
import { newId, type AccountId } from '../../model/ids.ts'
import type { Micros } from '../../model/money.ts'
import { createRouting, type Routing, type RoutingOptions } from '../../routing/route-call.ts'
import { aRequest, dollars, marketOf, NOON } from './market.ts'

/** Routing that knows these bids, with all they need. */
export function market(
  bids: Bid[],
  options: RoutingOptions = {},
  available: (id: AccountId) => Micros = () => dollars(100),
): Routing {
  const routing = createRouting({ availableMicros: available, clock: { now: () => NOON }, newId }, options)
  for (const bid of bids) for (const one of marketOf(bid)) routing.apply(one)
  return routing
}
export const winners = ({ awards }: Auction): string[] => awards.map((award) => award.bidId)
export function codes(auction: Auction): Record<string, NonBidCode> {
  return Object.fromEntries(auction.nonBids.map(({ bidId, code }) => [bidId, code]))
}
/** What one bid hears of one call, the index's silence explained. */
export function verdict(
  bid: Bid,
  request = aRequest(),
  prepare: (routing: Routing) => void = () => {},
): NonBidCode | 'awarded' {
  const routing = market([bid])
  prepare(routing)
  const auction = routing.explain(request, routing.auction(request))
  assert.equal(auction.awards.length + auction.nonBids.length, 1)
  assert.equal(auction.nonBidsOmitted, 0)
  return auction.awards.length === 1 ? 'awarded' : auction.nonBids[0]!.code
}
