import type { SipMessage } from './message.ts'

/**
 * The message as it goes on the wire, in latin1 (one character a byte). Content-Length is written here, last, from the body,
 * whatever the headers say.
 */
export function serialize(message: SipMessage): string {
  let text =
    message.status === 0
      ? `${message.method} ${message.requestUri} SIP/2.0\r\n`
      : `SIP/2.0 ${message.status} ${message.reason}\r\n`
  for (const { key, name, value } of message.headers) {
    if (key !== 'content-length') text += `${name}: ${value}\r\n`
  }
  return `${text}Content-Length: ${message.body.length}\r\n\r\n${message.body}`
}
