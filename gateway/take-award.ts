import type { Award } from '../model/auction.ts'
import { exclusionOf } from '../model/exclusion.ts'
import type { NonBidCode } from '../model/bid.ts'
import type { SoldTerms } from '../model/cdr.ts'
import type { Hold } from '../model/ledger.ts'
import { breakPromise } from './pings/claim-ping.ts'
import type { Call } from './live-call.ts'
import type { ExchangeParts } from './parts.ts'
import type { Taken } from './taken.ts'

/**
 * Places and funds for one award, or why it may not be rung after all. What a ping has kept is used, or given back first. At once where this
 * gateway counts alone; a promise where the counters are shared.
 */
export function take(call: Call, award: Award, parts: ExchangeParts): Taken | NonBidCode | Promise<Taken | NonBidCode> {
  const { promised, exclusions } = call
  // A ping was answered before the call was screened.
  const out = exclusions && exclusionOf(exclusions, award.buyerId, award.campaignId)
  if (out !== null) return out
  const { ani, seller } = call.facts!
  if (promised?.award === award) {
    const isActive = parts.directory.account(award.buyerId)?.status === 'active'
    const code = isActive ? promised.taken.reservation.callsFrom(ani) : 'account_inactive'
    const keep = (refusal: NonBidCode | null): Taken | NonBidCode => {
      if (refusal === null) call.promised = null
      else breakPromise(call, parts)
      return refusal ?? taking(call, award, promised.taken)
    }
    return code instanceof Promise ? code.then(keep) : keep(code)
  }
  breakPromise(call, parts)
  const reserved = parts.reservations.reserve({
    award,
    callId: call.id,
    ani,
    atMs: call.receivedAt.getTime(),
    sellerId: seller.id,
    currency: call.auction!.currency,
  })
  const keep = (taken: Taken | NonBidCode): Taken | NonBidCode =>
    typeof taken === 'string' ? taken : taking(call, award, taken)
  return reserved instanceof Promise ? reserved.then(keep) : keep(reserved)
}

function taking(call: Call, award: Award, taken: Taken): Taken {
  call.sold = soldTerms(call, award, taken.hold, call.facts!.number!.payout)
  call.takenAward = taken
  return taken
}

function soldTerms(call: Call, award: Award, hold: Hold, payout: SoldTerms['payout']): SoldTerms {
  return {
    awardId: award.id,
    holdId: hold.id,
    buyerId: award.buyerId,
    sellerId: call.facts!.seller.id,
    campaignId: award.campaignId,
    currency: hold.currency,
    priceMicros: hold.amountMicros,
    billableAfter: award.billableAfter,
    payout,
    ...(award.minutes && { minutes: award.minutes }),
    ...(award.conversion && { conversion: award.conversion, expectedMicros: award.priceMicros }),
  }
}
