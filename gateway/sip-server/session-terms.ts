import { getParam } from './headers.ts'
import type { SipMessage } from './message.ts'

/** Seconds: an interval that a proxy asks for on behalf of a peer that knows none is not shorter than this. */
const LEAST_S = 10

/** What two sides have agreed about refreshing a session (RFC 4028). */
export interface SessionTerms {
  readonly intervalS: number
  /** We refresh; else the peer does. */
  readonly isOurs: boolean
}

/** A Session-Expires header. `refresher` is who sends the request, or who answers it. */
interface SessionExpires {
  readonly seconds: number
  readonly refresher: 'uac' | 'uas' | null
}

/** Null: there is none; NaN seconds: it cannot be read. */
function readSessionExpires(message: SipMessage): SessionExpires | null {
  const value = message.get('session-expires')
  if (value === undefined) return null
  const digits = /^\s*(\d{1,9})\s*(?:;|$)/.exec(value)?.[1]
  const refresher = getParam(value, 'refresher')?.toLowerCase()
  return { seconds: Number(digits), refresher: refresher === 'uac' || refresher === 'uas' ? refresher : null }
}

function hasTimer(message: SipMessage, key: 'supported' | 'require'): boolean {
  return message.headers.some((field) => field.key === key && field.value.toLowerCase() === 'timer')
}

function supportsTimer(message: SipMessage): boolean {
  return hasTimer(message, 'supported') || hasTimer(message, 'require')
}

/** Seconds of a message's Min-SE; 0 when there is none, or one longer than any time. */
export function minimumIn(message: SipMessage | null): number {
  return Number(/^\s*(\d{1,9})\s*(?:;|$)/.exec(message?.get('min-se') ?? '')?.[1] ?? 0)
}

/** Why a request's session interval cannot be had (RFC 4028 §9): 422 when it is too small, 400 when it is none; else null. */
export function sessionRefusal(
  request: SipMessage,
  minS: number,
): { readonly status: 400 | 422; readonly reason: string; readonly headers: Record<string, string> } | null {
  const asked = readSessionExpires(request)
  if (asked === null) return null
  if (Number.isNaN(asked.seconds)) return { status: 400, reason: 'Malformed Session-Expires', headers: {} }
  // Who does not know the word would not know what to do with a 422: its interval was put in by a proxy.
  if (asked.seconds >= minS || !supportsTimer(request)) return null
  return { status: 422, reason: 'Session Interval Too Small', headers: { 'Min-SE': String(minS) } }
}

/**
 * The terms of a 2xx of ours to an INVITE or UPDATE (RFC 4028 §9), written into it. The application may have put its own
 * Session-Expires there; `current` are the terms of the dialog, which go on unless the request changes them.
 */
export function agreeAsUas(
  request: SipMessage,
  response: SipMessage,
  current: SessionTerms | null,
  minS: number,
): SessionTerms | null {
  const asked = readSessionExpires(request)
  const given = readSessionExpires(response)
  if (asked === null && given === null && current === null) return null
  const wantedS = given !== null && given.seconds > 0 ? given.seconds : (asked?.seconds ?? current?.intervalS ?? 0)
  // §9: never longer than was asked for, whatever the minimum, unless we were to do nothing but refresh.
  const mostS = Math.max(asked?.seconds ?? Infinity, Math.min(minS, LEAST_S))
  const intervalS = Math.min(Math.max(wantedS, minimumIn(request), minS), mostS)
  const refresher = refresherOf(request, asked, given, current)
  response.set('Session-Expires', `${intervalS};refresher=${refresher}`)
  if (refresher === 'uac' && !hasTimer(response, 'require')) response.add('Require', 'timer')
  return { intervalS, isOurs: refresher === 'uas' }
}

/** RFC 4028 §9 table 2: who cannot refresh does not; else the one the request names, the one we name, the one it was. */
function refresherOf(
  request: SipMessage,
  asked: SessionExpires | null,
  given: SessionExpires | null,
  current: SessionTerms | null,
): 'uac' | 'uas' {
  if (!supportsTimer(request)) return 'uas'
  const kept = current === null ? null : current.isOurs ? 'uas' : 'uac'
  return asked?.refresher ?? given?.refresher ?? kept ?? 'uac'
}

/** Makes an INVITE or UPDATE of ours one that asks for a session timer, where the application or the dialog wants one (§7.1). */
export function askAsUac(request: SipMessage, current: SessionTerms | null): void {
  const isAsked = request.get('session-expires') !== undefined
  if (!isAsked && current === null) return
  if (!isAsked) {
    const { intervalS, isOurs } = current!
    request.add('Session-Expires', `${intervalS};refresher=${isOurs ? 'uac' : 'uas'}`)
  }
  if (!supportsTimer(request)) request.add('Supported', 'timer')
}

/**
 * The terms that a 2xx to our INVITE or UPDATE makes (§7.2). A peer that does not know session timers is refreshed by us; one that
 * says less than the minimum, which it must not (§9), gets the minimum.
 */
export function agreeAsUac(request: SipMessage, response: SipMessage, minS: number): SessionTerms | null {
  const given = readSessionExpires(response)
  if (given !== null && given.seconds > 0)
    return { intervalS: Math.max(given.seconds, minS), isOurs: given.refresher !== 'uas' }
  const asked = readSessionExpires(request)
  return asked === null || !(asked.seconds > 0) ? null : { intervalS: asked.seconds, isOurs: true }
}

/** Whether the peer takes UPDATE, as far as this message of its tells. */
export function allowsUpdate(message: SipMessage, before: boolean): boolean {
  let isTold = false
  for (const { key, value } of message.headers) {
    if (key !== 'allow') continue
    if (value.toUpperCase() === 'UPDATE') return true
    isTold = true
  }
  return isTold ? false : before
}
