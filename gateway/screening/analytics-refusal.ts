import type { CallId } from '../../model/ids.ts'
import type { AnalyticsRefusal } from '../../model/trunk.ts'
import { reasonHeader } from '../headers/reason-header.ts'

/** Whom a caller may ask whose calls are refused, as the settings have it. */
export interface Redress {
  readonly url: string | null
  readonly email: string | null
  readonly phone: string | null
  /** Which network refused (RFC 8606 §3). */
  readonly location: string
  readonly jcardUrl: string | null
}

/** What the carrier hears. */
interface Sound {
  readonly status: number
  readonly phrase: string | null
  readonly headers: Readonly<Record<string, string>>
}

/**
 * How a refusal by analytics sounds. Calls that providers in the United States block by analytics are to be answered with 603+ since
 * 25 March 2026 (47 CFR 64.1200(k)(9), FCC 25-15, 90 FR 13416): 603 with the phrase `Network Blocked` and a Reason whose text begins with
 * `v=analytics1` and names at least one way to seek redress (ATIS-1000099). Without any the operator cannot say so: it is a plain 603.
 */
export function analyticsRefusal(how: AnalyticsRefusal, rule: string, callId: CallId, redress: Redress): Sound {
  if (how === '603+') {
    const contacts = contactsOf(redress)
    if (contacts.length > 0) {
      const text = ['v=analytics1', ...contacts, `id=${callId}`].join(';')
      const Reason = `SIP;cause=603;text="${text}";location=${redress.location}`
      return { status: 603, phrase: 'Network Blocked', headers: { Reason } }
    }
  }
  if (how !== '608') return { status: 603, phrase: null, headers: { Reason: reasonHeader(603, rule) } }
  const { jcardUrl } = redress
  const headers = { Reason: reasonHeader(608, rule) }
  const card = jcardUrl === null ? headers : { ...headers, 'Call-Info': `<${jcardUrl}>;purpose=jwscard` } // RFC 8688 §3.2
  return { status: 608, phrase: 'Rejected', headers: card }
}

function contactsOf({ url, phone, email }: Redress): string[] {
  return Object.entries({ url, tel: phone, email }).flatMap(([name, value]) =>
    value === null ? [] : `${name}=${value}`,
  )
}
