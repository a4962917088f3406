import type { SipRequest } from './srf-types.ts'

/**
 * The key pressed that an INFO tells of, as phones without RFC 4733 say it: `Signal=5` in application/dtmf-relay, or the key alone in
 * application/dtmf (no RFC; as Cisco's and Asterisk's gateways send them). Null for any other INFO.
 */
export function infoDigit(info: Pick<SipRequest, 'get' | 'body'>): string | null {
  const type = info.get('Content-Type')?.split(';')[0]?.trim().toLowerCase()
  const body = info.body ?? ''
  if (type === 'application/dtmf-relay') return readKey(/^\s*signal\s*=\s*([0-9a-d*#]{1,2})\s*$/im.exec(body)?.[1])
  if (type === 'application/dtmf') return readKey(body.trim())
  return null
}

/** Some say 10 and 11 for star and hash, by their number as an event (RFC 4733 §3.2). */
function readKey(text: string | undefined): string | null {
  if (text === '10') return '*'
  if (text === '11') return '#'
  return text !== undefined && /^[0-9a-d*#]$/i.test(text) ? text.toUpperCase() : null
}
