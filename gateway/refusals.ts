import type { CallOutcome, EndReason } from '../model/call.ts'

/** What a refusal means to the carrier, to the record and to whoever asks whose fault it was. */
export interface RefusalMeaning {
  readonly status: number
  readonly outcome: CallOutcome
  /** Whose doing: the seller's side, the buyers', ours, or the law's. */
  readonly fault: 'seller' | 'buyer' | 'exchange' | 'policy'
  /** Carry a Reason header with the rule that spoke (RFC 3326). */
  readonly withReason?: boolean
  /** The reason phrase says what was wrong. */
  readonly withPhrase?: boolean
  /** Say Retry-After: only where the whole exchange is unwell, since peers then stop using the trunk (RFC 3261 §21.5.4). */
  readonly retryAfterSeconds?: number
}

/** The one table: how each refusal sounds to the carrier and reads in the record. */
export const REFUSALS: Partial<Record<EndReason, RefusalMeaning>> = {
  unknown_source: { status: 403, outcome: 'refused', fault: 'seller' },
  unauthenticated: { status: 401, outcome: 'refused', fault: 'seller' },
  trunk_limit: { status: 503, outcome: 'refused', fault: 'seller' },
  token_refused: { status: 403, outcome: 'refused', fault: 'seller', withPhrase: true },
  account_inactive: { status: 403, outcome: 'refused', fault: 'seller' },
  unknown_number: { status: 404, outcome: 'refused', fault: 'seller' },
  too_many_hops: { status: 483, outcome: 'refused', fault: 'seller' },
  privacy_unavailable: { status: 500, outcome: 'refused', fault: 'seller', withPhrase: true },
  session_too_brief: { status: 422, outcome: 'refused', fault: 'seller' },
  no_such_dialog: { status: 481, outcome: 'refused', fault: 'seller' },
  loop: { status: 482, outcome: 'refused', fault: 'seller' },
  malformed: { status: 400, outcome: 'refused', fault: 'seller', withPhrase: true },
  unacceptable_media: { status: 488, outcome: 'refused', fault: 'seller' },
  compliance: { status: 603, outcome: 'refused', fault: 'policy', withReason: true },
  // The status and the phrase are those of what is wrong with it: 403, 436, 437 or 438 (RFC 8224 §6.2.2).
  signature: { status: 438, outcome: 'refused', fault: 'seller', withPhrase: true },
  fraud: { status: 603, outcome: 'refused', fault: 'policy', withReason: true },
  menu_limit: { status: 503, outcome: 'refused', fault: 'exchange' },
  no_choice: { status: 480, outcome: 'refused', fault: 'seller' },
  no_sale: { status: 480, outcome: 'no_sale', fault: 'buyer' },
  all_awards_failed: { status: 480, outcome: 'failed', fault: 'buyer' },
  stop_code: { status: 480, outcome: 'failed', fault: 'buyer' },
  invite_expired: { status: 487, outcome: 'no_answer', fault: 'seller' },
  cancelled: { status: 487, outcome: 'cancelled', fault: 'seller' },
  // Of callers who were answered before anybody was rung for them.
  caller_hung_up: { status: 487, outcome: 'cancelled', fault: 'seller' },
  ack_timeout: { status: 408, outcome: 'failed', fault: 'seller' },
  session_expired: { status: 408, outcome: 'failed', fault: 'seller' },
  operator_hung_up: { status: 480, outcome: 'failed', fault: 'exchange' },
  media_failed: { status: 503, outcome: 'failed', fault: 'exchange' },
  media_insecure: { status: 488, outcome: 'failed', fault: 'seller' },
  overloaded: { status: 503, outcome: 'refused', fault: 'exchange', retryAfterSeconds: 10 },
  storage_unavailable: { status: 503, outcome: 'refused', fault: 'exchange', retryAfterSeconds: 10 },
  shutdown: { status: 503, outcome: 'refused', fault: 'exchange', retryAfterSeconds: 30 },
  interrupted: { status: 503, outcome: 'interrupted', fault: 'exchange' },
  internal_error: { status: 500, outcome: 'failed', fault: 'exchange' },
}

/** The meaning of a refusal; an unlisted reason is a bug of ours and sounds like one. */
export function meaningOf(reason: EndReason): RefusalMeaning {
  return REFUSALS[reason] ?? REFUSALS.internal_error!
}
