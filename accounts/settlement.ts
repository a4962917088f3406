import { strict as assert } from 'node:assert'
import type { SoldTerms } from '../model/cdr.ts'
import type { AccountId, CallId, PostingId } from '../model/ids.ts'
import type { Posting } from '../model/ledger.ts'
import { floorToCent, type Micros } from '../model/money.ts'
import { billedSeconds, chargeOfSeconds, priceOfSeconds, type BilledMinutes } from '../model/per-minute.ts'
import type { Payout } from '../model/trunk.ts'
import { createPosting, mergeEntries } from './ledger.ts'

export interface SettlementInput {
  readonly terms: SoldTerms
  /** Monotonic: the buyer's 200 to the first BYE, RTP timeout or operator's hang-up. */
  readonly durationMs: number
  readonly endedAt: Date
  /** Made from the call, so that settling it again makes the same posting. */
  readonly postingId: PostingId
  readonly callId: CallId
  /** The house's account, which keeps the margin. */
  readonly operatorId: AccountId
}

export interface Settlement {
  readonly billable: boolean
  /** `durationMs` in whole milliseconds when the call is billable, else 0. */
  readonly billableMs: number
  readonly priceMicros: Micros
  readonly payoutMicros: Micros
  /** price − payout: the operator's. */
  readonly marginMicros: Micros
  /** Null: neither side is paid by the minute, or the call is not billable. */
  readonly minutes: BilledMinutes | null
  /** Null when no money moves: the hold is then voided. */
  readonly posting: Posting | null
}

/**
 * What an answered call costs and pays: a function of its award, its duration and the number's terms, so a restart or a
 * replay arrives at the same posting. Below `billable_after` nothing moves. By the minute the price is that of the seconds billed:
 * up to whole increments, then down to the whole cent, and at least one.
 */
export function settle(input: SettlementInput): Settlement {
  const { terms, durationMs } = input
  assert(durationMs >= 0, 'a call lasts no less than nothing')
  if (durationMs < terms.billableAfter * 1000) {
    return { billable: false, billableMs: 0, ...NOTHING }
  }
  const billableMs = Math.floor(durationMs)
  if (terms.conversion) {
    // Nothing is owed until it is reported what became of the call.
    return { billable: true, billableMs, ...NOTHING }
  }
  const minutes = minutesOf(terms, billableMs)
  const priceMicros = minutes?.price
    ? chargeOfSeconds(minutes.price.rateMicros, minutes.price.seconds)
    : terms.priceMicros
  assert(priceMicros <= terms.priceMicros, 'a call costs no more than was held for it')
  const payoutMicros = payoutOf(terms.payout, priceMicros, billableMs)
  const marginMicros = priceMicros - payoutMicros
  const entries = mergeEntries([
    { accountId: terms.buyerId, amountMicros: -priceMicros },
    { accountId: terms.sellerId, amountMicros: payoutMicros },
    { accountId: input.operatorId, amountMicros: marginMicros },
  ])
  const posting =
    entries.length === 0
      ? null
      : createPosting({
          id: input.postingId,
          kind: 'call',
          callId: input.callId,
          currency: terms.currency,
          reference: `call ${input.callId}`,
          entries,
          postedAt: input.endedAt,
        })
  return { billable: true, billableMs, priceMicros, payoutMicros, marginMicros, minutes, posting }
}

const NOTHING = { priceMicros: 0n, payoutMicros: 0n, marginMicros: 0n, minutes: null, posting: null } as const

function minutesOf({ minutes, payout }: SoldTerms, billableMs: number): BilledMinutes | null {
  if (!minutes && payout.type !== 'minute') return null
  return {
    price: minutes
      ? { rateMicros: minutes.rateMicros, seconds: billedSeconds(minutes, billableMs, minutes.maxBillableSeconds) }
      : null,
    payout:
      payout.type === 'minute' ? { rateMicros: payout.rateMicros, seconds: billedSeconds(payout, billableMs) } : null,
  }
}

/**
 * What the seller is paid of a price, for a call that was billed for `billableMs`: whole cents, never more than the price; the remainder
 * of a share is the operator's.
 */
export function payoutOf(payout: Payout, priceMicros: Micros, billableMs: number): Micros {
  assert(priceMicros >= 0n, 'a price is not negative')
  const wanted = wantedBy(payout, priceMicros, billableMs)
  assert(wanted >= 0n, 'a payout is not negative')
  return floorToCent(wanted < priceMicros ? wanted : priceMicros)
}

function wantedBy(payout: Payout, priceMicros: Micros, billableMs: number): Micros {
  switch (payout.type) {
    case 'share':
      return (priceMicros * payout.shareMillionths) / 1_000_000n
    case 'fixed':
      return payout.amountMicros
    case 'minute':
      return priceOfSeconds(payout.rateMicros, billedSeconds(payout, billableMs))
  }
}

/** A payout that no longer depends on how long the call was, since that is known: for a call whose price is still to come. */
export function settledPayout(payout: Payout, billableMs: number): Payout {
  return payout.type === 'minute' ? { type: 'fixed', amountMicros: wantedBy(payout, 0n, billableMs) } : payout
}
