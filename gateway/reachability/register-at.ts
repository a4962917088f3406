import { listOf, paramOf } from '../headers/sip-fields.ts'
import type { Signaling } from '../srf.ts'
import type { SipResponse } from '../srf/srf-types.ts'
import type { Registration, RegistrationAnswer } from './trunk-registrations.ts'

/** Sends one REGISTER to a trunk's carrier, with `headers` besides. `@localhost` is drachtio’s word for the address the request leaves from. */
export async function registerAt(
  signaling: Signaling,
  { trunk, expires, callId, cseq }: Registration,
  headers: Record<string, string> = {},
): Promise<RegistrationAnswer> {
  const { host, username, password } = trunk
  const user = encodeURIComponent(username ?? '')
  const [domain] = (host ?? '').split(';')
  const addressOfRecord = `<sip:${user}@${domain}>`
  const response = await signaling.ask(`sip:${host}`, {
    method: 'REGISTER',
    headers: {
      From: addressOfRecord,
      To: addressOfRecord,
      'Call-ID': callId,
      CSeq: `${cseq} REGISTER`,
      Contact: `<sip:${user}@localhost>;expires=${expires}`,
      Expires: String(expires),
      ...headers,
    },
    ...(username !== null && password !== null && { auth: { username, password } }),
  })
  return {
    status: response.status,
    expires: grantedIn(response, user),
    minExpires: secondsIn(response, 'Min-Expires'),
    retryAfter: secondsIn(response, 'Retry-After'),
    cseq: Number.parseInt(response.get('CSeq') ?? '', 10) || cseq,
  }
}

/** RFC 3261 §10.2.4: of all the contacts in the answer ours says for how long; else the Expires header; else nothing. */
function grantedIn(response: SipResponse, user: string): number | null {
  const contacts = listOf(response.get('Contact'))
  const ours = contacts.find((contact) => contact.includes(`:${user}@`)) ?? contacts[0]
  const seconds = Number.parseInt(ours === undefined ? '' : paramOf(ours, 'expires'), 10)
  return Number.isNaN(seconds) ? secondsIn(response, 'Expires') : seconds
}

function secondsIn(response: SipResponse, name: string): number | null {
  const seconds = Number.parseInt(response.get(name) ?? '', 10)
  return Number.isNaN(seconds) ? null : seconds
}
