/** Low-level scanning of RFC 3261 §25.1 text. Every index is into the caller's string; nothing is copied. */

const TOKEN_PUNCTUATION = "-.!%*_+`'~"

/** 1 where the character may stand in a `token` (RFC 3261 §25.1). */
const tokenTable = new Uint8Array(256)
for (let code = 0; code < 256; code++) {
  const letter = (code >= 65 && code <= 90) || (code >= 97 && code <= 122)
  const digit = code >= 48 && code <= 57
  if (letter || digit || TOKEN_PUNCTUATION.includes(String.fromCharCode(code))) tokenTable[code] = 1
}

export const CHAR = {
  tab: 9,
  return: 13,
  space: 32,
  quote: 34,
  comma: 44,
  slash: 47,
  colon: 58,
  semicolon: 59,
  less: 60,
  equals: 61,
  greater: 62,
  question: 63,
  at: 64,
  openBracket: 91,
  backslash: 92,
  closeBracket: 93,
} as const

export function isTokenCode(code: number): boolean {
  return tokenTable[code] === 1
}

/** Whether `text` from `start` to `end` is a non-empty `token`. */
export function isToken(text: string, start = 0, end = text.length): boolean {
  for (let i = start; i < end; i++) if (tokenTable[text.charCodeAt(i)] !== 1) return false
  return end > start
}

/** The first index at or after `at` that is neither space nor tab. Folds are already spaces when this is called. */
export function skipSpace(text: string, at: number): number {
  while (at < text.length) {
    const code = text.charCodeAt(at)
    if (code !== CHAR.space && code !== CHAR.tab) break
    at++
  }
  return at
}

/** `at` stands on an opening quote: the index just past the closing one, or -1 when there is none. */
export function skipQuoted(text: string, at: number): number {
  for (let i = at + 1; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === CHAR.quote) return i + 1
    if (code === CHAR.backslash) i++
  }
  return -1
}

/** Reads 1*DIGIT. NaN when it is anything else; Infinity never (numbers are capped at 2^53, above every limit of SIP). */
export function parseDigits(text: string, start = 0, end = text.length): number {
  if (end <= start) return NaN
  let value = 0
  for (let i = start; i < end; i++) {
    const digit = text.charCodeAt(i) - 48
    if (digit < 0 || digit > 9) return NaN
    value = Math.min(value * 10 + digit, Number.MAX_SAFE_INTEGER)
  }
  return value
}

export function equalsIgnoreCase(a: string, b: string): boolean {
  return a === b || (a.length === b.length && a.toLowerCase() === b.toLowerCase())
}

/**
 * A copy that does not keep the text it was cut from alive, nor the pieces it was put together from. V8 makes a slice of 13
 * characters or more a view of its parent: a Call-ID kept as a key for 32 s would keep its whole datagram. And a text of
 * several pieces stays a tree of them: a key of 60 characters kept for 32 s would be 300 bytes.
 */
export function detach(text: string): string {
  return text.length < 13 ? text : (' ' + text).slice(1)
}

/**
 * Splits a comma list, leaving commas in quotes and angle brackets alone (RFC 3261 §7.3.1).
 * The items are trimmed; an item may be empty, for the caller to judge. `null`: a quote or bracket is left open.
 */
export function splitList(value: string): string[] | null {
  if (!value.includes(',')) return [value]
  if (!value.includes('"') && !value.includes('<')) return value.split(',').map((item) => item.trim())
  const items: string[] = []
  let start = 0
  let depth = 0
  let i = 0
  while (i < value.length) {
    const code = value.charCodeAt(i)
    // A quote inside a URI's brackets is not a quoted-string (it is not even legal there).
    if (code === CHAR.quote && depth === 0) {
      i = skipQuoted(value, i)
      if (i === -1) return null
      continue
    }
    if (code === CHAR.less) depth = 1
    else if (code === CHAR.greater) depth = 0
    else if (code === CHAR.comma && depth === 0) {
      items.push(value.slice(start, i).trim())
      start = i + 1
    }
    i++
  }
  if (depth !== 0) return null
  items.push(value.slice(start).trim())
  return items
}
