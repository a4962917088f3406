import { headerLines } from '../srf/srf-types.ts'

/** More headers of one INVITE than this, or longer ones, are not passed on. */
const MAX_PASSED = 16
const MAX_VALUE = 2048

/** Headers the exchange or the SIP server writes itself, whatever an operator lists. */
const NEVER = new Set(
  (
    'via from to call-id cseq contact max-forwards route record-route content-length content-type content-encoding ' +
    'require proxy-require supported unsupported rseq rack session-expires min-se authorization proxy-authorization ' +
    'p-asserted-identity p-preferred-identity privacy identity diversion history-info reason replaces referred-by refer-to'
  ).split(' '),
)

/** An INVITE's headers: by name, joined, and one by one. */
interface SentHeaders {
  readonly headers: Readonly<Record<string, string | undefined>>
  fields(name: string): readonly string[]
}

/**
 * The caller's headers that the operator lets through to buyers (User-to-User of RFC 7433, for instance): by name, or all that
 * begin so (`X-Acme-*`). Ours (`X-DCE-…`) and those of the protocol itself never are.
 */
export function passedHeaders(allowed: readonly string[], sent: SentHeaders): Record<string, string> {
  const headers: Record<string, string> = {}
  if (allowed.length === 0) return headers
  let count = 0
  for (const [name, value] of Object.entries(sent.headers)) {
    if (count === MAX_PASSED) break
    if (typeof value !== 'string' || value.length > MAX_VALUE || !isAllowed(allowed, name.toLowerCase())) continue
    Object.assign(headers, headerLines(name, value.includes(',') ? sent.fields(name) : [value]))
    count++
  }
  return headers
}

function isAllowed(allowed: readonly string[], name: string): boolean {
  if (NEVER.has(name) || name.startsWith('x-dce-')) return false
  return allowed.some((one) => {
    const wanted = one.toLowerCase()
    return wanted.endsWith('*') ? name.startsWith(wanted.slice(0, -1)) : name === wanted
  })
}
