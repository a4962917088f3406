import type { Auction, NonBid } from '../model/auction.ts'
import type { NonBidCode } from '../model/bid.ts'
import { meetsReserve } from './auction.ts'
import type { BidBook } from './bid-book.ts'
import type { CallFacts, StandingBid } from './standing-bid.ts'

/** Bids looked at for every one that may be named: a book of 100,000 is not read for one call's explanation. */
const LOOKED_AT_PER_NAMED = 4

/**
 * Adds a reason for bids the index never produced, those of the call's own vertical first, until `maxNonBids` are named; the
 * others stay counted in `nonBidsOmitted`. A bid that changed after the auction is counted too: what it says now is not what
 * was decided by. Explaining an explained auction changes nothing.
 */
export function explainAuction(book: BidBook, facts: CallFacts, auction: Auction, maxNonBids: number): Auction {
  const decidedAtMs = auction.decidedAt.getTime()
  const named = new Set<string>()
  for (const { bidId } of auction.awards) named.add(bidId)
  for (const { bidId } of auction.nonBids) named.add(bidId)
  const nonBids: NonBid[] = [...auction.nonBids]
  let mayLookAt = maxNonBids * LOOKED_AT_PER_NAMED
  for (const bid of book.inOrderOfInterest(facts.vertical)) {
    if (nonBids.length >= maxNonBids || mayLookAt-- <= 0) break
    if (named.has(bid.id) || bid.changedAtMs > decidedAtMs) continue
    const code = judgeStanding(bid, facts)
    if (code === null) continue
    named.add(bid.id)
    nonBids.push({ bidId: bid.bid.id, campaignId: bid.bid.campaignId, buyerId: bid.buyerId, code })
  }
  const added = nonBids.length - auction.nonBids.length
  if (added === 0) return auction
  return { ...auction, nonBids, nonBidsOmitted: Math.max(0, auction.nonBidsOmitted - added) }
}

/** Why a standing bid was no candidate for this call, by what does not change from one call to the next. */
function judgeStanding(bid: StandingBid, facts: CallFacts): NonBidCode | null {
  return (
    bid.standstill ??
    bid.judgeVertical(facts.vertical) ??
    bid.judgePlaceAndTime(facts.caller, facts.atMs) ??
    bid.judgeTerms(facts) ??
    (meetsReserve(bid.wholeMicros, facts.reserveMicros) ? null : 'below_reserve')
  )
}
