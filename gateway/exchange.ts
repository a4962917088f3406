import { formatMoney } from '../model/money.ts'
import { Refusal } from '../model/refusal.ts'
import { claimPing } from './pings/claim-ping.ts'
import type { CallSteps } from './call.ts'
import { closeCall } from './close-call.ts'
import { connect } from './connect.ts'
import { identify } from './identify.ts'
import { requestOf, takeBids } from './live-bidding.ts'
import { askCaller } from './menu/menu.ts'
import type { ExchangeParts } from './parts.ts'
import { screen } from './screening/screen.ts'

/** Binds the story's steps to the folders that know the answers; only here does a verdict become a Refusal. */
export function createExchange(parts: ExchangeParts): CallSteps {
  const { routing, telemetry, announcements } = parts
  return {
    identify: (call) => identify(call, parts),

    screen: (call) => screen(call, parts),

    ask(call) {
      if (call.pinged) return null // It is sold at what its ping said; there is nothing left to ask.
      const menu = call.facts!.number!.menu ?? null
      return menu && askCaller(call, menu, parts)
    },

    takeBids: (call) => takeBids(call, parts),

    auction(call) {
      call.state = 'auction'
      const kept = call.pinged && claimPing(call, call.pinged, parts)
      if (kept) {
        telemetry.decision.observe((parts.clock.monotonicMs() - call.receivedMonotonicMs) / 1000)
        telemetry.auctions.inc({ result: 'pinged' })
        return kept
      }
      call.round?.close()
      call.auctionRequest = requestOf(call)
      const auction = routing.auction(call.auctionRequest)
      call.auction = auction
      call.round?.auctioned(auction)
      telemetry.decision.observe((parts.clock.monotonicMs() - call.setupFromMonotonicMs) / 1000)
      const winner = auction.awards[0]
      telemetry.auctions.inc({ result: winner ? 'award' : 'no_sale' })
      if (!winner) {
        call.auction = routing.explain(call.auctionRequest, auction)
        announcements.auctioned(call, call.auction)
        call.note('auctioned', `no sale among ${call.auction.nonBids.length} bids`)
        throw new Refusal('no_sale', 'no eligible bid at or above the reserve')
      }
      call.note('auctioned', `${auction.awards.length} awards, the first at ${formatMoney(winner.priceMicros)}`)
      return auction.awards
    },

    connect: (call, awards) => connect(call, awards, parts),
    close: (call) => closeCall(call, parts),
  }
}
