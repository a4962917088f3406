import type { EndReason } from '../model/call.ts'

/** What the server says of a dialog it has ended by itself: as the BYE's Reason, and so as drachtio-srf's word; undefined: it did not. */
export const ENDED_BY_SERVER: Readonly<Record<string, EndReason | undefined>> = {
  'ACK timeout': 'ack_timeout',
  'Session timer expired': 'session_expired',
}
