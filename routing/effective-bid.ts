import { NO_FACTORS, type Factors } from '../model/auction.ts'
import type { StandingBid } from './standing-bid.ts'

/** The whole micros of an amount times a factor in thousandths, rounded down: exact, since no product passes 2^53. */
export function times(micros: number, thousandths: number): number {
  if (thousandths === 1000) return micros
  const rest = micros % 1000
  return ((micros - rest) / 1000) * thousandths + Math.floor((rest * thousandths) / 1000)
}

/** A bid by its buyer's own modifiers, or by how this seller's calls turn out for its campaign: never above its amount. */
export function multiply(bid: StandingBid, name: 'modifier' | 'performance', factor: number): void {
  note(bid, name, factor)
  bid.amountMicros = Math.min(bid.wholeMicros, times(bid.amountMicros, factor))
}

/**
 * A bid less than it might be, since its campaign is ahead of its day or less has been enough of late; but no less than the
 * call costs at the least.
 */
export function lessen(bid: StandingBid, name: 'pacing' | 'competition', factor: number, lowestMicros: number): void {
  note(bid, name, factor)
  const less = times(bid.amountMicros, factor)
  bid.amountMicros = Math.min(bid.amountMicros, Math.max(less, lowestMicros))
}

function note(bid: StandingBid, name: keyof Factors, factor: number): void {
  bid.factors = { ...(bid.factors ?? NO_FACTORS), [name]: factor }
}
