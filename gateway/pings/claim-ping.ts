import type { Award } from '../../model/auction.ts'
import { formatMoney } from '../../model/money.ts'
import { tokenIn } from '../../model/ping.ts'
import { keepRound } from '../live-bidding.ts'
import type { OpenPing } from './open-pings.ts'
import type { Call } from '../live-call.ts'
import type { ExchangeParts } from '../parts.ts'

/**
 * The open ping this call was announced by, if any. The token is in the user part or a parameter of the URI it came to, or in
 * `X-DCE-Token`; whoever sends none is known by caller and number. What the ping says of the caller's place the call need not
 * say again.
 */
export function findPing(call: Call, { pings }: ExchangeParts): OpenPing | null {
  const { caller } = call
  const inUri = tokenIn(caller.requestUri)
  if (inUri === null && pings.openCount === 0) return null
  const { seller, number, ani, zip } = call.facts!
  const token = inUri ?? tokenIn(caller.header('X-DCE-Token')) ?? tokenIn(caller.toUri)
  const open = pings.find(seller.id, number!, ani, token)
  if (open) call.facts = { ...call.facts!, zip: zip ?? open.request.zip }
  else if (token !== null) call.note('ping', 'its token is of no open ping for this call')
  return open
}

/** Sells the call as its ping was answered: that price, whatever bids have changed since. Null: another call was first. */
export function claimPing(call: Call, open: OpenPing, parts: ExchangeParts): readonly Award[] | null {
  const taken = parts.pings.claim(open, call.id)
  if (!taken) return null
  const { award, auction, request, number, ping, round } = open
  if (round) {
    parts.routing.moveOffers(request.callId, call.id)
    keepRound(call, round, parts)
  }
  parts.routing.cameAfter(auction, request.receivedAtMs)
  call.promised = { award, taken }
  call.releases.push(() => breakPromise(call, parts))
  call.facts = { ...call.facts!, number }
  call.auctionRequest = { ...request, callId: call.id }
  call.auction = { ...auction, callId: call.id }
  for (const [i, code] of open.lost.entries()) call.lose(auction.awards[i]!, code)
  const seconds = Math.floor((call.receivedMonotonicMs - open.openedAtMs) / 1000)
  call.note('pinged', `${seconds} s before: award ${award.rank} of ${auction.awards.length} is kept`)
  const { ani } = call.facts
  if (ping.caller !== null && ani !== ping.caller) call.note('ping', 'it was for another caller')
  call.note('auctioned', `${auction.awards.length} awards, kept at ${formatMoney(award.priceMicros)}`)
  return auction.awards.slice(open.lost.length)
}

/** Gives back what was kept for a call that has no use for it. */
export function breakPromise(call: Call, { balances }: Pick<ExchangeParts, 'balances'>): void {
  const { promised } = call
  if (!promised) return
  call.promised = null
  promised.taken.reservation.release()
  balances.void(promised.taken.hold)
}
