import type { ParseFailure, SipMessage } from './message.ts'
import { CHAR, isToken, splitList } from './characters.ts'
import { checkField, checkRequired } from './field-checks.ts'
import { fail, failFraming } from './head.ts'
import type { Head, Origin } from './head.ts'
import { findHeader } from './header-names.ts'
import type { HeaderInfo } from './header-names.ts'
import { readStartLine } from './start-line.ts'

/** More header fields than any honest message has; it bounds the work of every look-up. */
export const MAX_HEADER_FIELDS = 512
/** Lines of the header section, those that continue another or are none included. */
const MAX_HEADER_LINES = 1_024
/** One header field; the longest honest ones are signatures (RFC 8224) of a few KB. */
export const MAX_FIELD_BYTES = 16_384

/** Whether parsing failed. */
export function isParseFailure(result: SipMessage | ParseFailure): result is ParseFailure {
  return 'partial' in result
}

/** Reads a datagram: RFC 3261 §7 and §18.3. `text` is its bytes as latin1. Never throws. */
export function parseMessage(text: string): SipMessage | ParseFailure {
  const head = parseHead(text, 'network')
  const { message, contentLength, bodyStart } = head
  message.wire = text
  if (bodyStart !== -1) {
    // §18.3: bytes beyond Content-Length are dropped, a body cut short is a fault; without one the datagram's end is the body's.
    if (contentLength > text.length - bodyStart) fail(head, 400, 'Content-Length exceeds the datagram')
    message.body = text.slice(bodyStart, contentLength === -1 ? text.length : bodyStart + contentLength)
  }
  return head.failure ?? message
}

/**
 * Reads a message that the application wrote: no header is obligatory, Content-Length is ignored, the empty line may be
 * missing and a line that is no header is skipped. A malformed value of a header that we act upon is still a failure.
 */
export function parseAppMessage(text: string): SipMessage | ParseFailure {
  const head = parseHead(text, 'app')
  if (head.bodyStart !== -1) head.message.body = text.slice(head.bodyStart)
  return head.failure ?? head.message
}

/** Reads the start line and the headers in one pass over the lines. Never throws. */
export function parseHead(text: string, origin: Origin): Head {
  let start = 0
  // §7.5: empty lines before the start line are ignored.
  while (text.startsWith('\r\n', start)) start += 2
  const feed = endOfLine(text, start)
  const end = withoutReturn(text, start, feed)
  const line = readStartLine(text, start, end)
  const head: Head = {
    message: line.message,
    failure: null,
    contentLength: -1,
    bodyStart: -1,
    seen: 0,
    isFramed: line.isSip,
  }
  if (line.fault !== null) fail(head, line.fault.status, line.fault.reason)
  if (!line.isSip) return head
  if (isLineDamaged(text, start, feed)) failFraming(head, LINE_FAULT)
  readFields(text, feed + 1, head, origin)
  if (origin === 'network') {
    if (head.bodyStart === -1) failFraming(head, 'Headers not ended by an empty line')
    checkRequired(head)
  }
  return head
}

const LINE_FAULT = 'Line not ended by CRLF'

/** Where the line's LF stands. Searching for one character is several times cheaper than for two. */
function endOfLine(text: string, start: number): number {
  const feed = text.indexOf('\n', start)
  return feed === -1 ? text.length : feed
}

function withoutReturn(text: string, start: number, feed: number): number {
  return feed > start && text.charCodeAt(feed - 1) === CHAR.return ? feed - 1 : feed
}

/** A lone CR or LF: somebody's next hop may take it for the end of a line, and read a header that we did not. */
function isLineDamaged(text: string, start: number, feed: number): boolean {
  const at = text.indexOf('\r', start)
  // Text that ends without a line end is the caller's affair.
  if (feed === text.length) return at !== -1
  return at !== feed - 1
}

