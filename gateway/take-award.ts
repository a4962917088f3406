import { mostOf } from '../accounts/conversion.ts'
import type { Award } from '../model/auction.ts'
import { isExcluded } from '../model/exclusion.ts'
import type { NonBidCode } from '../model/bid.ts'
import type { SoldTerms } from '../model/cdr.ts'
import type { Hold } from '../model/ledger.ts'
import { breakPromise } from './pings/claim-ping.ts'
import type { Call } from './live-call.ts'
import type { ExchangeParts } from './parts.ts'
import type { Taken } from './taken.ts'

/** Places and funds for one award, or why it may not be rung after all. What a ping has kept is used, or given back first. */
export function take(call: Call, award: Award, parts: ExchangeParts): Taken | NonBidCode {
  const { promised, exclusions } = call
  // A ping was answered before the call was screened.
  if (exclusions !== null && isExcluded(exclusions, award.buyerId, award.campaignId)) return 'compliance_rule'
  const { ani, seller } = call.facts!
  if (promised?.award === award) {
    const { reservation } = promised.taken
    const isActive = parts.directory.account(award.buyerId)?.status === 'active'
    const code = isActive ? reservation.callsFrom(ani) : 'account_inactive'
    if (code === null) call.promised = null
    else breakPromise(call, parts)
    return code ?? taking(call, award, promised.taken)
  }
  breakPromise(call, parts)
  const reservation = parts.routing.reserve(award, call.id, ani, call.receivedAt.getTime(), seller.id)
  if (typeof reservation === 'string') return reservation
  const currency = call.auction!.currency
  const hold = parts.balances.hold(award.buyerId, call.id, mostOf(award), currency)
  if (typeof hold === 'string') {
    reservation.release()
    return hold
  }
  return taking(call, award, { reservation, hold })
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
    ...(award.conversion && { conversion: award.conversion, expectedMicros: award.priceMicros }),
  }
}
