import { CHAR, equalsIgnoreCase, isToken, skipQuoted, skipSpace } from './characters.ts'

/** One `;name=value` of a header, as indexes into the header's text. `valueStart` is -1 when there is no `=`. */
export interface ParamSpan {
  /** Where its semicolon stands. */
  readonly start: number
  readonly nameStart: number
  readonly nameEnd: number
  readonly valueStart: number
  readonly valueEnd: number
  /** Just past the parameter, and past spaces after it. */
  readonly end: number
}

/** Reads the parameter whose semicolon stands at `at`; `null` when it is malformed or there is no semicolon (RFC 3261 §25.1 generic-param). */
export function readParam(text: string, at: number): ParamSpan | null {
  if (text.charCodeAt(at) !== CHAR.semicolon) return null
  const nameStart = skipSpace(text, at + 1)
  let i = nameStart
  while (i < text.length) {
    const code = text.charCodeAt(i)
    if (code === CHAR.semicolon || code === CHAR.equals || code === CHAR.space || code === CHAR.tab) break
    i++
  }
  const nameEnd = i
  if (!isToken(text, nameStart, nameEnd)) return null
  i = skipSpace(text, i)
  if (i >= text.length || text.charCodeAt(i) !== CHAR.equals) {
    return { start: at, nameStart, nameEnd, valueStart: -1, valueEnd: -1, end: i }
  }
  const valueStart = skipSpace(text, i + 1)
  i = valueStart
  if (text.charCodeAt(i) === CHAR.quote) {
    i = skipQuoted(text, i)
    if (i === -1) return null
  } else {
    while (i < text.length) {
      const code = text.charCodeAt(i)
      if (code === CHAR.semicolon || code === CHAR.space || code === CHAR.tab) break
      if (code === CHAR.quote || code === CHAR.comma || code === CHAR.less || code === CHAR.greater) return null
      i++
    }
  }
  if (i === valueStart) return null
  return { start: at, nameStart, nameEnd, valueStart, valueEnd: i, end: skipSpace(text, i) }
}

/**
 * Calls `visit` for each parameter of `text` from `at`, which is the end of the text or stands on the first semicolon.
 * `visit` returns true to stop. Answers false when the parameters are malformed.
 */
function eachParam(text: string, at: number, visit: (span: ParamSpan) => boolean | void): boolean {
  let i = skipSpace(text, at)
  while (i < text.length) {
    const span = readParam(text, i)
    if (span === null) return false
    if (visit(span) === true) return true
    i = span.end
  }
  return true
}

/** Where the parameters of a header value begin: after `<…>`, or else at the first semicolon outside quotes. */
function paramsStart(value: string): number {
  let i = 0
  while (i < value.length) {
    const code = value.charCodeAt(i)
    if (code === CHAR.quote) {
      i = skipQuoted(value, i)
      if (i === -1) return value.length
      continue
    }
    if (code === CHAR.less) {
      i = value.indexOf('>', i)
      return i === -1 ? value.length : i + 1
    }
    if (code === CHAR.semicolon) return i
    i++
  }
  return value.length
}

function findSpan(value: string, name: string): ParamSpan | null {
  let found: ParamSpan | null = null
  eachParam(value, paramsStart(value), (span) => {
    if (span.nameEnd - span.nameStart !== name.length) return false
    if (!equalsIgnoreCase(value.slice(span.nameStart, span.nameEnd), name)) return false
    found = span
    return true
  })
  return found
}

/** Takes the quotes and the escapes off a quoted-string; anything else comes back as it is. */
export function unquote(text: string): string {
  if (text.length < 2 || text.charCodeAt(0) !== CHAR.quote) return text
  const inner = text.slice(1, -1)
  return inner.includes('\\') ? inner.replace(/\\([^])/g, '$1') : inner
}

/** The text as a quoted-string, with quotes and backslashes escaped. */
export function quote(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}

/**
 * Reads the parameters of `text` from `at` into a map by lower-case name; a parameter without value is `''`.
 * `null` when malformed. Of a repeated name the first is kept.
 */
export function parseParams(text: string, at: number): Map<string, string> | null {
  const params = new Map<string, string>()
  const isWellFormed = eachParam(text, at, (span) => {
    const name = text.slice(span.nameStart, span.nameEnd).toLowerCase()
    if (!params.has(name)) params.set(name, paramValue(text, span))
  })
  return isWellFormed ? params : null
}

/** A parameter's value, unquoted; `''` when it has none. */
export function paramValue(text: string, span: ParamSpan): string {
  return span.valueStart === -1 ? '' : unquote(text.slice(span.valueStart, span.valueEnd))
}

/**
 * The one parameter the parser wants, while checking that all of them are well formed.
 * `undefined`: malformed; `null`: absent.
 */
export function scanParam(text: string, at: number, name: string): string | null | undefined {
  let i = skipSpace(text, at)
  let found: string | null = null
  while (i < text.length) {
    const span = readParam(text, i)
    if (span === null) return undefined
    if (span.nameEnd - span.nameStart === name.length && found === null) {
      if (equalsIgnoreCase(text.slice(span.nameStart, span.nameEnd), name)) found = paramValue(text, span)
    }
    i = span.end
  }
  return found
}

/** A header parameter of a raw value (`…;name=value`), unquoted; `''` when it has no value, `null` when it is absent. */
export function getParam(value: string, name: string): string | null {
  const span = findSpan(value, name)
  return span === null ? null : paramValue(value, span)
}

/** The value with one parameter set or added, and not a character of the rest touched. `text` goes in as it is: quote it if need be. */
export function setParam(value: string, name: string, text: string): string {
  const span = findSpan(value, name)
  const written = text === '' ? name : `${name}=${text}`
  if (span === null) return `${value};${written}`
  return value.slice(0, span.nameStart) + written + value.slice(span.valueStart === -1 ? span.nameEnd : span.valueEnd)
}

/** The value without a parameter, and not a character of the rest touched. */
export function removeParam(value: string, name: string): string {
  const span = findSpan(value, name)
  if (span === null) return value
  return value.slice(0, span.start) + value.slice(span.valueStart === -1 ? span.nameEnd : span.valueEnd)
}
