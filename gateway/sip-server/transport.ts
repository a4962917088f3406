import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo, Server } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { ParseFailure, SipMessage } from './message.ts'
import type { Reading } from './unread.ts'

/** The transports SIP is spoken over: RFC 3261 §18, RFC 7118. Each has a line in server.ts, which opens them. */
export type TransportName = 'udp' | 'tcp' | 'tls' | 'ws' | 'wss'

/** Those with connections. */
export type ConnectionTransportName = Exclude<TransportName, 'udp'>

export interface ListenOptions {
  readonly transport: TransportName
  /** The address to bind: an IP literal. */
  readonly host: string
  /** 0 asks for a free one. */
  readonly port: number
}

/** A connection (TCP, TLS, WebSocket) as the layers above know it. */
export interface Connection {
  readonly isOpen: boolean
  /** The peer opened it. */
  readonly isAccepted: boolean
  /** The names in its client certificate, when that verified against the authorities configured; else null. */
  readonly clientIdentity: string | null
  /** The Origin of the page that opened it over WebSocket; null when it gave none, or is no WebSocket. */
  readonly origin: string | null
  /** Dialogs that were begun over it: they keep it alive. */
  dialogs: number
  /** Keys of the bindings whose requests go over it (flows.ts); null until there is one. */
  bindings: Set<string> | null
  /** The peer has said that it answers pings (RFC 6223), or is known to: without an answer the connection is closed. */
  keepAlive(everyMs: number, isAnswered: boolean): void
}

/** The other end of a message: where it came from, or where it is to go. */
export interface Peer {
  readonly transport: Transport
  /** An IP literal, IPv6 without brackets. */
  readonly host: string
  readonly port: number
  /** The connection it came over; null for datagrams and for a connection still to be found. */
  readonly connection: Connection | null
  /** The domain of the URI that led here: what a TLS server must prove to be (RFC 5922 §7.2). */
  readonly serverName?: string
}

/** Told once when a message could not be delivered to the network. */
export interface SendFailed {
  onSendFailed(error: Error): void
}

/** One listening socket and what is sent from it (RFC 3261 §18). */
export interface Transport {
  readonly name: TransportName
  readonly isReliable: boolean
  /** The bound address and port. */
  readonly host: string
  readonly port: number
  /** Sends a message (latin1, one character a byte), without waiting. `onFailed` hears of a failure that can be known. */
  send(text: string, peer: Peer, onFailed: SendFailed | null): void
  /** Requests to this sent-by address may go over the connection that asked for it (RFC 5923), if it may speak for it. */
  alias?(connection: Connection, sentByHost: string, sentByPort: number | null): void
  close(): Promise<void>
}

/** Where a transport delivers what arrives. */
export interface Receiver {
  /** Who counts what is read; absent: nobody. */
  readonly reading?: Reading | undefined
  /** Whether to read what this address sends: asked of each datagram, connection and piece of one. */
  admits(host: string): boolean
  /** How long not to read a stream of this address, ms; 0: read on. Asked after each piece of one. */
  restMs(host: string): number
  /** Whether it is somebody we have an agreement with, or call ourselves. */
  vouchesFor(host: string): boolean
  /** Whether to answer a keep-alive that asks for an answer (STUN). */
  takesKeepAlive(host: string): boolean
  onMessage(message: SipMessage, peer: Peer): void
  onParseFailure(failure: ParseFailure, peer: Peer): void
  onSendError(error: Error): void
  /** A connection has ended, whoever ended it. */
  onConnectionClosed(connection: Connection): void
}

/** Why a transport could not listen; the message names transport, host and port. */
export class ListenError extends Error {
  constructor(options: ListenOptions, cause: unknown) {
    const why = explainListenError(cause)
    super(`cannot listen for SIP over ${options.transport} on ${options.host} port ${options.port}: ${why}`, { cause })
    this.name = 'ListenError'
  }
}

/** Why an address cannot be had, for people. */
export function explainListenError(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  switch ('code' in cause ? cause.code : null) {
    case 'EADDRINUSE':
      return 'the port is already in use'
    case 'EADDRNOTAVAIL':
      return 'this machine has no such address'
    case 'EACCES':
      return 'this process may not use that port'
    default:
      return cause.message
  }
}

