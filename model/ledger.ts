import type { AccountId, CallId, HoldId, PostingId } from './ids.ts'
import type { Currency, Micros } from './money.ts'

/** `conversion`: what a call cost by what became of it, after its end. */
export type PostingKind = 'deposit' | 'payout' | 'call' | 'correction' | 'conversion'

/** One side of a posting: positive amounts raise what the account owns, negative ones lower it. */
export interface LedgerEntry {
  readonly accountId: AccountId
  readonly amountMicros: Micros
}

/** Money moved, once: the entries of a posting sum to zero or the posting does not exist. */
export interface Posting {
  readonly id: PostingId
  readonly kind: PostingKind
  /** Set for `call`, of which there is at most one, whatever is replayed; and for `conversion`, whose `reference` counts them. */
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
