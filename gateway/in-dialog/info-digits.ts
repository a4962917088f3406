import type { SipRequest } from '../srf/srf-types.ts'

/** A longer body tells of no key, and is not looked into. */
export const LONGEST_KEY_BODY = 256
/** What is said of how long a key was pressed, ms: at least what exchanges take for a key, at most what one packet of RFC 4733 can say. */
const PRESS_MS = { least: 40, usual: 160, most: 8000 } as const

/**
 * The key pressed that an INFO tells of, as phones without RFC 4733 say it: `Signal=5` in application/dtmf-relay, or the key alone in
 * application/dtmf (no RFC; as Cisco's and Asterisk's gateways send them). Null for any other INFO.
 */
export function infoDigit(info: Pick<SipRequest, 'get' | 'body'>): string | null {
  const type = info.get('Content-Type')?.split(';')[0]?.trim().toLowerCase()
  const body = info.body ?? ''
  if (body.length > LONGEST_KEY_BODY) return null
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

/** The same, to be sent: how long it was pressed, ms; 0: nobody knows. */
export function writeInfoKey({ digit, durationMs }: { digit: string; durationMs: number }): {
  headers: Record<string, string>
  body: string
} {
  const ms = durationMs === 0 ? PRESS_MS.usual : Math.min(PRESS_MS.most, Math.max(PRESS_MS.least, durationMs))
  return { headers: { 'Content-Type': 'application/dtmf-relay' }, body: `Signal=${digit}\r\nDuration=${ms}\r\n` }
}
