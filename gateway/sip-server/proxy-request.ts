import { createHash } from 'node:crypto'
import type { Core } from './core.ts'
import { ownAddress } from './core.ts'
import { getParam } from './headers.ts'
import { applyRouteSet } from './locate.ts'
import { SipMessage } from './message.ts'
import { ORIGIN_HEADER, TLS_CLIENT_HEADER } from './tls-identity.ts'
import type { Peer, Transport } from './transport.ts'

/** Headers the proxy writes itself, or that only make sense between two neighbours; the application cannot set them. */
const NOT_THE_APPLICATIONS = new Set([
  'via',
  'route',
  'record-route',
  'content-length',
  'from',
  'to',
  'call-id',
  'cseq',
  'contact',
  'max-forwards',
])

/** A copy of a request on its way through, and the URI that says where it goes next. */
export interface Forwarded {
  readonly request: SipMessage
  readonly nextUri: string
}

/**
 * Copies a request for another target (RFC 3261 §16.6 steps 1 to 6): Request-URI, Max-Forwards one less, the Routes without our
 * own, `extra` headers in place of those of the same name. Via and Record-Route depend on the way it takes and come later.
 */
export function copyForTarget(
  original: SipMessage,
  target: string,
  routes: readonly string[],
  extra: SipMessage | null,
): Forwarded {
  const routing = applyRouteSet(target, routes)
  const request = new SipMessage(original.method, routing.requestUri, 0, '')
  request.callId = original.callId
  request.fromTag = original.fromTag
  request.toTag = original.toTag
  request.cseq = original.cseq
  request.cseqMethod = original.cseqMethod
  request.body = original.body
  let isLimited = false
  for (const field of original.headers) {
    if (field.key === 'route' || field.key === TLS_CLIENT_KEY || field.key === ORIGIN_KEY) continue
    if (field.key !== 'max-forwards') request.headers.push({ ...field })
    else {
      isLimited = true
      request.headers.push({ ...field, value: String(Math.max(0, Number(field.value) - 1)) })
    }
  }
  if (!isLimited) request.add('Max-Forwards', '70')
  for (const route of routing.routes) request.add('Route', route)
  const replaced = new Set<string>()
  for (const { key, name, value } of extra?.headers ?? []) {
    if (NOT_THE_APPLICATIONS.has(key)) continue
    if (!replaced.has(key)) request.remove(key)
    replaced.add(key)
    request.add(name, value)
  }
  return { request, nextUri: routing.nextUri }
}

/**
 * Puts us in the path of the dialog (§16.6 step 4), on both sides when the request leaves over another transport or address than it
 * came by (RFC 5658 §3.3). `mark` is what we know the URI by when it comes back as a Route.
 */
export function addRecordRoutes(core: Core, request: SipMessage, source: Peer, target: Peer, mark: string): void {
  const came = recordRoute(core, source.transport, source.host, mark)
  const leaves = recordRoute(core, target.transport, target.host, mark)
  const at = request.headers.findIndex((field) => field.key === 'record-route')
  const values = came === leaves ? [leaves] : [leaves, came]
  const fields = values.map((value) => ({ key: 'record-route', name: 'Record-Route', value }))
  request.headers.splice(at === -1 ? 0 : at, 0, ...fields)
}

function recordRoute(core: Core, transport: Transport, peerHost: string, mark: string): string {
  const parameter = transport.name === 'udp' ? '' : `;transport=${transport.name}`
  return `<sip:${ownAddress(core, transport, peerHost)}${parameter};lr;${MARK}=${mark}>`
}

/** What we know of the client's certificate and page is for our application alone. */
const TLS_CLIENT_KEY = TLS_CLIENT_HEADER.toLowerCase()
const ORIGIN_KEY = ORIGIN_HEADER.toLowerCase()

/** The parameter of our Record-Route URIs. */
export const MARK = 'dce'

/**
 * What a request that comes round again unchanged has in common with the first time (§16.6 step 8; RFC 5393 §4.2 leaves the Via
 * out): sixteen hexadecimal digits for the end of a branch.
 */
export function loopKey(request: SipMessage): string {
  const hash = createHash('sha256')
  const { requestUri, toTag, fromTag, callId, cseq } = request
  hash.update(`${requestUri}|${toTag}|${fromTag}|${callId}|${cseq}|${request.method}`)
  for (const key of ['route', 'proxy-require', 'proxy-authorization']) hash.update(`|${request.getAll(key).join(',')}`)
  return hash.digest('hex').slice(0, 16)
}

/** Whether one of the Vias is ours from the last time round (§16.3 step 4). */
export function isLoop(request: SipMessage, key: string): boolean {
  return request.getAll('via').some((via) => getParam(via, 'branch')?.endsWith(`-${key}`) === true)
}
