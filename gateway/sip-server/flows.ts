import { getParam, setParam, uriOf } from './headers.ts'
import type { SipServerLimits } from './limits.ts'
import type { SipMessage } from './message.ts'
import type { Counters } from './stats.ts'
import type { Connection, Peer } from './transport.ts'
import { isPrivateAddress } from './transport.ts'
import { parseUri } from './uri.ts'
import type { Uri } from './uri.ts'

/** How long a binding lasts when neither side said (RFC 3261 §10.2.1.1 leaves it to the registrar; this is its example). */
const DEFAULT_EXPIRES_S = 3600
/** Requests that begin something which keep-alives are for (RFC 6223 §4.1). */
export const KEEPING = new Set(['REGISTER', 'INVITE', 'SUBSCRIBE'])

interface Flow {
  readonly peer: Peer
  readonly untilMs: number
}

/**
 * The connections of registered clients (RFC 5626 §5.3 calls them flows): once a REGISTER that came over a connection has been
 * answered 2xx, requests to its Contact go over that connection. A browser has no other way to be reached (RFC 7118 §5).
 */
export class Flows {
  readonly #byContact = new Map<string, Flow>()
  readonly #limits: SipServerLimits
  readonly #counters: Counters

  constructor(limits: SipServerLimits, counters: Counters) {
    this.#limits = limits
    this.#counters = counters
  }

  get size(): number {
    return this.#byContact.size
  }

  /** Takes what a REGISTER and its 2xx say: each Contact of the request, for the time the registrar gives it. */
  learn(request: SipMessage, response: SipMessage, source: Peer, nowMs = Date.now()): void {
    const { connection } = source
    if (connection === null) return
    const granted = response.getAll('contact')
    for (const contact of request.getAll('contact')) {
      if (contact.trim() === '*') {
        this.forget(connection)
        continue
      }
      const text = uriOf(contact)
      const uri = text === null ? null : parseUri(text)
      if (uri === null || !mayStandFor(uri, source.host)) continue
      const answer = granted.find((each) => uriOf(each) === text)
      const seconds = expiresOf(answer, response) ?? expiresOf(contact, request) ?? DEFAULT_EXPIRES_S
      if (seconds > 0) this.#remember(uri, { peer: source, untilMs: nowMs + seconds * 1000 }, connection)
      else this.#drop(keyOf(uri), connection)
    }
  }

  #remember(uri: Uri, flow: Flow, connection: Connection): void {
    const key = keyOf(uri)
    const before = this.#byContact.get(key)
    const bindings = (connection.bindings ??= new Set())
    const isFull = before === undefined && this.#byContact.size >= this.#limits.maxFlows
    if (isFull || (!bindings.has(key) && bindings.size >= this.#limits.maxFlowsPerConnection)) {
      this.#counters.overLimit++
      return
    }
    // The client has come back over a new connection: the old one leads nowhere.
    if (before !== undefined && before.peer.connection !== connection) before.peer.connection?.bindings?.delete(key)
    bindings.add(key)
    this.#byContact.set(key, flow)
  }

  #drop(key: string, connection: Connection): void {
    if (this.#byContact.get(key)?.peer.connection === connection) this.#byContact.delete(key)
    connection.bindings?.delete(key)
  }

