import { ALLOW_EVENTS } from '../outside-calls/event-packages.ts'
import { ABILITIES } from '../headers/sip-methods.ts'
import type { SipResponse } from '../srf/srf-types.ts'

/** When a peer that asked while we take no calls may ask again. */
const RETRY_AFTER_S = 10

/** Answers an OPTIONS as an INVITE would be answered now (RFC 3261 §11.2): what we can do, or 503 while we take no calls. */
export function answerOptions(res: SipResponse, takesCalls: boolean): void {
  if (!takesCalls) return res.send(503, { headers: { 'Retry-After': String(RETRY_AFTER_S) } })
  const headers = {
    ...ABILITIES,
    ...ALLOW_EVENTS,
    Accept: 'application/sdp, multipart/mixed',
    'Accept-Encoding': 'identity',
  }
  res.send(200, { headers })
}
