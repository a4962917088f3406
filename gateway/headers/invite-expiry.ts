import type { Call } from '../live-call.ts'
import type { ExchangeParts } from '../parts.ts'

/** RFC 3261 §13.3.1: an INVITE that nobody has answered by its Expires is over. None outlives our own time for that. */
export function heedExpires(call: Call, parts: ExchangeParts): void {
  const text = call.caller.header('Expires')?.trim() ?? ''
  if (!/^\d{1,10}$/.test(text)) return
  const expiresMs = Number(text) * 1000
  if (expiresMs >= parts.limits.maxSetupMs) return
  const timer = setTimeout(() => {
    if (call.state !== 'answered' && !call.waiting) call.abandon('invite_expired')
  }, expiresMs)
  call.releases.push(() => clearTimeout(timer))
}
