import { NO_FACTORS } from '../model/auction.ts'
import type { StandingBid } from './standing-bid.ts'

/** The whole micros of an amount times a factor in thousandths, rounded down: exact, since no product passes 2^53. */
export function times(micros: number, thousandths: number): number {
  if (thousandths === 1000) return micros
  const rest = micros % 1000
  return ((micros - rest) / 1000) * thousandths + Math.floor((rest * thousandths) / 1000)
}

/** A bid by its buyer's own modifiers: never above its amount. */
export function modify(bid: StandingBid, modifier: number): void {
  bid.factors = { ...NO_FACTORS, modifier }
  bid.amountMicros = Math.min(bid.wholeMicros, times(bid.wholeMicros, modifier))
}

/** A campaign ahead of its day bids less, but no less than the call costs at the least. */
export function slowDown(bid: StandingBid, pacing: number, lowestMicros: number): void {
  bid.factors = { ...(bid.factors ?? NO_FACTORS), pacing }
  const slow = times(bid.amountMicros, pacing)
  bid.amountMicros = Math.min(bid.amountMicros, Math.max(slow, lowestMicros))
}