  /** The way to a registered client, or `null`. */
  find(uri: Uri, nowMs = Date.now()): Peer | null {
    if (this.#byContact.size === 0) return null
    const key = keyOf(uri)
    const flow = this.#byContact.get(key)
    if (flow === undefined) return null
    if (flow.untilMs <= nowMs || flow.peer.connection?.isOpen !== true) {
      if (flow.peer.connection !== null) this.#drop(key, flow.peer.connection)
      return null
    }
    return isSpokenOver(uri, flow.peer) ? flow.peer : null
  }

  /** The connection has ended, and its bindings lead nowhere. */
  forget(connection: Connection): void {
    if (connection.bindings === null) return
    for (const key of connection.bindings)
      if (this.#byContact.get(key)?.peer.connection === connection) this.#byContact.delete(key)
    connection.bindings = null
  }
}

/**
 * The peer a dialog was begun with, when its remote target cannot be reached in another way: over a connection of the client's
 * making; over UDP, when a private address is behind a public one. A GRUU (RFC 5627 §3.3) stands for a device by a name that
 * only its registrar can resolve, and here is the device.
 */
export function flowOfDialog(uri: Uri, via: Peer | null): Peer | null {
  if (via === null) return null
  const { connection, transport } = via
  if (connection === null) {
    if (transport.name !== 'udp' || uri.scheme === 'sips') return null
    const asked = uri.params.get('transport')?.toLowerCase() ?? 'udp'
    return asked === 'udp' && (uri.params.has('gr') || isBehind(uri, via.host)) ? via : null
  }
  if (!connection.isOpen || !connection.isAccepted) return null
  return uri.params.has('gr') || (mayStandFor(uri, via.host) && isSpokenOver(uri, via)) ? via : null
}

/** A host that is in no DNS (RFC 2606 §2): what browsers, which cannot know their address, put into Contact. */
export function isMadeUp(host: string): boolean {
  return host.length >= 8 && host.toLowerCase().endsWith('.invalid')
}

/**
 * Whether requests to this URI may go to the address its owner connected from. Only what cannot be reached otherwise, or is that
 * address: else whoever may register could draw the calls to another's name to himself.
 */
function mayStandFor(uri: Uri, remoteHost: string): boolean {
  return literalOf(uri) === remoteHost || isBehind(uri, remoteHost)
}

/** A host that nobody outside can reach, while its messages come from an address that everybody can. */
function isBehind(uri: Uri, remoteHost: string): boolean {
  const host = literalOf(uri)
  return isMadeUp(host) || (isPrivateAddress(host) && !isPrivateAddress(remoteHost))
}

function literalOf({ host }: Uri): string {
  return host.startsWith('[') ? host.slice(1, -1) : host
}

/** Whether the URI asks for the transport of this peer's connection, or for none. */
function isSpokenOver(uri: Uri, { transport }: Peer): boolean {
  const asked = uri.params.get('transport')?.toLowerCase()
  const isSecure = transport.name === 'tls' || transport.name === 'wss'
  if (uri.scheme === 'sips' && !isSecure) return false
  // `sip:…;transport=tls` is obsolete and everywhere; a secure WebSocket is `transport=ws` (RFC 7118 §7).
  if (transport.name === 'wss') return asked === undefined || asked === 'ws' || asked === 'wss'
  if (transport.name === 'tls') return asked === undefined || asked === 'tls' || asked === 'tcp'
  return asked === undefined ? transport.name === 'ws' || isMadeUp(uri.host) : asked === transport.name
}

function keyOf(uri: Uri): string {
  return `${uri.user}@${uri.host.toLowerCase()}:${uri.port ?? ''}`
}

/** The lifetime a Contact, or else its message's Expires header, says. */
function expiresOf(contact: string | undefined, message: SipMessage): number | null {
  const text = (contact === undefined ? null : getParam(contact, 'expires')) ?? message.get('expires')
  return text !== undefined && /^\d{1,10}$/.test(text.trim()) ? Number(text) : null
}

/** What a message says of the connection it came over: keep-alives (RFC 6223) and its reuse (RFC 5923). */
export function observeConnection(message: SipMessage, peer: Peer, limits: SipServerLimits): void {
  const connection = peer.connection!
  const via = message.topVia
  if (via === null) return
  if (via.keep !== null) {
    if (!message.isRequest) {
      // Our own `keep` comes back without a value from who has not understood it.
      if (!connection.isAccepted && via.keep !== '') connection.keepAlive(keepEveryMs(via.keep, limits), true)
    } else if (via.keep === '' && KEEPING.has(message.method)) {
      const field = message.headers.find((each) => each.key === 'via')!
      field.value = setParam(field.value, 'keep', String(Math.round(limits.keepAliveMs / 1000)))
    }
  }
  if (via.hasAlias && message.isRequest) peer.transport.alias?.(connection, via.host, via.port)
  if (!message.isRequest && message.cseqMethod === 'REGISTER' && message.status >= 200 && message.status < 300)
    connection.keepAlive(limits.keepAliveMs, false)
}

/** RFC 6223 §4.3: between 80 % and 100 % of what is recommended; 0 recommends nothing. */
function keepEveryMs(keep: string, limits: SipServerLimits): number {
  const seconds = /^\d{1,6}$/.test(keep) ? Number(keep) : 0
  return seconds === 0 ? limits.keepAliveMs : Math.max(1_000, seconds * 900)
}
