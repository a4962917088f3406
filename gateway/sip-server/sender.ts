import type { Core } from './core.ts'
import { flowOfDialog, isMadeUp, KEEPING } from './flows.ts'
import { buildVia } from './headers.ts'
import type { Hop } from './hop.ts'
import type { SipMessage } from './message.ts'
import { advertisedHost, chooseTransport, hostInUri, isLoopback, isWildcard } from './transport.ts'
import type { Peer, Transport, TransportName } from './transport.ts'
import { parseUri } from './uri.ts'

/** Why a request cannot be sent, in the words of the drachtio protocol. */
export interface Unsendable {
  readonly refusal: string
}

/** Where a request may go. */
export interface Way {
  /** Its hops, the best first; at least one. */
  readonly peers: readonly Peer[]
  /** The URI leaves the transport to us. */
  readonly isFree: boolean
}

/** Where a request is going: `null` when the name has no address (the request fails with 503). */
export type Destination = Way | Unsendable | null

export function isUnsendable(destination: Destination): destination is Unsendable {
  return destination !== null && 'refusal' in destination
}

const NO_TRANSPORT: Unsendable = { refusal: 'requested protocol/transport not available' }
const MYSELF: Unsendable = { refusal: 'can not send request to myself' }

/**
 * Finds transports and addresses for a URI. `via` is the peer a dialog was begun with: a URI that names no transport is taken
 * to mean that one's, and its connection is used as long as it is open, since a client behind NAT has no other.
 */
export function findDestination(core: Core, uri: string, via: Peer | null): Destination | Promise<Destination> {
  const parsed = parseUri(uri)
  if (parsed === null) return { refusal: `invalid request-uri: ${uri}` }
  const flow = core.flows.find(parsed) ?? flowOfDialog(parsed, via)
  if (flow !== null) return { peers: [flow], isFree: false }
  // A browser's made-up host (RFC 7118 §10.2, RFC 2606 §2) is its connection or nothing.
  if (isMadeUp(parsed.host)) return core.transports.length === 0 ? NO_TRANSPORT : null
  const isFree = !parsed.params.has('transport')
  const inherits = via !== null && isFree && parsed.scheme === 'sip'
  const hops = core.locator.locate(parsed, inherits ? via.transport.name : null)
  if (hops === null) return NO_TRANSPORT
  if (hops instanceof Promise) return hops.then((found) => toWay(core, found, parsed.host, via, isFree))
  return toWay(core, hops, parsed.host, via, isFree)
}

function toWay(core: Core, hops: readonly Hop[], domain: string, via: Peer | null, isFree: boolean): Destination {
  let refusal: Unsendable | null = null
  const peers: Peer[] = []
  for (const hop of hops) {
    const peer = toPeer(core, hop, domain, via)
    if ('refusal' in peer) refusal ??= peer
    else peers.push(peer)
  }
  return peers.length > 0 ? { peers, isFree } : refusal
}

function toPeer(core: Core, hop: Hop, domain: string, via: Peer | null): Peer | Unsendable {
  const known = via !== null && via.transport.name === hop.transport ? via : null
  const transport = known?.transport ?? chooseTransport(core.transports, hop.transport, hop.host)
  if (transport === null) return NO_TRANSPORT
  if (isMyself(core, hop)) return MYSELF
  const reused = known !== null && known.connection?.isOpen === true && known.host === hop.host
  if (reused) return known
  // A Contact is commonly an address: whoever lives there has proved to be the domain we called.
  const serverName = (known?.host === hop.host ? known.serverName : undefined) ?? domain
  return { transport, host: hop.host, port: hop.port, connection: null, serverName }
}

/** The same place over TCP, for a request that is too large for UDP; `null` when there is no such way, or none lately. */
export function tcpInstead(core: Core, { transport, host, port }: Peer): Peer | null {
  if (transport.name !== 'udp') return null
  const tcp = chooseTransport(core.transports, 'tcp', host)
  if (tcp === null) return null
  const hop = { transport: 'tcp', host, port }
  if (isMyself(core, hop) || core.locator.penalties.holds(hop)) return null
  return { transport: tcp, host, port, connection: null }
}

function isMyself(core: Core, hop: Hop): boolean {
  return core.transports.some((transport) => {
    if (transport.name !== hop.transport || transport.port !== hop.port) return false
    if (transport.host === hop.host || core.publicAddresses.includes(hop.host)) return true
    return isWildcard(transport.host) && (isLoopback(hop.host) || advertisedHost(transport, hop.host, []) === hop.host)
  })
}

/** Puts our Via on top of a request (RFC 3261 §18.1.1) and answers its branch. */
export function stampVia(
  core: Core,
  request: SipMessage,
  target: Peer,
  branch = `z9hG4bK${core.chance.token(20)}`,
): string {
  const { transport } = target
  const value = viaValue(core, transport, target.host, branch, viaParameters(transport.name, request.method))
  request.headers.unshift({ key: 'via', name: 'Via', value })
  return branch
}

/** Over TLS, that the connection may be used for requests to us (RFC 5923 §5); that we would send keep-alives (RFC 6223 §4.1). */
function viaParameters(transport: TransportName, method: string): string {
  if (transport !== 'tcp' && transport !== 'tls') return ''
  return `${transport === 'tls' ? ';alias' : ''}${KEEPING.has(method) ? ';keep' : ''}`
}

function viaValue(core: Core, transport: Transport, peerHost: string, branch: string, extra: string): string {
  return buildVia({
    transport: transport.name.toUpperCase(),
    host: hostInUri(advertisedHost(transport, peerHost, core.publicAddresses)),
    port: transport.port,
    branch,
    extra,
  })
}
