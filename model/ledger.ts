import type { AccountId, CallId, HoldId, PostingId } from './ids.ts'
import type { Currency, Micros } from './money.ts'

export type PostingKind = 'deposit' | 'payout' | 'call' | 'correction'

/** One side of a posting: positive amounts raise what the account owns, negative ones lower it. */
export interface LedgerEntry {
  readonly accountId: AccountId
  readonly amountMicros: Micros
}

/** Money moved, once: the entries of a posting sum to zero or the posting does not exist. */
export interface Posting {
  readonly id: PostingId
  readonly kind: PostingKind
  /** Set for `call`: at most one posting of a call exists, whatever is replayed. */
  readonly callId: CallId | null
  readonly currency: Currency
  readonly reference: string
  readonly entries: readonly LedgerEntry[]
  readonly postedAt: Date
}

/** A buyer's funds reserved for one award: held, then posted, voided or expired. */
export interface Hold {
  readonly id: HoldId
  readonly callId: CallId
  readonly accountId: AccountId
  readonly currency: Currency
  readonly amountMicros: Micros
  readonly heldAt: Date
}
