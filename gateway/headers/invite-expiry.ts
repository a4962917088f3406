import type { Call } from '../live-call.ts'
import type { ExchangeParts } from '../parts.ts'

/** While a buyer has answered and the caller has not been told, how soon it is looked at again, ms: it may come to nothing yet. */
const LOOK_AGAIN_MS = 50

/** RFC 3261 §13.3.1: an INVITE that nobody has answered by its Expires is over. None outlives our own time for that. */
export function heedExpires(call: Call, parts: ExchangeParts): void {
  const text = call.caller.header('Expires')?.trim() ?? ''
  if (!/^\d{1,10}$/.test(text)) return
  const expiresMs = Number(text) * 1000
  if (expiresMs >= parts.limits.maxSetupMs) return
  const look = (): void => {
    if (call.waiting || call.bridge) return
    if (call.state === 'answered') timer = setTimeout(look, LOOK_AGAIN_MS)
    else call.abandon('invite_expired')
  }
  let timer = setTimeout(look, expiresMs)
  call.releases.push(() => clearTimeout(timer))
}
