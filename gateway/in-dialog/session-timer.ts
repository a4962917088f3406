import { listOf } from '../headers/sip-fields.ts'
import type { SipRequest } from '../srf/srf-types.ts'

/** Seconds: the shortest session interval there is (RFC 4028 §5), and the shortest we agree to. */
export const MIN_SE = 90
/** Seconds: a longer interval than this is asked for by nobody in earnest. */
const MAX_SE = 86_400

/**
 * For a request of ours that begins or changes a session (RFC 4028 §7.1), nothing when timers are off (0): the other side is asked to
 * refresh, so that a side that has gone is noticed by us.
 */
export function sessionOffer(expiresS: number): Record<string, string> {
  return expiresS === 0 ? {} : { 'Session-Expires': `${expiresS};refresher=uas`, 'Min-SE': String(MIN_SE) }
}

/**
 * For our 2xx to a caller's INVITE, re-INVITE or UPDATE (RFC 4028 §9): the shorter of its interval and ours, not below its Min-SE. Who
 * can refresh, refreshes; a caller that knows no timers is refreshed by us. Whoever the caller names as refresher, is.
 */
export function sessionAnswer(request: SipRequest, expiresS: number): Record<string, string> {
  if (expiresS === 0) return {}
  const asked = request.get('Session-Expires')
  const knowsTimers = listOf(request.get('Supported')).some((option) => option.toLowerCase() === 'timer')
  const leastS = readSeconds(request.get('Min-SE')) ?? MIN_SE
  const seconds = Math.max(leastS, Math.min(readSeconds(asked) ?? expiresS, expiresS))
  const named = /;\s*refresher\s*=\s*(uac|uas)/i.exec(asked ?? '')?.[1]?.toLowerCase()
  const refresher = knowsTimers ? (named ?? 'uac') : 'uas'
  const headers = { 'Session-Expires': `${seconds};refresher=${refresher}` }
  return refresher === 'uac' ? { ...headers, Require: 'timer' } : headers
}

/** What a 422 has to say when the interval asked for is too small (RFC 4028 §6); null when it is not. */
export function tooBrief(sessionExpires: string | undefined): Record<string, string> | null {
  const seconds = readSeconds(sessionExpires)
  return seconds !== null && seconds < MIN_SE ? { 'Min-SE': String(MIN_SE) } : null
}

/** The interval to ask for after a 422 (RFC 4028 §7.4); null when its Min-SE says nothing new. */
export function longerInterval(minSe: string | undefined, asked: string | undefined): Record<string, string> | null {
  const least = readSeconds(minSe)
  const before = readSeconds(asked)
  if (least === null || before === null || least <= before || least > MAX_SE) return null
  return { ...sessionOffer(least), 'Min-SE': String(least) }
}

function readSeconds(text: string | undefined): number | null {
  const digits = /^\s*(\d{1,9})/.exec(text ?? '')?.[1]
  return digits === undefined ? null : Number(digits)
}
