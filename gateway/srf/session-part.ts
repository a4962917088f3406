import { partsOf } from '../sip-server/multipart.ts'

/** A message as drachtio-srf's parser makes it. */
interface Parsed {
  readonly headers: Record<string, string | undefined>
  body?: string
}
interface Parser {
  parseSipMessage(text: string, isLazy: boolean): Parsed | undefined
}

/** Messages whose body is, or holds, a session description. */
const OF_SESSIONS = /\s(?:INVITE|ACK|PRACK|UPDATE)\s*$/i

/**
 * Has drachtio-srf take the session description out of a body of several parts (RFC 5621: beside it carriers send ISUP, or where the
 * caller is) wherever it reads a body: in requests, answers and dialogs alike. The other parts go no further. `raw` keeps them all.
 */
export function readSessionParts(parser: Parser): void {
  const parse = parser.parseSipMessage.bind(parser)
  parser.parseSipMessage = (text, isLazy) => {
    const message = parse(text, isLazy)
    if (message) takeSessionPart(message)
    return message
  }
}

function takeSessionPart(message: Parsed): void {
  const type = message.headers['content-type']
  if (!type || !message.body || !/^multipart\//i.test(type)) return
  if (!OF_SESSIONS.test(message.headers['cseq'] ?? '')) return
  const parts = partsOf(type, message.body)
  if (typeof parts === 'string') return
  const session = parts.find((part) => part.type === 'application/sdp' && part.isPlain)
  if (!session) return
  message.headers['content-type'] = 'application/sdp'
  message.body = session.content.endsWith('\r\n') ? session.content : `${session.content}\r\n` // The delimiter took it.
}
