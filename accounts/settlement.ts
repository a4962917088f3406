import { strict as assert } from 'node:assert'
import type { SoldTerms } from '../model/cdr.ts'
import type { AccountId, CallId, PostingId } from '../model/ids.ts'
import type { Posting } from '../model/ledger.ts'
import { floorToCent, type Micros } from '../model/money.ts'
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
  /** Null when no money moves: the hold is then voided. */
  readonly posting: Posting | null
}

/**
 * What an answered call costs and pays: a function of its award, its duration and the number's terms, so a restart or a
 * replay arrives at the same posting. Below `billable_after` nothing moves.
 */
export function settle(input: SettlementInput): Settlement {
  const { terms, durationMs } = input
  assert(durationMs >= 0, 'a call lasts no less than nothing')
  if (durationMs < terms.billableAfter * 1000) {
    return { billable: false, billableMs: 0, priceMicros: 0n, payoutMicros: 0n, marginMicros: 0n, posting: null }
  }
  const billableMs = Math.floor(durationMs)
  if (terms.conversion) {
    // Nothing is owed until it is reported what became of the call.
    return { billable: true, billableMs, priceMicros: 0n, payoutMicros: 0n, marginMicros: 0n, posting: null }
  }
  const payoutMicros = payoutOf(terms.payout, terms.priceMicros)
  const marginMicros = terms.priceMicros - payoutMicros
  const entries = mergeEntries([
    { accountId: terms.buyerId, amountMicros: -terms.priceMicros },
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
  return { billable: true, billableMs, priceMicros: terms.priceMicros, payoutMicros, marginMicros, posting }
}

/** What the seller is paid of a price: whole cents, never more than the price; the remainder of a share is the operator's. */
export function payoutOf(payout: Payout, priceMicros: Micros): Micros {
  assert(priceMicros >= 0n, 'a price is not negative')
  const wanted = payout.type === 'share' ? (priceMicros * payout.shareMillionths) / 1_000_000n : payout.amountMicros
  assert(wanted >= 0n, 'a payout is not negative')
  return floorToCent(wanted < priceMicros ? wanted : priceMicros)
}
