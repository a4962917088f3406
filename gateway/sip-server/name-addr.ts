import { CHAR, isTokenCode, skipQuoted, skipSpace } from './characters.ts'
import { parseParams, quote, scanParam, unquote } from './header-params.ts'

/** A From, To, Contact, Route, P-Asserted-Identity … value (RFC 3261 §20.10, §25.1). */
export interface NameAddr {
  /** Unquoted; `''` when there is none. */
  readonly displayName: string
  /** The addr-spec's raw text: `parseUri` takes it apart. */
  readonly uri: string
  /** Header parameters by lower-case name, unquoted; `''` for one without a value. */
  readonly params: Map<string, string>
}

/** Where the parts of an address stand in its text. */
interface AddressSpan {
  readonly nameEnd: number
  readonly uriStart: number
  readonly uriEnd: number
  readonly paramsStart: number
}

/**
 * Finds the parts of a name-addr or addr-spec, or `null` when it is malformed. What RFC 3261 §25.1 forbids and RFC 4475
 * tries is refused: an open quote (§3.1.2.6), spaces inside `<>` (§3.1.2.14), a display name of other things than
 * tokens (§3.1.2.15), a bare addr-spec with a `?` (§3.1.2.13: §20.10 wants it in brackets).
 */
function findAddress(text: string): AddressSpan | null {
  const start = skipSpace(text, 0)
  if (text.charCodeAt(start) === CHAR.quote) {
    const nameEnd = skipQuoted(text, start)
    if (nameEnd === -1) return null
    const open = skipSpace(text, nameEnd)
    return text.charCodeAt(open) === CHAR.less ? findBracketed(text, nameEnd, open) : null
  }
  for (let i = start; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === CHAR.less) return findBracketed(text, i, i)
    if (code === CHAR.colon) return findBare(text, start)
    // Unquoted names in UTF-8 are common, and hurt nobody.
    if (!isTokenCode(code) && code !== CHAR.space && code !== CHAR.tab && code < 128) return null
  }
  return null
}

function findBracketed(text: string, nameEnd: number, open: number): AddressSpan | null {
  const uriStart = open + 1
  for (let i = uriStart; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === CHAR.greater) {
      if (!isScheme(text, uriStart, i)) return null
      return { nameEnd, uriStart, uriEnd: i, paramsStart: i + 1 }
    }
    if (code <= CHAR.space || code === CHAR.quote || code === CHAR.less) return null
  }
  return null
}

function findBare(text: string, uriStart: number): AddressSpan | null {
  let i = uriStart
  for (; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === CHAR.semicolon || code === CHAR.space || code === CHAR.tab) break
    if (code === CHAR.question || code === CHAR.comma || code === CHAR.quote || code < CHAR.space) return null
    if (code === CHAR.less || code === CHAR.greater) return null
  }
  if (!isScheme(text, uriStart, i)) return null
  return { nameEnd: uriStart, uriStart, uriEnd: i, paramsStart: i }
}

/** Whether text from `start` to `end` begins with `scheme:` and something after it (RFC 3986 §3.1). */
export function isScheme(text: string, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i)
    if (code === CHAR.colon) return i > start && i + 1 < end
    const isLetter = (code | 32) >= 97 && (code | 32) <= 122
    const isOther = (code >= 48 && code <= 57) || code === 43 || code === 45 || code === 46
    if (!isLetter && !(isOther && i > start)) return false
  }
  return false
}

/** Takes one address apart; `null` when it is malformed. `*` (Contact of a REGISTER) is not an address. */
export function parseNameAddr(value: string): NameAddr | null {
  const span = findAddress(value)
  if (span === null) return null
  const params = parseParams(value, span.paramsStart)
  if (params === null) return null
  const displayName = unquote(value.slice(0, span.nameEnd).trim())
  return { displayName, uri: value.slice(span.uriStart, span.uriEnd), params }
}

/** The tag of a From or To while checking the whole: `undefined` malformed, `null` no tag. */
export function scanTag(value: string): string | null | undefined {
  const span = findAddress(value)
  return span === null ? undefined : scanParam(value, span.paramsStart, 'tag')
}

/** The address's URI only, raw; `null` when the value is malformed. */
export function uriOf(value: string): string | null {
  const span = findAddress(value)
  return span === null ? null : value.slice(span.uriStart, span.uriEnd)
}

/** The value with another URI, display name and parameters untouched. A bare addr-spec gets brackets. */
export function withUri(value: string, uri: string): string {
  const span = findAddress(value)
  if (span === null) return `<${uri}>`
  if (value.charCodeAt(span.uriStart - 1) === CHAR.less)
    return value.slice(0, span.uriStart) + uri + value.slice(span.uriEnd)
  return `<${uri}>${value.slice(span.uriEnd)}`
}

/** Writes an address: the display name quoted, the URI in brackets, each parameter as given. */
export function buildNameAddr(address: {
  displayName?: string
  uri: string
  params?: ReadonlyMap<string, string>
}): string {
  const name = address.displayName === undefined || address.displayName === '' ? '' : `${quote(address.displayName)} `
  let text = `${name}<${address.uri}>`
  for (const [key, value] of address.params ?? []) text += value === '' ? `;${key}` : `;${key}=${value}`
  return text
}
