import type { Auction } from '../model/auction.ts'
import type { Call } from './live-call.ts'

/** The auction as it came out if the call's present attempt is the one answered: a reason for every other award. */
export function withLosers(call: Call, auction: Auction): Auction {
  const winner = call.soldAttempt?.award ?? null
  const losers = auction.awards
    .filter((award) => award !== winner && award.id !== winner?.id)
    .map(({ id, bidId, campaignId, buyerId, rank }) => {
      const code = call.lost.get(id) ?? (winner && rank > winner.rank ? 'outbid' : 'not_reached')
      return { bidId, campaignId, buyerId, code }
    })
  return { ...auction, nonBids: [...losers, ...auction.nonBids] }
}

/** What the auction was decided by is written down: a call that may last for hours need not hold it. */
export function forgetInputs(call: Call): void {
  const { auction, auctionWritten: written } = call
  if (auction?.inputs === undefined || written?.auction !== auction) return
  const { inputs: _written, ...lean } = auction
  call.auction = lean
  call.auctionWritten = { ...written, auction: lean }
}

/**
 * The auction to write with the next record of the call; null when what was written says the same. It is a call's largest part by
 * far, and nearly every call is answered by the award that was rung first: so that is what is written then.
 */
export function auctionToWrite(call: Call): Auction | null {
  const { auction, auctionWritten: written } = call
  const winnerId = call.soldAttempt?.award.id ?? null
  if (auction === null || (written !== null && written.auction === auction && written.winnerId === winnerId))
    return null
  call.auctionWritten = { auction, winnerId }
  return withLosers(call, auction)
}