/** Listens. Rejects with a `ListenError`. */
export async function listenOn(server: Server, options: ListenOptions): Promise<AddressInfo> {
  try {
    // Each family has its own socket: an IPv4 peer is never seen as ::ffff:192.0.2.1.
    server.listen({ port: options.port, host: options.host, exclusive: true, ipv6Only: options.host.includes(':') })
    await once(server, 'listening')
  } catch (error) {
    throw new ListenError(options, error)
  }
  return boundTo(server)
}

/** The address a TCP server is bound to. */
export function boundTo(server: Server): AddressInfo {
  const address = server.address()
  assert(address !== null && typeof address === 'object')
  return address
}

export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

export function isLoopback(host: string): boolean {
  return host.startsWith('127.') || host === '::1'
}

/** Addresses that mean nothing outside their own network (RFC 1918, RFC 6598, RFC 3927, RFC 4193, RFC 4291 §2.5.6). */
export function isPrivateAddress(host: string): boolean {
  if (host.includes(':')) return /^(f[cd]|fe[89ab])/i.test(host) || isLoopback(host)
  if (!/^\d/.test(host)) return false
  return /^(10|127|192\.168|169\.254|172\.(1[6-9]|2\d|3[01])|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7]))\./.test(host)
}

/** An address as it stands in a URI or a Via: IPv6 in brackets. */
export function hostInUri(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

/**
 * The address to give to `peerHost` as ours: the public one of the transport's family if there is one, else the bound one,
 * else (bound to all) loopback for loopback peers and this machine's first outside address for the rest.
 */
export function advertisedHost(transport: Transport, peerHost: string, publicAddresses: readonly string[]): string {
  const publicAddress = ofSameFamily(transport.host, publicAddresses)
  if (publicAddress !== undefined && !isLoopback(peerHost)) return publicAddress
  if (!isWildcard(transport.host)) return publicAddress ?? transport.host
  if (isLoopback(peerHost)) return peerHost.includes(':') ? '::1' : '127.0.0.1'
  return firstOutsideAddress(peerHost.includes(':') ? 'IPv6' : 'IPv4')
}

function ofSameFamily(host: string, addresses: readonly string[]): string | undefined {
  // Asked for every message, of one address or two.
  const isV6 = host.includes(':')
  for (const address of addresses) if (address.includes(':') === isV6) return address
  return undefined
}

/** The value of a URI's `transport` parameter that leads here: a secure WebSocket has none of its own (RFC 7118 §7). */
export function uriTransport(name: TransportName): string {
  return name === 'wss' ? 'ws' : name
}

const outside = new Map<string, string>()

function firstOutsideAddress(family: 'IPv4' | 'IPv6'): string {
  const known = outside.get(family)
  if (known !== undefined) return known
  let found = family === 'IPv4' ? '127.0.0.1' : '::1'
  for (const addresses of Object.values(networkInterfaces())) {
    const address = addresses?.find((each) => !each.internal && each.family === family)
    if (address !== undefined) {
      found = address.address
      break
    }
  }
  outside.set(family, found)
  return found
}

/** The listening transport to send from: right kind and family, loopback for loopback; `null` when there is none. */
export function chooseTransport(transports: readonly Transport[], name: string, host: string): Transport | null {
  const family = host.includes(':')
  const candidates = transports.filter((each) => each.name === name && each.host.includes(':') === family)
  const exact = candidates.find((each) => isLoopback(each.host) === isLoopback(host) && !isWildcard(each.host))
  return exact ?? candidates.find((each) => isWildcard(each.host)) ?? candidates[0] ?? null
}

/** Stands for the way to a name that has no address: whatever is sent over it fails. */
export class Unreachable implements Transport {
  readonly name: TransportName
  readonly isReliable: boolean
  readonly host: string
  readonly port: number

  /** `like` lends its name and address, for the message that will not go out. */
  constructor(like: Transport) {
    this.name = like.name
    this.isReliable = like.isReliable
    this.host = like.host
    this.port = like.port
  }

  send(_text: string, _peer: Peer, onFailed: SendFailed | null): void {
    if (onFailed !== null) queueMicrotask(() => onFailed.onSendFailed(new Error('the name has no address')))
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