function readFields(text: string, start: number, head: Head, origin: Origin): void {
  let pos = start
  let lines = 0
  while (pos < text.length) {
    if (++lines > MAX_HEADER_LINES) return failFraming(head, 'Too many header lines')
    let feed = endOfLine(text, pos)
    // Looked for until the first is found: the look goes as far as the next CR, which may be nowhere.
    if (head.isFramed && isLineDamaged(text, pos, feed)) failFraming(head, LINE_FAULT)
    let end = withoutReturn(text, pos, feed)
    if (end === pos) {
      head.bodyStart = feed + 1
      return
    }
    if (isBlank(text, feed + 1)) {
      // A line that begins with a space or tab continues the one before (§7.3.1).
      while (isBlank(text, feed + 1)) {
        if (++lines > MAX_HEADER_LINES) return failFraming(head, 'Too many header lines')
        const continued = feed + 1
        feed = endOfLine(text, continued)
        if (head.isFramed && isLineDamaged(text, continued, feed)) failFraming(head, LINE_FAULT)
      }
      end = withoutReturn(text, pos, feed)
      const line = text
        .slice(pos, end)
        .split('\n')
        .map((part) => part.trim())
        .join(' ')
      readField(line, 0, line.length, head, origin)
    } else {
      readField(text, pos, end, head, origin)
    }
    if (head.message.headers.length > MAX_HEADER_FIELDS) return failFraming(head, 'Too many header fields')
    pos = feed + 1
  }
}

function readField(text: string, start: number, end: number, head: Head, origin: Origin): void {
  const colon = text.indexOf(':', start)
  let nameEnd = colon
  while (nameEnd > start && isBlank(text, nameEnd - 1)) nameEnd--
  if (colon === -1 || colon >= end || nameEnd === start) return skipLine(head, origin)
  let valueStart = colon + 1
  while (valueStart < end && isBlank(text, valueStart)) valueStart++
  let valueEnd = end
  while (valueEnd > valueStart && isBlank(text, valueEnd - 1)) valueEnd--
  if (valueEnd - valueStart > MAX_FIELD_BYTES) return fail(head, 400, 'Header field too large')
  const value = text.slice(valueStart, valueEnd)
  const info = findHeader(text, start, nameEnd)
  if (info !== undefined) return addKnown(head, info, value)
  if (!isToken(text, start, nameEnd)) return skipLine(head, origin)
  const name = text.slice(start, nameEnd)
  head.message.headers.push({ key: name.toLowerCase(), name, value })
}

function isBlank(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  return code === CHAR.space || code === CHAR.tab
}

function skipLine(head: Head, origin: Origin): void {
  if (origin === 'network') fail(head, 400, 'Malformed header line')
}

function addKnown(head: Head, info: HeaderInfo, value: string): void {
  const { headers } = head.message
  if (info.singleBit !== 0) {
    if ((head.seen & info.singleBit) !== 0) return repeated(head, info)
    head.seen |= info.singleBit
  }
  if (!info.isList || !value.includes(',')) {
    if (info.isList && isLoneItemOpen(info, value)) return fail(head, 400, `Malformed ${info.name}`)
    headers.push({ key: info.key, name: info.name, value })
    if (info.role !== 'plain') checkField(head, info, value)
    return
  }
  const items = splitList(value)
  if (items === null) return fail(head, 400, `Malformed ${info.name}`)
  for (const item of items) {
    // Most lists may be sloppy about commas; an empty Via or Contact is RFC 4475 §3.1.2.1.
    if (item === '' && info.role === 'plain') continue
    headers.push({ key: info.key, name: info.name, value: item })
    if (info.role !== 'plain') checkField(head, info, item)
    // Counted again, and answered, by whoever reads the lines.
    if (headers.length > MAX_HEADER_FIELDS) return
  }
}

/** What is open in a lone item of a list (`<` or a quote) would swallow the items it is one day joined with. */
function isLoneItemOpen(info: HeaderInfo, value: string): boolean {
  if (info.role !== 'plain' || !(value.includes('<') || value.includes('"'))) return false
  return splitList(`${value},`) === null
}

function repeated(head: Head, info: HeaderInfo): void {
  const reason = `Repeated ${info.name}`
  if (info.role === 'content-length') failFraming(head, reason)
  else fail(head, 400, reason)
}
