import { maskNumber } from '../model/phone-number.ts'

/** Properties whose value is never logged. */
const CREDENTIALS =
  /^(password|passwordhash|secret|secrethash|authorization|proxyauthorization|token|accesstoken|refreshtoken|apikey|cookie|jwt|key|accountnumber|numbersealed)$/
/** Properties that hold a telephone number, with or without its plus sign. */
const NUMBERS = /^(ani|dnis|from|to|number|phone|phonenumber|caller|callee)$/
/** Properties that hold an SDP body. */
const BODIES = /^(sdp|body|offer|answer|localsdp|remotesdp)$/
type Meaning = 'credential' | 'number' | 'body' | 'plain'
/** What a property's name means, remembered: a log line has a handful of names, always the same. */
const meanings = new Map<string, Meaning>()
const MOST_MEANINGS = 1000

/** Deeper than this a logged object is cut: logs are lines, not documents. */
const MAX_DEPTH = 5
const MAX_ITEMS = 100

/** With a plus sign, in a URI, or ten digits (eleven with the 1) that may be a number of North America: ids have letters or points beside them. */
const NUMBER_IN_TEXT = /\+\d{7,15}\b|(?<=\b(?:sips?|tel):)\d{7,15}\b|(?<![\w.+-])1?[2-9]\d\d[2-9]\d{6}(?![\w-]|\.\d)/g
const PASSWORD_IN_URL = /(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@]*:)[^\s@/]+@/gi

/**
 * A copy of what is to be logged without credentials, full telephone numbers or SDP bodies. `open` (debug and below) keeps
 * numbers and bodies; credentials go at every level. The original is left alone.
 */
export function redact(value: unknown, open: boolean): unknown {
  return redactValue('', value, open, 0)
}

/** The same for a text: `call from +12125550123` → `call from +1212*****23`. */
export function redactText(text: string, open: boolean): string {
  const safe = text.includes('://') ? text.replaceAll(PASSWORD_IN_URL, '$1***@') : text
  // Most texts hold no seven digits in a row.
  if (open || !/\d{7}/.test(safe)) return safe
  return safe.replaceAll(NUMBER_IN_TEXT, (number) => maskNumber(number))
}

function redactValue(name: string, value: unknown, open: boolean, depth: number): unknown {
  if (value === null || value === undefined) return value
  const meaning = meaningOf(name)
  if (meaning === 'credential') return '***'
  if (typeof value === 'bigint') return value.toString() // JSON has no bigint, and money must not stop a log line.
  if (typeof value === 'object') return depth >= MAX_DEPTH ? '[deep]' : redactObject(value, open, depth + 1)
  if (typeof value !== 'string') return value
  if (!open && meaning === 'number' && /^\+?[\d\s().-]{7,}$/.test(value)) return maskNumber(value)
  if (!open && (meaning === 'body' || value.startsWith('v=0\r\n'))) return `[${value.length} bytes]`
  return redactText(value, open)
}

function meaningOf(name: string): Meaning {
  let meaning = meanings.get(name)
  if (meaning === undefined) {
    const key = name.toLowerCase().replaceAll(/[_-]/g, '')
    meaning = CREDENTIALS.test(key) ? 'credential' : NUMBERS.test(key) ? 'number' : BODIES.test(key) ? 'body' : 'plain'
    if (meanings.size >= MOST_MEANINGS) meanings.clear()
    meanings.set(name, meaning)
  }
  return meaning
}

function redactObject(value: object, open: boolean, depth: number): unknown {
  if (value instanceof Date) return value
  if (value instanceof Error) {
    const { name, message, stack } = value
    const cause = value.cause === undefined ? {} : { cause: redactValue('cause', value.cause, open, depth) }
    const code = 'code' in value ? { code: value.code } : {}
    return { type: name, message: redactText(message, open), stack: redactText(stack ?? '', open), ...code, ...cause }
  }
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map((item) => redactValue('', item, open, depth))
  if (value instanceof Map || value instanceof Set) return `[${value.size} entries]`
  const copy: Record<string, unknown> = {}
  for (const [name, item] of Object.entries(value)) copy[name] = redactValue(name, item, open, depth)
  return copy
}
