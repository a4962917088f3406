import { isIPv6 } from 'node:net'
import { CHAR, isToken, parseDigits } from './characters.ts'

/** A sip:, sips: or tel: URI (RFC 3261 §19.1, RFC 3966), its escapes decoded. */
export interface Uri {
  readonly scheme: 'sip' | 'sips' | 'tel'
  /** Of a tel URI the subscriber number as written; `''` when there is none. */
  user: string
  password: string | null
  /** As written; an IPv6 address with its brackets. `''` for tel. */
  host: string
  port: number | null
  /** By lower-case name; `''` for one without a value. */
  params: Map<string, string>
  /** The headers after `?`, in order. */
  headers: [name: string, value: string][]
}

/** The scheme of any URI in lower case, or `null` when it has none. For telling 416 from 400. */
export function schemeOf(text: string): string | null {
  const match = /^([a-z][a-z0-9+.-]*):/i.exec(text)
  return match === null ? null : match[1]!.toLowerCase()
}

/** Reads a URI; `null` when it is malformed or of another scheme. */
export function parseUri(text: string): Uri | null {
  const colon = text.indexOf(':')
  switch (text.slice(0, colon).toLowerCase()) {
    case 'sip':
      return parseSip('sip', text, 4)
    case 'sips':
      return parseSip('sips', text, 5)
    case 'tel':
      return parseTel(text)
    default:
      return null
  }
}

function parseSip(scheme: 'sip' | 'sips', text: string, start: number): Uri | null {
  // `@` stands nowhere but after the userinfo: elsewhere it is escaped (§25.1).
  const at = text.indexOf('@', start)
  const uri: Uri = { scheme, user: '', password: null, host: '', port: null, params: new Map(), headers: [] }
  if (at !== -1 && !readUserInfo(uri, text.slice(start, at))) return null
  const hostStart = at === -1 ? start : at + 1
  const hostEnd = endOfHost(text, hostStart)
  if (hostEnd === -1) return null
  uri.host = text.slice(hostStart, hostEnd)
  let i = hostEnd
  if (text.charCodeAt(i) === CHAR.colon) {
    const portStart = ++i
    while (text.charCodeAt(i) >= 48 && text.charCodeAt(i) <= 57) i++
    const port = parseDigits(text, portStart, i)
    if (!(port >= 1 && port <= 65_535)) return null
    uri.port = port
  }
  const question = text.indexOf('?', i)
  const paramsEnd = question === -1 ? text.length : question
  if (!readParams(uri, text.slice(i, paramsEnd))) return null
  if (question !== -1 && !readHeaders(uri, text.slice(question + 1))) return null
  return uri
}

function readUserInfo(uri: Uri, text: string): boolean {
  const colon = text.indexOf(':')
  const user = unescape(colon === -1 ? text : text.slice(0, colon), USER_CODES)
  if (user === null || user === '') return false
  uri.user = user
  if (colon === -1) return true
  uri.password = unescape(text.slice(colon + 1), PASSWORD_CODES)
  return uri.password !== null
}

/**
 * Whether host and port stand from `start` on as they must in a Request-URI (RFC 3261 §25.1; an IPv6 address in brackets and sound,
 * RFC 5118 §4.2, §4.10), parameters or nothing behind them. Cheaper than `parseUri`, since every request is asked.
 */
export function isHostPort(text: string, start: number, end: number): boolean {
  let i = endOfHost(text, start)
  if (i === -1 || i > end) return false
  if (i < end && text.charCodeAt(i) === CHAR.colon) {
    const portStart = ++i
    while (i < end && text.charCodeAt(i) >= 48 && text.charCodeAt(i) <= 57) i++
    if (i === portStart) return false
  }
  return i === end || text.charCodeAt(i) === CHAR.semicolon
}

/** Just past the host; -1 when it is none. */
function endOfHost(text: string, start: number): number {
  if (text.charCodeAt(start) === CHAR.openBracket) {
    const close = text.indexOf(']', start)
    if (close === -1 || !isIPv6(text.slice(start + 1, close))) return -1
    return close + 1
  }
  let i = start
  for (; i < text.length; i++) {
    const code = text.charCodeAt(i)
    const isLetter = (code | 32) >= 97 && (code | 32) <= 122
    // An underscore is not legal in a host name, but real networks have them.
    if (!isLetter && !(code >= 48 && code <= 57) && code !== 45 && code !== 46 && code !== 95) break
  }
  return i === start ? -1 : i
}

