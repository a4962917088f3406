import { listOf } from './sip-fields.ts'

/** More reasons than this in one header are not passed on. */
const MAX_REASONS = 4
const MAX_TEXT = 120

/** An address, a host name or a URI: where one side's machines are is not told the other. */
const NAMES_A_PLACE = /@|[a-z\d-]\.[a-z\d-]|[\da-f]*:[\da-f]*:/i

/** A quoted-string's content (RFC 3261 §25.1): no quotes, backslashes or control characters from outside. */
export function quotable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]|["\\]/g, '').slice(0, MAX_TEXT)
}

/** `SIP;cause=486;text="Busy Here"` (RFC 3326). */
export function reasonHeader(cause: number, text: string): string {
  return `SIP;cause=${cause};text="${quotable(text)}"`
}

/**
 * A Reason header from one side as it may be told the other (RFC 3326): the causes of SIP and Q.850, their texts cleaned; other
 * protocols and parameters, and texts that name a place, are left behind. Null when nothing is left.
 */
export function passableReason(value: string | undefined): string | null {
  if (!value) return null
  const kept: string[] = []
  for (const one of listOf(value)) {
    const reason = readReason(one)
    if (reason) kept.push(reason)
    if (kept.length === MAX_REASONS) break
  }
  return kept.length > 0 ? kept.join(', ') : null
}

/** Of a refusal's Reason what one may hear of it: the causes of Q.850, which alone may stand in any response (RFC 6432 §3). */
export function causesOf(value: string | undefined): string | null {
  const causes = listOf(passableReason(value) ?? '').filter((one) => one.startsWith('Q.850'))
  return causes.length > 0 ? causes.join(', ') : null
}

function readReason(one: string): string | null {
  const protocol = /^\s*(SIP|Q\.850)\s*(?=;|$)/i.exec(one)?.[1]?.toUpperCase()
  const cause = Number(/;\s*cause\s*=\s*(\d{1,3})(?!\d)/i.exec(one)?.[1] ?? Number.NaN)
  if (!protocol || !isCause(protocol, cause)) return null
  const text = /;\s*text\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]+))/i.exec(one)
  const said = text ? quotable((text[1] ?? text[2] ?? '').replaceAll(/\\(.)/g, '$1')) : ''
  const words = NAMES_A_PLACE.test(said) ? '' : said
  return `${protocol};cause=${cause}${words === '' ? '' : `;text="${words}"`}`
}

/** A SIP status, or a cause value of Q.850 §2.2.5. */
function isCause(protocol: string, cause: number): boolean {
  return protocol === 'SIP' ? cause >= 200 && cause <= 699 : cause >= 0 && cause <= 127
}
