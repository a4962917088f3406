import type { Award } from '../model/auction.ts'
import type { NonBidCode } from '../model/bid.ts'
import type { SoldTerms } from '../model/cdr.ts'
import type { Hold } from '../model/ledger.ts'
import type { Reservation } from '../routing/route-call.ts'
import type { Call } from './live-call.ts'
import type { ExchangeParts } from './parts.ts'

/** One award's funds and places, taken just before its INVITE. */
export interface Taken {
  readonly reservation: Reservation
  readonly hold: Hold
}

/** Places and funds for one award, or why it may not be rung after all. */
export function take(call: Call, award: Award, parts: ExchangeParts): Taken | NonBidCode {
  const { number, ani } = call.facts!
  const reservation = parts.routing.reserve(award, call.id, ani, call.receivedAt.getTime())
  if (typeof reservation === 'string') return reservation
  const currency = call.auction!.currency
  const hold = parts.balances.hold(award.buyerId, call.id, award.priceMicros, currency)
  if (typeof hold === 'string') {
    reservation.release()
    return hold
  }
  call.sold = soldTerms(call, award, hold, number!.payout)
  call.takenAward = { reservation, hold }
  return { reservation, hold }
}

function soldTerms(call: Call, award: Award, hold: Hold, payout: SoldTerms['payout']): SoldTerms {
  return {
    awardId: award.id,
    holdId: hold.id,
    buyerId: award.buyerId,
    sellerId: call.facts!.seller.id,
    campaignId: award.campaignId,
    currency: hold.currency,
    priceMicros: award.priceMicros,
    billableAfter: award.billableAfter,
    payout,
  }
}
