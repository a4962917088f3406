import type { Core } from './core.ts'
import { buildVia } from './headers.ts'
import type { Hop } from './locate.ts'
import type { SipMessage } from './message.ts'
import { advertisedHost, chooseTransport, hostInUri, isLoopback, isWildcard } from './transport.ts'
import type { Peer, Transport } from './transport.ts'
import { parseUri } from './uri.ts'

/** Why a request cannot be sent, in the words of the drachtio protocol. */
export interface Unsendable {
  readonly refusal: string
}

/** Where a request is going: `null` when the name has no address (the request fails with 503). */
export type Destination = Peer | Unsendable | null

export function isUnsendable(destination: Destination): destination is Unsendable {
  return destination !== null && 'refusal' in destination
}

const NO_TRANSPORT: Unsendable = { refusal: 'requested protocol/transport not available' }
const MYSELF: Unsendable = { refusal: 'can not send request to myself' }

/**
 * Finds transport and address for a URI. `via` is the peer a dialog was begun with: a URI that names no transport is taken to
 * mean that one's, and its connection is used as long as it is open, since a client behind NAT has no other.
 */
export function findDestination(core: Core, uri: string, via: Peer | null): Destination | Promise<Destination> {
  const parsed = parseUri(uri)
  if (parsed === null) return { refusal: `invalid request-uri: ${uri}` }
  const hop = core.locator.locate(parsed)
  if (hop === null) return NO_TRANSPORT
  const inherits = via !== null && !parsed.params.has('transport') && parsed.scheme === 'sip'
  if (hop instanceof Promise) {
    return hop.then((found) => (found === null ? null : toPeer(core, found, via, inherits)))
  }
  return toPeer(core, hop, via, inherits)
}

function toPeer(core: Core, hop: Hop, via: Peer | null, inherits: boolean): Peer | Unsendable {
  const name = inherits ? via!.transport.name : hop.transport
  const known = via !== null && via.transport.name === name ? via : null
  const transport = known?.transport ?? chooseTransport(core.transports, name, hop.host)
  if (transport === null) return NO_TRANSPORT
  if (isMyself(core, name, hop)) return MYSELF
  const reused = known !== null && known.connection?.isOpen === true && known.host === hop.host
  return reused ? known : { transport, host: hop.host, port: hop.port, connection: null }
}

function isMyself(core: Core, name: string, hop: Hop): boolean {
  return core.transports.some((transport) => {
    if (transport.name !== name || transport.port !== hop.port) return false
    if (transport.host === hop.host || core.publicAddress === hop.host) return true
    return (
      isWildcard(transport.host) && (isLoopback(hop.host) || advertisedHost(transport, hop.host, null) === hop.host)
    )
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
  const value = viaValue(core, transport, target.host, branch)
  request.headers.unshift({ key: 'via', name: 'Via', value })
  return branch
}

function viaValue(core: Core, transport: Transport, peerHost: string, branch: string): string {
  return buildVia({
    transport: transport.name.toUpperCase(),
    host: hostInUri(advertisedHost(transport, peerHost, core.publicAddress)),
    port: transport.port,
    branch,
  })
}
