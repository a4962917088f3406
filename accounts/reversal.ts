import { strict as assert } from 'node:assert'
import type { AccountId, CallId, PostingId } from '../model/ids.ts'
import type { Posting } from '../model/ledger.ts'
import { floorToCent, type Currency, type Micros } from '../model/money.ts'
import { createPosting, mergeEntries } from './ledger.ts'

export interface ReversalInput {
  readonly postingId: PostingId
  readonly callId: CallId
  readonly buyerId: AccountId
  readonly sellerId: AccountId
  readonly operatorId: AccountId
  readonly currency: Currency
  /** What the call's own posting moved. */
  readonly chargedMicros: Micros
  readonly paidMicros: Micros
  /** What the buyer is to have back: above zero, at most what it was charged. */
  readonly creditMicros: Micros
  readonly at: Date
}

/**
 * Takes a call's money back, all of it or a part: a posting of its own, since what is in a ledger does not change. The seller
 * gives back its share of the credit, floored to the cent and never more than it was paid; the house the rest.
 */
export function reverse(input: ReversalInput): { readonly clawbackMicros: Micros; readonly posting: Posting } {
  const { chargedMicros, paidMicros, creditMicros } = input
  assert(creditMicros > 0n && creditMicros <= chargedMicros, 'a credit is above zero and at most the price')
  assert(paidMicros >= 0n && paidMicros <= chargedMicros, 'a payout is at most the price')
  const clawbackMicros =
    creditMicros === chargedMicros ? paidMicros : floorToCent((paidMicros * creditMicros) / chargedMicros)
  const entries = mergeEntries([
    { accountId: input.buyerId, amountMicros: creditMicros },
    { accountId: input.sellerId, amountMicros: -clawbackMicros },
    { accountId: input.operatorId, amountMicros: clawbackMicros - creditMicros },
  ])
  const posting = createPosting({
    id: input.postingId,
    kind: 'correction',
    callId: null,
    currency: input.currency,
    reference: `reversal of call ${input.callId}`,
    entries,
    postedAt: input.at,
  })
  return { clawbackMicros, posting }
}
