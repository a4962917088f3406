import { SipMessage } from './message.ts'
import type { ParseFailure } from './message.ts'
import { CHAR, isToken, parseDigits } from './characters.ts'
import { isScheme } from './name-addr.ts'
import { isHostPort } from './uri.ts'

/** A start line read: the message it opens, and what is wrong with the line, if anything is. */
export interface StartLine {
  readonly message: SipMessage
  readonly fault: { readonly status: ParseFailure['status']; readonly reason: string } | null
  /** False when the line is no SIP at all: on a stream nothing after it can be trusted. */
  readonly isSip: boolean
}

/** Longer than any address: 414 (RFC 3261 §21.4.11). */
export const MAX_URI_BYTES = 4_096

const METHODS = ['INVITE', 'ACK', 'BYE', 'CANCEL', 'OPTIONS', 'REGISTER', 'INFO', 'UPDATE', 'PRACK'] as const

/** The method's own constant when it is a common one: no copy, and comparing it later is comparing addresses. */
function readMethod(text: string, start: number, end: number): string {
  for (const method of METHODS) if (method.length === end - start && text.startsWith(method, start)) return method
  return text.slice(start, end)
}

/** Reads the line of `text` from `start` to `end` (RFC 3261 §7.1, §7.2). */
export function readStartLine(text: string, start: number, end: number): StartLine {
  // The version is case-insensitive on reading (§7.1); a method may begin with SIP, but holds no slash.
  if (text.startsWith('SIP/', start)) return readStatusLine(text, start, end)
  if (text.charCodeAt(start + 3) === CHAR.slash && text.slice(start, start + 3).toUpperCase() === 'SIP') {
    return readStatusLine(text, start, end)
  }
  return readRequestLine(text, start, end)
}

function isVersionTwo(text: string): boolean {
  return text === 'SIP/2.0' || text.toUpperCase() === 'SIP/2.0'
}

/** A bad status line has no status to answer with: a response is never answered (RFC 4475 §3.1.2.19). */
function readStatusLine(text: string, start: number, end: number): StartLine {
  const status = parseDigits(text, start + 8, start + 11)
  const after = start + 11 === end ? CHAR.space : text.charCodeAt(start + 11)
  const isStatus = status >= 100 && status <= 699 && start + 11 <= end && after === CHAR.space
  const isWellFormed =
    isStatus && text.charCodeAt(start + 7) === CHAR.space && isVersionTwo(text.slice(start, start + 7))
  if (!isWellFormed) {
    return {
      message: new SipMessage('', '', 1, ''),
      fault: { status: null, reason: 'Malformed Status-Line' },
      isSip: true,
    }
  }
  return { message: new SipMessage('', '', status, readReason(text.slice(start + 12, end))), fault: null, isSip: true }
}

/**
 * U+2028 and U+2029, as their bytes: a Reason-Phrase may hold them (RFC 3261 §25.1), and whoever reads it with a regular expression of
 * JavaScript, where a line ends there, loses the whole answer. drachtio-srf does.
 */
const LINE_SEPARATORS = /\xe2\x80[\xa8\xa9]/g

function readReason(text: string): string {
  return text.includes('\xe2\x80') ? text.replace(LINE_SEPARATORS, ' ') : text
}

function readRequestLine(text: string, start: number, end: number): StartLine {
  const methodEnd = text.indexOf(' ', start)
  const line = text.slice(start, end)
  if (methodEnd === -1 || methodEnd >= end || !isToken(text, start, methodEnd)) return notSip()
  const uriEnd = text.lastIndexOf(' ', end - 1)
  const version = text.slice(uriEnd + 1, end)
  const message = new SipMessage(
    readMethod(text, start, methodEnd),
    text.slice(methodEnd + 1, Math.max(uriEnd, methodEnd + 1)),
    0,
    '',
  )
  if (isVersionTwo(version)) {
    if (uriEnd - methodEnd - 1 > MAX_URI_BYTES)
      return { message, fault: { status: 414, reason: 'Request-URI Too Long' }, isSip: true }
    const fault = requestUriFault(text, methodEnd + 1, uriEnd)
    return { message, fault: fault === null ? null : { status: 400, reason: fault }, isSip: true }
  }
  if (/^SIP\/\d+\.\d+$/i.test(version))
    return { message, fault: { status: 505, reason: 'Version Not Supported' }, isSip: true }
  // Spaces after the version (RFC 4475 §3.1.2.10) are still a SIP request, only a bad one.
  if (/ SIP\/\d+\.\d+\s*$/i.test(line))
    return { message, fault: { status: 400, reason: 'Malformed Request-Line' }, isSip: true }
  return notSip()
}

function notSip(): StartLine {
  return { message: new SipMessage('', '', 0, ''), fault: { status: null, reason: 'Not a SIP message' }, isSip: false }
}

/** What is wrong with the Request-URI as text; `null` when nothing is. Its scheme is for the server to judge (416). */
function requestUriFault(text: string, start: number, end: number): string | null {
  let at = -1
  let query = -1
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i)
    // URIs are ASCII; among what is beyond it are spaces, at which applications would see the URI end.
    if (code <= CHAR.space || code === CHAR.less || code === CHAR.greater || code === CHAR.quote || code >= 127)
      return 'Malformed Request-URI'
    if (code === CHAR.at) at = i
    else if (code === CHAR.question) query = i
  }
  if (!isScheme(text, start, end)) return 'Malformed Request-URI'
  // §19.1.1: headers are not allowed in a Request-URI. A `?` before the `@` is part of the user.
  const schemeEnd = sipSchemeEnd(text, start)
  if (schemeEnd === -1) return null
  if (query > at) return 'Headers in Request-URI'
  return isHostPort(text, at === -1 ? schemeEnd : at + 1, end) ? null : 'Malformed Request-URI'
}

/** Past `sip:` or `sips:`; -1 for another scheme. */
function sipSchemeEnd(text: string, start: number): number {
  if (text.startsWith('sip:', start)) return start + 4
  const scheme = /^sips?:/i.exec(text.slice(start, start + 5))
  return scheme === null ? -1 : start + scheme[0].length
}
