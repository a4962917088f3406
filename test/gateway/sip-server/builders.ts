import assert from 'node:assert/strict'

import type { ParseFailure, SipMessage } from '../../../gateway/sip-server/message.ts'
import { isParseFailure, parseMessage } from '../../../gateway/sip-server/wire-format.ts'

/** A sound INVITE; a header given replaces that line, `null` takes it away, and others are added. */
export function inviteText(changes: Record<string, string | null> = {}, body = ''): string {
  const headers: Record<string, string | null> = {
    Via: 'SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK776asdhds;rport',
    'Max-Forwards': '70',
    From: '"Alice" <sip:alice@example.com>;tag=1928301774',
    To: '<sip:bob@example.com>',
    'Call-ID': 'a84b4c76e66710@192.0.2.1',
    CSeq: '314159 INVITE',
    Contact: '<sip:alice@192.0.2.1:5060>',
    'Content-Length': String(body.length),
    ...changes,
  }
  return lines('INVITE sip:bob@example.com SIP/2.0', headers, body)
}

export function lines(startLine: string, headers: Record<string, string | null>, body = ''): string {
  const fields = Object.entries(headers).flatMap(([name, value]) => (value === null ? [] : [`${name}: ${value}\r\n`]))
  return `${startLine}\r\n${fields.join('')}\r\n${body}`
}

/** Parses what must parse. */
export function parsed(text: string): SipMessage {
  const result = parseMessage(text)
  assert.ok(!isParseFailure(result), `did not parse: ${isParseFailure(result) ? result.reason : ''}`)
  return result
}

/** Parses what must not. */
export function refused(text: string): ParseFailure {
  const result = parseMessage(text)
  assert.ok(isParseFailure(result), 'parsed, and should not have')
  return result
}
