const SDP = 'v=0\r\no=- 1 1 IN IP4 10.0.0.9\r\ns=-\r\nc=IN IP4 10.0.0.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n'

/** What a phone says of itself and its wishes; each list is picked from. */
export interface Habits {
  /** Headers of the INVITEs it makes. */
  readonly callHeaders: readonly string[]
  readonly descriptions: readonly string[]
  /** Where its 302 send callers, as Contacts; none: they do not say. */
  readonly redirections: readonly string[]
  /** Where its REFERs ask the other side to call; none: they do not say. */
  readonly referrals: readonly string[]
  /** Where they ask it to call for another call that the phone has there; null: they never do. */
  readonly referralsToOwn: string | null
}

export const PLAIN_HABITS: Habits = {
  callHeaders: ['From: <sip:caller@localhost>', 'Supported: 100rel', 'Supported: timer'],
  descriptions: [SDP],
  redirections: [],
  referrals: [],
  referralsToOwn: null,
}
