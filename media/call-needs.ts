import type { MediaCapability, Sdp } from './media-server.ts'
import { readDescription } from './sdp-reading.ts'

/** What a call asks of the engine that moves its audio. */
export interface CallNeeds {
  /** Without these the call cannot be. */
  readonly must: readonly MediaCapability[]
  /** Better with these, where an engine that is up has them: keys that either end may leave, a recording that may fail. */
  readonly wish: readonly MediaCapability[]
  /** Whoever it concerns allows that the two ends send to one another, past us. */
  readonly mayBeDirect: boolean
}

const NONE: readonly MediaCapability[] = []

/** Plain audio, through us. */
export const PLAIN_NEEDS: CallNeeds = { must: NONE, wish: NONE, mayBeDirect: false }

/** What one offer asks of an engine by itself (RFC 4568, RFC 5764). Throws UnacceptableMedia when nobody could serve it. */
export function needsOfOffer(offer: Sdp): { readonly must: CallNeeds['must']; readonly wish: CallNeeds['wish'] } {
  // Nearly every offer is plain, and is read by its engine: it is not read twice for this.
  if (!offer.includes('SAVP') && !offer.includes('a=crypto')) return PLAIN_NEEDS
  const { security, protocol } = readDescription(offer).audio
  if (security === null) return PLAIN_NEEDS
  if (security.kind === 'dtls') return WEBRTC
  return protocol.toUpperCase() === 'RTP/AVP' ? KEYS_IF_IT_CAN : KEYS // RFC 8643
}

const WEBRTC = { must: ['webrtc'], wish: NONE } as const
const KEYS = { must: ['sdes'], wish: NONE } as const
const KEYS_IF_IT_CAN = { must: NONE, wish: ['sdes'] } as const

/** What serves both. */
export function joinNeeds(a: CallNeeds, b: CallNeeds): CallNeeds {
  if (a === b) return a
  return {
    must: union(a.must, b.must),
    wish: union(a.wish, b.wish),
    mayBeDirect: a.mayBeDirect && b.mayBeDirect,
  }
}

function union(a: readonly MediaCapability[], b: readonly MediaCapability[]): readonly MediaCapability[] {
  if (b.length === 0) return a
  return a.length === 0 ? b : [...new Set([...a, ...b])]
}
