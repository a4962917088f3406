import { CENT, floorToCent, type Micros } from './money.ts'

/** What becomes of a call that lasts longer than its buyer pays for: it goes on and costs no more, or the exchange ends it. */
export const AT_MAX = ['continue', 'end'] as const
export type AtMax = (typeof AT_MAX)[number]

/** How time is counted: the first seconds at once, then in steps; each that has begun is paid for (60/60, 30/6, 6/6, 1/1). */
export interface Increments {
  readonly initialSeconds: number
  readonly incrementSeconds: number
}

/** How a campaign pays by the minute: its bids' amounts are prices of a minute. */
export interface MinutePricing extends Increments {
  readonly type: 'minute'
  /** Longer than this costs no more: what is held for a call is the price of so many seconds. */
  readonly maxBillableSeconds: number
  readonly atMax: AtMax
}

/** What an award by the minute was sold at. */
export interface MinuteTerms extends MinutePricing {
  /** Of a minute: at most the bid's amount. */
  readonly rateMicros: Micros
  /** What a call is expected to be billed for, which is what it was ranked by. */
  readonly expectedSeconds: number
}

/** What a call by the minute came to, as its record keeps it. Null: that side was not by the minute. */
export interface BilledMinutes {
  readonly price: BilledSide | null
  readonly payout: BilledSide | null
}

interface BilledSide {
  /** Of a minute. */
  readonly rateMicros: Micros
  /** As billed: whole increments. */
  readonly seconds: number
}

/**
 * The seconds that a call of `durationMs` is billed for: the first increment whole however short it was, then each further one that has
 * begun; never more than `mostSeconds`. A fraction of a millisecond is not time.
 */
export function billedSeconds(
  { initialSeconds, incrementSeconds }: Increments,
  durationMs: number,
  mostSeconds = Number.MAX_SAFE_INTEGER,
): number {
  const beyondMs = Math.floor(durationMs) - initialSeconds * 1000
  const steps = beyondMs <= 0 ? 0 : Math.ceil(beyondMs / (incrementSeconds * 1000))
  return Math.min(mostSeconds, initialSeconds + steps * incrementSeconds)
}

/** The price of so many seconds: what is left below a whole cent is not charged. */
export function priceOfSeconds(rateMicros: Micros, seconds: number): Micros {
  return floorToCent((rateMicros * BigInt(seconds)) / 60n)
}

/** What a sold call of so many billed seconds costs: at least a cent, as every sale does. */
export function chargeOfSeconds(rateMicros: Micros, seconds: number): Micros {
  const worth = priceOfSeconds(rateMicros, seconds)
  return worth > CENT ? worth : CENT
}

/** The most that a call can cost at this price of a minute. */
export function mostOfMinutes(
  rateMicros: Micros,
  { maxBillableSeconds }: Pick<MinutePricing, 'maxBillableSeconds'>,
): Micros {
  return chargeOfSeconds(rateMicros, maxBillableSeconds)
}

/**
 * What a call is expected to be billed for, when billable calls of its target last `talkSeconds` on average and none shorter than
 * `billableAfter` is billed: half an increment more, since it is rounded up, within what the terms allow. Steps longer than the first count
 * as that: who never lets a call reach the second is not ranked by half of it.
 */
export function expectedSecondsOf(pricing: MinutePricing, talkSeconds: number, billableAfter: number): number {
  const { initialSeconds, incrementSeconds, maxBillableSeconds } = pricing
  const expected =
    Math.max(talkSeconds, Math.ceil(billableAfter)) + Math.floor(Math.min(initialSeconds, incrementSeconds) / 2)
  return Math.min(maxBillableSeconds, Math.max(initialSeconds, expected))
}

/** The price of a minute at which the expected seconds cost `priceMicros`: rounded up to the whole micro. */
export function rateFor(priceMicros: Micros, expectedSeconds: number): Micros {
  const seconds = BigInt(expectedSeconds)
  return (priceMicros * 60n + seconds - 1n) / seconds
}
