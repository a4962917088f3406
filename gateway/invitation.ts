import type { Award } from '../model/auction.ts'
import type { PhoneNumber } from '../model/phone-number.ts'
import type { Target } from '../model/trunk.ts'
import type { Call } from './live-call.ts'
import type { ExchangeParts } from './parts.ts'

/** What the INVITE to a target says besides its SDP. */
export interface Invitation {
  readonly target: Target
  readonly uri: string
  readonly headers: Record<string, string>
  readonly auth?: { username: string; password: string }
}

/**
 * Towards the buyer: the caller's number in From and P-Asserted-Identity (RFC 3325), our call's id, and the carrier's
 * Identity header as it came (RFC 8224). Null when the target's number has no outbound trunk to go through.
 */
export function invitationOf(call: Call, award: Award, parts: ExchangeParts): Invitation | null {
  const target = parts.directory.target(award.targetId)
  if (!target) return null
  const headers = callerHeaders(call.facts!.ani)
  headers['X-DCE-Call-ID'] = call.id
  const identity = call.caller.header('Identity')
  if (identity) headers['Identity'] = identity
  if (!target.uri.startsWith('+')) return { target, uri: target.uri, headers }

  const trunk = parts.trunks.outbound()
  if (!trunk) return null
  const invitation = { target, uri: `sip:${target.uri}@${trunk.host};user=phone`, headers }
  if (!trunk.username || !trunk.password) return invitation
  return { ...invitation, auth: { username: trunk.username, password: trunk.password } }
}

/** `@localhost` is drachtio's word for the address the request will leave from. */
function callerHeaders(ani: PhoneNumber | null): Record<string, string> {
  if (!ani) return { From: '"Anonymous" <sip:anonymous@anonymous.invalid>', Privacy: 'id' } // RFC 3323 §4.1.1.3
  return { From: `<sip:${ani}@localhost>`, 'P-Asserted-Identity': `<sip:${ani}@localhost>` }
}
