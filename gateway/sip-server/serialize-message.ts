import type { SipMessage } from './message.ts'

/** Lists of tokens that the parser split: written on one line again, to spare the datagram. Via and routes stay a line each. */
const JOINED = new Set(
  'supported,require,proxy-require,unsupported,allow,accept,allow-events,accept-encoding,accept-language,in-reply-to'.split(
    ',',
  ),
)

/**
 * The message as it goes on the wire, in latin1 (one character a byte; a character above 255 in a value is the caller's
 * mistake). Content-Length is written here, last, from the body, whatever the headers say.
 */
export function serialize(message: SipMessage): string {
  let text =
    message.status === 0
      ? `${message.method} ${message.requestUri} SIP/2.0`
      : `SIP/2.0 ${message.status} ${message.reason}`
  let lastKey = ''
  for (const { key, name, value } of message.headers) {
    if (key === 'content-length') continue
    text += key === lastKey && JOINED.has(key) ? `, ${value}` : `\r\n${name}: ${value}`
    lastKey = key
  }
  return `${text}\r\nContent-Length: ${message.body.length}\r\n\r\n${message.body}`
}
