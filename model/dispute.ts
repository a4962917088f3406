import type { AccountId, CallId, DisputeId, PostingId } from './ids.ts'
import type { Currency, Micros } from './money.ts'

export const DISPUTE_STATES = ['open', 'accepted', 'rejected', 'withdrawn'] as const
export type DisputeState = (typeof DISPUTE_STATES)[number]

/** What a buyer may say was wrong with a call it paid for. */
export const DISPUTE_REASONS = [
  'wrong_vertical',
  'wrong_area',
  'duplicate',
  'no_conversation',
  'bad_audio',
  'fraud',
  'other',
] as const
export type DisputeReason = (typeof DISPUTE_REASONS)[number]

/** A buyer's claim that a call was not worth its price, and what came of it. */
export interface Dispute {
  readonly id: DisputeId
  readonly callId: CallId
  readonly buyerId: AccountId
  readonly sellerId: AccountId
  readonly currency: Currency
  /** What the buyer was charged for the call, and what the seller was paid. */
  readonly chargedMicros: Micros
  readonly paidMicros: Micros
  readonly reason: DisputeReason
  readonly note: string
  readonly state: DisputeState
  readonly openedAt: Date
  readonly decidedAt: Date | null
  /** The operator's words on it. */
  readonly decision: string | null
  /** What the buyer got back, and what of it the seller gave back; 0 unless accepted. */
  readonly creditMicros: Micros
  readonly clawbackMicros: Micros
  /** The correction that moved the money. */
  readonly postingId: PostingId | null
}

/** What has been paid for a call that is paid by conversion, so far. */
export interface PaidByConversion {
  readonly chargedMicros: Micros
  readonly paidMicros: Micros
  /** When money has moved last. */
  readonly at: Date
}

/** How a dispute ends, and by what the call had cost by then: by conversion that may have changed since it was opened. */
export type DisputeDecision = Pick<
  Dispute,
  'decision' | 'creditMicros' | 'clawbackMicros' | 'postingId' | 'chargedMicros' | 'paidMicros'
> & {
  readonly state: Exclude<DisputeState, 'open'>
  readonly decidedAt: Date
}
