import type { SipMessage } from './message.ts'

/** Whether a message carries a session description, alone or among other parts. */
export function hasSession(message: SipMessage): boolean {
  if (message.body === '') return false
  return message.body.startsWith('v=0') || /sdp|multipart/i.test(message.get('content-type') ?? '')
}

/** Whether a request can be, and is, one with an offer (or, a PRACK, an answer) in it. */
export function bringsSession(request: SipMessage): boolean {
  const { method } = request
  return (method === 'INVITE' || method === 'UPDATE' || method === 'PRACK') && hasSession(request)
}
