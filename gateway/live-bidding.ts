import { setTimeout } from 'node:timers/promises'
import type { Call } from './live-call.ts'
import type { ExchangeParts } from './parts.ts'

/**
 * Keeps the auction of a call open for its number's `live_bidding_ms` (at most 2,000), while the caller hears nothing yet or
 * its ringback. Buyers hear of it by `auction.started` and bid with `call_id`. Null where nothing is to be waited for: a
 * number without live bidding, or a call that is sold at what its ping said.
 */
export function takeBids(call: Call, parts: ExchangeParts): Promise<void> | null {
  const ms = call.facts!.number!.liveBiddingMs
  return ms === 0 || call.pinged ? null : hold(call, ms, parts)
}

async function hold(
  call: Call,
  ms: number,
  { routing, announcements, clock, directory }: ExchangeParts,
): Promise<void> {
  routing.openBidding(call.id)
  call.releases.push(() => routing.forgetBidding(call.id))
  call.state = 'auction'
  call.wasOpen = true
  announcements.biddingOpened(call, new Date(clock.now() + ms), directory.activeBuyers())
  await setTimeout(ms, undefined, { signal: call.gone }).catch(() => {}) // The caller went: there is nothing to bid for.
  routing.closeBidding(call.id)
  call.throwIfGone()
  call.note('bids taken', `for ${ms} ms`)
}