/** `text` is empty or begins with a semicolon. */
function readParams(uri: Uri, text: string): boolean {
  if (text === '') return true
  if (text.charCodeAt(0) !== CHAR.semicolon) return false
  for (const param of text.slice(1).split(';')) {
    const equals = param.indexOf('=')
    const name = unescape(equals === -1 ? param : param.slice(0, equals), PARAM_CODES)
    const value = equals === -1 ? '' : unescape(param.slice(equals + 1), PARAM_CODES)
    if (name === null || name === '' || value === null || (equals !== -1 && value === '')) return false
    const key = name.toLowerCase()
    // §19.1.1: any given parameter must not appear more than once.
    if (uri.params.has(key)) return false
    uri.params.set(key, value)
  }
  return true
}

function readHeaders(uri: Uri, text: string): boolean {
  for (const header of text.split('&')) {
    const equals = header.indexOf('=')
    if (equals === -1) return false
    const name = unescape(header.slice(0, equals), HEADER_CODES)
    const value = unescape(header.slice(equals + 1), HEADER_CODES)
    if (name === null || name === '' || value === null) return false
    uri.headers.push([name, value])
  }
  return true
}

function parseTel(text: string): Uri | null {
  const semicolon = text.indexOf(';')
  const number = text.slice(4, semicolon === -1 ? text.length : semicolon)
  // RFC 3966 §3: a global number is + and digits, a local one digits, * and #; both with visual separators.
  if (!/^(\+[-.()]*\d[-.()\d]*|[-.()]*[\dA-Fa-f*#][-.()\dA-Fa-f*#]*)$/.test(number)) return null
  const uri: Uri = { scheme: 'tel', user: number, password: null, host: '', port: null, params: new Map(), headers: [] }
  return semicolon === -1 || readParams(uri, text.slice(semicolon)) ? uri : null
}

/** Characters that may stand unescaped, one table for each part (§25.1). */
function codes(extra: string): Uint8Array {
  const table = new Uint8Array(256)
  for (const char of "-_.!~*'()" + extra) table[char.charCodeAt(0)] = 1
  for (let code = 0; code < 128; code++)
    if (isToken(String.fromCharCode(code)) && /[a-z0-9]/i.test(String.fromCharCode(code))) table[code] = 1
  return table
}

const USER_CODES = codes('&=+$,;?/')
const PASSWORD_CODES = codes('&=+$,')
const PARAM_CODES = codes('[]/:&+$')
const HEADER_CODES = codes('[]/?:+$')

/** Decodes `%HH` into the byte (latin1); `null` for a bad escape or a character that should have been escaped. */
function unescape(text: string, allowed: Uint8Array): string | null {
  let decoded = ''
  let flushed = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 37) {
      const hex = text.slice(i + 1, i + 3)
      if (!/^[0-9A-Fa-f]{2}$/.test(hex)) return null
      decoded += text.slice(flushed, i) + String.fromCharCode(parseInt(hex, 16))
      i += 2
      flushed = i + 1
    } else if (allowed[code] !== 1) return null
  }
  return flushed === 0 ? text : decoded + text.slice(flushed)
}

function escape(text: string, allowed: Uint8Array): string {
  let escaped = ''
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i) & 0xff
    escaped += allowed[code] === 1 ? text[i]! : `%${code.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return escaped
}

/** Writes a URI, escaping what its parts may not hold. */
export function serializeUri(uri: Uri): string {
  let text = `${uri.scheme}:`
  if (uri.scheme === 'tel') text += uri.user
  else {
    if (uri.user !== '') text += escape(uri.user, USER_CODES)
    if (uri.password !== null) text += `:${escape(uri.password, PASSWORD_CODES)}`
    if (uri.user !== '') text += '@'
    text += uri.port === null ? uri.host : `${uri.host}:${uri.port}`
  }
  for (const [name, value] of uri.params) {
    text +=
      value === '' ? `;${escape(name, PARAM_CODES)}` : `;${escape(name, PARAM_CODES)}=${escape(value, PARAM_CODES)}`
  }
  uri.headers.forEach(([name, value], index) => {
    text += `${index === 0 ? '?' : '&'}${escape(name, HEADER_CODES)}=${escape(value, HEADER_CODES)}`
  })
  return text
}
