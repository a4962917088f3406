import type { Auction } from '../model/auction.ts'
import type { AuctionId, CallId } from '../model/ids.ts'
import { AuctionAnswer, viewAuction } from './auction-views.ts'
import { endpoint, EVERYONE, type Answer, type Caller, type Endpoint } from './endpoint.ts'
import { notFound, type Kit } from './kit.ts'

/** Auctions, each party seeing its side. */
export function auctionEndpoints(kit: Kit): Endpoint[] {
  const { stores, liveCalls } = kit

  async function answer(auction: Auction | null, caller: Caller): Promise<Answer> {
    if (!auction) throw notFound('auction')
    const call = liveCalls.find(auction.callId) ?? (await stores.calls.find(auction.callId))
    const body = viewAuction(auction, call, caller)
    if (!body) throw notFound('auction')
    return { status: 200, body }
  }

  const common = { method: 'get', tag: 'auctions', who: EVERYONE, answers: { 200: AuctionAnswer } } as const
  return [
    endpoint({
      ...common,
      path: '/auctions/{id}',
      summary: 'Read an auction: all of it, your own bids, or your payout',
      async handle({ caller, params }) {
        const id = params['id'] as AuctionId
        return answer(liveCalls.findAuction(id) ?? (await stores.auctions.find(id)), caller)
      },
    }),
    endpoint({
      ...common,
      path: '/calls/{id}/auction',
      summary: 'Read the auction of a call',
      async handle({ caller, params }) {
        const id = params['id'] as CallId
        return answer(liveCalls.findAuctionByCall(id) ?? (await stores.auctions.findByCall(id)), caller)
      },
    }),
  ]
}
