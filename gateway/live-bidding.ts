import { setTimeout } from 'node:timers/promises'
import type { AuctionRequest } from '../routing/route-call.ts'
import type { Round } from './bidders/round.ts'
import type { Call } from './live-call.ts'
import type { ExchangeParts } from './parts.ts'

/**
 * Keeps the auction of a call open, while the caller hears nothing yet or its ringback: for its number's `live_bidding_ms` (at most 2,000), in
 * which buyers hear of it by `auction.started` and bid with `call_id`; and until the HTTP bidders that may buy it have answered, or their
 * deadline is over. Null where nothing is to be waited for: a number without live bidding that no bidder asks for, or a call that is sold at
 * what its ping said.
 */
export function takeBids(call: Call, parts: ExchangeParts): Promise<void> | null {
  if (call.pinged) return null
  const { liveBiddingMs } = call.facts!.number!
  if (!call.round) askBidders(call, 'screened', parts)
  const { round } = call
  const answered = round?.answered ?? null
  return liveBiddingMs === 0 && answered === null ? null : hold(call, liveBiddingMs, answered, parts)
}

/**
 * Has bidders asked while evidence of the call is waited for, so that both waits are one. Not where the caller is asked first: what it chooses
 * is part of the offer; nor what a ping has sold.
 */
export function askBiddersEarly(call: Call, parts: ExchangeParts): void {
  if (!call.pinged && !call.facts!.number!.menu) askBidders(call, 'unscreened', parts)
}

function askBidders(call: Call, judged: 'screened' | 'unscreened', parts: ExchangeParts): void {
  const round = parts.bidders?.ask(requestOf(call), judged) ?? null
  if (round) keepRound(call, round, parts)
}

/** What the call offers for sale. */
export function requestOf({ id, facts, receivedAt, round, exclusions, consents, signature }: Call): AuctionRequest {
  const { ani, number, places, zip, seller } = facts!
  return {
    callId: id,
    number: number!,
    currency: seller.currency,
    ani,
    places,
    zip,
    receivedAtMs: receivedAt.getTime(),
    exclusions,
    consents,
    attestation: signature?.result.attestation ?? null,
    ...(round && { nonBids: round.nonBids }),
  }
}

/** The call has this round's offers until it is over. */
export function keepRound(call: Call, round: Round, { routing }: ExchangeParts): void {
  call.round = round
  call.releases.push(() => {
    round.over()
    routing.forgetBidding(call.id)
  })
}

async function hold(
  call: Call,
  liveMs: number,
  answered: Promise<void> | null,
  { routing, announcements, clock, directory }: ExchangeParts,
): Promise<void> {
  call.state = 'auction'
  if (liveMs > 0) {
    routing.openBidding(call.id)
    call.releases.push(() => routing.forgetBidding(call.id))
    call.wasOpen = true
    announcements.biddingOpened(call, new Date(clock.now() + liveMs), directory.activeBuyers())
  }
  // The caller went: there is nothing to bid for.
  const live = liveMs > 0 ? setTimeout(liveMs, undefined, { signal: call.gone }).catch(() => {}) : null
  await Promise.all([live?.then(() => routing.closeBidding(call.id)), answered && untilGone(answered, call.gone)])
  call.throwIfGone()
  if (liveMs > 0) call.note('bids taken', `for ${liveMs} ms`)
  const { round } = call
  if (round) call.note('bidders asked', `${round.offers.size} bid, ${round.nonBids.length} did not`)
}

function untilGone(answered: Promise<void>, gone: AbortSignal): Promise<void> {
  if (gone.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    gone.addEventListener('abort', () => resolve(), { once: true })
    void answered.then(resolve)
  })
}
