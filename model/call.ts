export type CallState = 'received' | 'screening' | 'auction' | 'ringing' | 'answered' | 'ended'

export type CallOutcome =
  'answered' | 'refused' | 'no_sale' | 'busy' | 'no_answer' | 'failed' | 'cancelled' | 'interrupted'

export type LegSide = 'caller' | 'buyer'

export function oppositeOf(side: LegSide): LegSide {
  return side === 'caller' ? 'buyer' : 'caller'
}

/** Whose doing an ending was: livekit/sip’s question, asked of every call. */
export type HungUpBy = 'caller' | 'buyer' | 'operator' | 'exchange'

/** Every way a call can end, as the CDR’s `end_reason`. */
export type EndReason =
  | 'caller_hung_up'
  | 'buyer_hung_up'
  | 'operator_hung_up'
  | 'max_duration'
  /** Its buyer pays by the minute, and for no more of them. */
  | 'max_billable_duration'
  | 'rtp_timeout'
  /** The media engine that had it died, or lost it. */
  | 'media_failed'
  /** A side's audio could not be secured as agreed: its DTLS handshake failed (RFC 5763). */
  | 'media_insecure'
  | 'ack_timeout'
  | 'session_expired'
  | 'cancelled'
  /** Asked by the number's menu, the caller chose nothing. */
  | 'no_choice'
  | 'menu_limit'
  | 'no_sale'
  | 'all_awards_failed'
  | 'stop_code'
  | 'trunk_limit'
  | 'unknown_source'
  | 'unauthenticated'
  | 'token_refused'
  | 'account_inactive'
  | 'unknown_number'
  | 'too_many_hops'
  | 'loop'
  | 'no_such_dialog'
  | 'session_too_brief'
  | 'privacy_unavailable'
  | 'invite_expired'
  | 'compliance'
  | 'signature'
  | 'fraud'
  | 'unacceptable_media'
  | 'malformed'
  | 'overloaded'
  | 'storage_unavailable'
  | 'shutdown'
  | 'interrupted'
  | 'internal_error'
