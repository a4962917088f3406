import { SipMessage } from './message.ts'

/** RFC 3261 §17.2.3: branch, sent-by and method; for RFC 2543 peers the fields that used to identify a request. */
export function serverKey(request: SipMessage, method: string): string {
  const via = request.topVia!
  return via.branch.startsWith('z9hG4bK')
    ? `${via.branch}|${via.host}:${via.port ?? 5060}|${method}`
    : `2543|${request.requestUri}|${request.callId}|${request.fromTag}|${request.cseq}|${via.host}:${via.port ?? 5060}|${method}`
}

/** RFC 3261 §8.2.2.2: what a request and its twin that came another way have in common. */
export function mergeKeyOf(request: SipMessage): string {
  return `${request.callId}|${request.fromTag}|${request.cseq}|${request.method}`
}

/** The ACK of a failure goes with the INVITE's Via and Route, to where the INVITE went (RFC 3261 §17.1.1.3). */
export function buildFailureAck(invite: SipMessage, response: SipMessage): SipMessage {
  const ack = new SipMessage('ACK', invite.requestUri, 0, '')
  for (const field of invite.headers) {
    switch (field.key) {
      case 'via':
      case 'from':
      case 'call-id':
      case 'route':
        ack.headers.push(field)
        break
      case 'to':
        ack.add('To', response.get('to') ?? field.value)
        break
      case 'max-forwards':
        ack.add('Max-Forwards', '70')
        break
      case 'cseq':
        ack.add('CSeq', `${invite.cseq} ACK`)
        break
      default:
    }
  }
  return ack
}
