import type { Auction } from '../model/auction.ts'
import type { AuctionId, CallId } from '../model/ids.ts'
import { AuctionAnswer, viewAuction, viewPing } from './auction-views.ts'
import { endpoint, EVERYONE, type Answer, type Caller, type Endpoint } from './endpoint.ts'
import { notFound, type Kit } from './kit.ts'

function answerOr404(body: object | null): Answer {
  if (!body) throw notFound('auction')
  return { status: 200, body }
}

/** Auctions, each party seeing its side. */
export function auctionEndpoints(kit: Kit): Endpoint[] {
  const { stores, liveCalls } = kit

  async function answer(auction: Auction | null, caller: Caller): Promise<Answer> {
    if (!auction) throw notFound('auction')
    const call = liveCalls.find(auction.callId) ?? (await stores.calls.find(auction.callId))
    return answerOr404(viewAuction(auction, call, caller))
  }

  const common = { method: 'get', tag: 'auctions', who: EVERYONE, answers: { 200: AuctionAnswer } } as const
  return [
    endpoint({
      ...common,
      path: '/auctions/{id}',
      summary: 'Read the auction of a call or a ping: all of it, your own bids, or your payout',
      async handle({ caller, params }) {
        const id = params['id'] as AuctionId
        const live = liveCalls.findAuction(id)
        const ping = live ? null : kit.pings.decision(id)
        if (ping) return answerOr404(viewPing(ping, caller))
        return answer(live ?? (await stores.auctions.find(id)), caller)
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
