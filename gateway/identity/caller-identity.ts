import type { PhoneNumber } from '../../model/phone-number.ts'
import { listOf, uriOf } from '../headers/sip-fields.ts'

/** What the caller's side said of itself, as far as a buyer may hear of it. */
export interface CallerIdentity {
  readonly ani: PhoneNumber | null
  /** Cleaned for a quoted-string; '' when there is none. */
  readonly displayName: string
  /** The caller's own words on privacy (RFC 3323 §4.2): empty, or `none`, when it asks for none. */
  readonly privacy: readonly string[]
}

/** Values of the Privacy header that ask for the number to be withheld (RFC 3323 §4.2, RFC 3325 §9.3). */
const WITHHOLDS = new Set(['id', 'user', 'header'])
const KNOWN = new Set(['header', 'session', 'user', 'none', 'critical', 'id', 'history'])
const MAX_NAME = 64
export const ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>' // RFC 3323 §4.1.1.3

/** What a Privacy header asks for that we cannot do, where it says that the call must fail without (RFC 3323 §4.2, §5). */
export function criticalPrivacyUnavailable(privacy: string): readonly string[] {
  const asked = valuesOf(privacy)
  return asked.includes('critical') ? asked.filter((value) => !KNOWN.has(value)) : []
}

/** Whether the other end must not learn where the audio comes from (RFC 3323 §4.2, `session`). */
export function hidesMedia(privacy: string): boolean {
  return valuesOf(privacy).includes('session')
}

function valuesOf(privacy: string): string[] {
  return privacy
    .toLowerCase()
    .split(/[;,\s]+/)
    .filter((value) => value !== '')
}

/** Reads an INVITE's headers: who is calling is `ani`, and how that reads and may be told is said here. */
export function callerIdentity(ani: PhoneNumber | null, header: (name: string) => string | undefined): CallerIdentity {
  const said = listOf(header('P-Asserted-Identity'))[0] ?? header('From') ?? ''
  const privacy = valuesOf(header('Privacy') ?? '').filter((value) => KNOWN.has(value))
  return { ani, displayName: displayNameOf(said), privacy }
}

/** Whether the caller wants its number withheld from whoever it does not trust. */
export function isWithheld({ privacy }: CallerIdentity): boolean {
  return !privacy.includes('none') && privacy.some((value) => WITHHOLDS.has(value))
}

/**
 * From, P-Asserted-Identity and Privacy of the INVITE to a buyer. A withheld number is told only within our trust domain
 * (RFC 3325 §5, §7), where the Privacy header goes along; in From it is never told. `@localhost` is drachtio's word for the
 * address the request will leave from. `verstat`: what the number carries as its parameter, `;verstat=…`.
 */
export function identityHeaders(caller: CallerIdentity, isTrusted: boolean, verstat = ''): Record<string, string> {
  const { ani, displayName } = caller
  if (!ani) return { From: ANONYMOUS, Privacy: 'id' }
  const name = displayName === '' ? '' : `"${displayName}" `
  const asserted = `${name}<sip:${ani}${verstat}@localhost>`
  if (!isWithheld(caller)) return { From: asserted, 'P-Asserted-Identity': asserted }
  const headers = { From: ANONYMOUS, Privacy: caller.privacy.join(';') }
  return isTrusted ? { ...headers, 'P-Asserted-Identity': asserted } : headers
}

/** What stands before the `<`: a quoted-string's content or tokens; cleaned, and '' for the words of anonymity. */
export function displayNameOf(value: string): string {
  const uri = uriOf(value)
  const at = value.indexOf(`<${uri}>`)
  if (at <= 0) return ''
  const before = value.slice(0, at).trim()
  const quoted = /^"((?:[^"\\]|\\.)*)"$/.exec(before)?.[1]?.replaceAll(/\\(.)/g, '$1')
  return (quoted ?? before)
    .replaceAll(/\p{Cc}|["\\]/gu, '')
    .trim()
    .slice(0, MAX_NAME)
}
