import { CHAR, detach, isToken, parseDigits, skipSpace } from './characters.ts'
import { fail, failFraming } from './head.ts'
import type { Head } from './head.ts'
import { REQUIRED } from './header-names.ts'
import type { HeaderInfo } from './header-names.ts'
import { scanTag } from './name-addr.ts'
import { parseVia, salvageVia } from './via.ts'

/** RFC 3261 §8.1.1.5: a CSeq number is below 2^31. */
const CSEQ_LIMIT = 2 ** 31

/** Reads and checks one value that the layers above act upon. Only the first Via fills `topVia`. */
export function checkField(head: Head, info: HeaderInfo, value: string): void {
  const { message } = head
  switch (info.role) {
    case 'via':
      if (message.topVia !== null) return
      message.topVia = parseVia(value)
      if (message.topVia !== null) return
      message.topVia = salvageVia(value)
      // Without a Via that can be read there is nowhere to answer to.
      return fail(head, message.topVia === null ? null : 400, 'Malformed Via')
    case 'from':
    case 'to': {
      const tag = scanTag(value)
      if (tag === undefined) return fail(head, 400, `Malformed ${info.name}`)
      if (tag !== null && info.role === 'from') message.fromTag = detach(tag)
      else if (tag !== null) message.toTag = detach(tag)
      return
    }
    case 'contact':
      // `*` is the Contact of a REGISTER that removes every binding (§10.2.2).
      if (value !== '*' && scanTag(value) === undefined) fail(head, 400, 'Malformed Contact')
      return
    case 'call-id':
      if (!isCallId(value)) return fail(head, 400, 'Malformed Call-ID')
      message.callId = detach(value)
      return
    case 'cseq':
      return readCSeq(head, value)
    case 'max-forwards': {
      const hops = parseDigits(value)
      if (!(hops <= 255)) fail(head, 400, 'Malformed Max-Forwards')
      return
    }
    case 'content-length': {
      const length = parseDigits(value)
      if (Number.isNaN(length)) failFraming(head, 'Malformed Content-Length')
      else head.contentLength = length
      return
    }
    case 'plain':
  }
}

/** `callid = word ["@" word]` (§25.1); a word is printable, without spaces, commas and semicolons. */
function isCallId(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i)
    if (code <= CHAR.space || code === CHAR.comma || code === CHAR.semicolon || code >= 127) return false
  }
  return value.length > 0
}

function readCSeq(head: Head, value: string): void {
  const { message } = head
  let end = 0
  while (value.charCodeAt(end) >= 48 && value.charCodeAt(end) <= 57) end++
  const number = parseDigits(value, 0, end)
  const methodStart = skipSpace(value, end)
  if (Number.isNaN(number) || methodStart === end || !isToken(value, methodStart))
    return fail(head, 400, 'Malformed CSeq')
  if (number >= CSEQ_LIMIT) return fail(head, 400, 'CSeq number too large')
  message.cseq = number
  // The request's own string serves both, so that the two compare by address.
  message.cseqMethod = value.slice(methodStart)
  if (message.isRequest && message.cseqMethod !== message.method) fail(head, 400, 'CSeq method does not match')
  else if (message.isRequest) message.cseqMethod = message.method
}

/** RFC 3261 §8.1.1 names six; Max-Forwards is not insisted on, as §16.3 has it and RFC 2543 peers need (RFC 4475 §3.4.1). */
export function checkRequired(head: Head): void {
  const { message, seen } = head
  if (message.topVia === null) fail(head, null, 'Missing Via')
  if ((seen & REQUIRED.from) === 0) fail(head, 400, 'Missing From')
  if ((seen & REQUIRED.to) === 0) fail(head, 400, 'Missing To')
  if ((seen & REQUIRED.callId) === 0) fail(head, 400, 'Missing Call-ID')
  if ((seen & REQUIRED.cseq) === 0) fail(head, 400, 'Missing CSeq')
}
