import { getParam } from './headers.ts'
import { SipMessage } from './message.ts'
import type { Peer } from './transport.ts'

/** Reason phrases of what the server answers by itself. */
const REASONS: Readonly<Record<number, string>> = {
  100: 'Trying',
  200: 'OK',
  400: 'Bad Request',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  413: 'Request Entity Too Large',
  414: 'Request-URI Too Long',
  415: 'Unsupported Media Type',
  416: 'Unsupported URI Scheme',
  420: 'Bad Extension',
  422: 'Session Interval Too Small',
  480: 'Temporarily Unavailable',
  481: 'Call/Transaction Does Not Exist',
  482: 'Loop Detected',
  483: 'Too Many Hops',
  487: 'Request Terminated',
  491: 'Request Pending',
  500: 'Server Internal Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
  504: 'Server Time-out',
  505: 'Version Not Supported',
}

export function reasonOf(status: number): string {
  return REASONS[status] ?? 'Unknown'
}

/**
 * Starts the response to a request (RFC 3261 §8.2.6.2): Via, From, To with our tag, Call-ID, CSeq, and where a dialog begins the
 * Record-Route (§12.1.1). `toTag` is '' for 100 Trying.
 */
export function buildResponse(request: SipMessage, status: number, reason: string, toTag: string): SipMessage {
  const response = new SipMessage('', '', status, reason)
  const keepsRoute = status > 100 && status < 300 && request.toTag === ''
  for (const field of request.headers) {
    switch (field.key) {
      case 'via':
      case 'from':
      case 'call-id':
      case 'cseq':
        response.headers.push(field)
        break
      case 'to': {
        const tagged = request.toTag === '' && toTag !== ''
        response.headers.push(tagged ? { key: 'to', name: 'To', value: `${field.value};tag=${toTag}` } : field)
        break
      }
      case 'record-route':
        if (keepsRoute) response.headers.push(field)
        break
      case 'timestamp':
        if (status === 100) response.headers.push(field)
        break
      default:
    }
  }
  response.callId = request.callId
  response.cseq = request.cseq
  response.cseqMethod = request.cseqMethod
  response.fromTag = request.fromTag
  response.toTag = request.toTag === '' ? toTag : request.toTag
  return response
}

/**
 * Where a response goes (RFC 3261 §18.2.2, RFC 3581 §4): over the connection of the request, and when that has gone, over
 * another to the port of its Via; over UDP to the source address, and to the source port if the request asked for it with
 * `rport`, else to the port of its Via.
 */
export function responsePeer(request: SipMessage, source: Peer): Peer {
  const via = request.topVia
  if (via === null) return source
  if (source.connection !== null)
    return { ...source, port: via.port ?? (source.transport.name === 'tls' ? 5061 : 5060) }
  if (via.rport !== null) return source
  const maddr = getParam(request.get('via') ?? '', 'maddr')
  return { transport: source.transport, host: maddr ?? source.host, port: via.port ?? 5060, connection: null }
}
