import type { ParseFailure, SipMessage } from './message.ts'
import type { Connection, Peer, Receiver, Transport, TransportName } from './transport.ts'
import { advertisedHost } from './transport.ts'
import type { Reading } from './unread.ts'

/** Which way a message went, seen from this server. */
export type Direction = 'in' | 'out'

/** Where one end of a message was. */
export interface Endpoint {
  /** An IP literal, IPv6 without brackets. */
  readonly host: string
  readonly port: number
}

/**
 * Sees every message as it comes from the network or goes to it. It is called between a datagram and its handling, so it
 * may neither throw nor wait.
 */
export interface Tap {
  /** `text` is the whole message in latin1; `atMs` is the wall clock, milliseconds since the epoch with three true decimals. */
  see(direction: Direction, text: string, callId: string, peer: Peer, atMs: number): void
}

/** How far the monotonic clock may wander from the wall clock before the latter is read again. */
const MAX_DRIFT_MS = 2
const COMPARE_EVERY_MS = 10_000

/** Wall-clock time to the microsecond: the system clock, which only counts milliseconds, carried on by the monotonic one. */
export class FineClock {
  #offsetMs = Date.now() - performance.now()
  #comparedMs = performance.now()

  nowMs(): number {
    const monotonicMs = performance.now()
    if (monotonicMs - this.#comparedMs > COMPARE_EVERY_MS) this.#compare(monotonicMs)
    return this.#offsetMs + monotonicMs
  }

  #compare(monotonicMs: number): void {
    this.#comparedMs = monotonicMs
    const offsetMs = Date.now() - monotonicMs
    if (Math.abs(offsetMs - this.#offsetMs) > MAX_DRIFT_MS) this.#offsetMs = offsetMs
  }
}

/** Lets a tap see what arrives on its way to the receiver. */
export class TappedReceiver implements Receiver {
  readonly #receiver: Receiver
  readonly #taps: readonly Tap[]
  readonly #clock: FineClock

  constructor(receiver: Receiver, taps: readonly Tap[], clock: FineClock) {
    this.#receiver = receiver
    this.#taps = taps
    this.#clock = clock
  }

  get reading(): Reading | undefined {
    return this.#receiver.reading
  }

  admits(host: string): boolean {
    return this.#receiver.admits(host)
  }

  restMs(host: string): number {
    return this.#receiver.restMs(host)
  }

  vouchesFor(host: string): boolean {
    return this.#receiver.vouchesFor(host)
  }

  takesKeepAlive(host: string): boolean {
    return this.#receiver.takesKeepAlive(host)
  }

  onMessage(message: SipMessage, peer: Peer): void {
    const atMs = this.#clock.nowMs()
    for (const tap of this.#taps) tap.see('in', message.wire, message.callId, peer, atMs)
    this.#receiver.onMessage(message, peer)
  }

  onParseFailure(failure: ParseFailure, peer: Peer): void {
    const { partial } = failure
    if (partial !== null && partial.callId !== '') {
      const atMs = this.#clock.nowMs()
      for (const tap of this.#taps) tap.see('in', partial.wire, partial.callId, peer, atMs)
    }
    this.#receiver.onParseFailure(failure, peer)
  }

  onSendError(error: Error): void {
    this.#receiver.onSendError(error)
  }

  onConnectionClosed(connection: Connection): void {
    this.#receiver.onConnectionClosed(connection)
  }
}

/**
 * Lets taps see what a transport sends, its keep-alives excepted. Peers hold the transport itself, so its own `send` is
 * replaced: everything that will ever be sent goes through here, and untapped transports are as they were.
 */
export function tapSending(transport: Transport, taps: readonly Tap[], clock: FineClock): void {
  const send = transport.send.bind(transport)
  transport.send = (text, peer, onFailed) => {
    const callId = callIdOf(text)
    const atMs = clock.nowMs()
    for (const tap of taps) tap.see('out', text, callId, peer, atMs)
    send(text, peer, onFailed)
  }
}

const CALL_ID = '\r\nCall-ID: '
const ANY_CALL_ID = /\r\n(?:call-id|i)[ \t]*:[ \t]*([^\r\n]+)/i

/** The Call-ID of a message's text; '' when it has none. */
function callIdOf(text: string): string {
  const at = text.indexOf(CALL_ID)
  if (at !== -1) return text.slice(at + CALL_ID.length, text.indexOf('\r\n', at + CALL_ID.length))
  return ANY_CALL_ID.exec(text)?.[1]?.trim() ?? ''
}

/** Our end of a message. Of a connection that we opened it is the listening address, not the port the kernel chose for it. */
export function localEndpoint(transport: Transport, peerHost: string): Endpoint {
  return { host: plainHost(advertisedHost(transport, plainHost(peerHost), [])), port: transport.port }
}

/** An IPv4 address that came over an IPv6 socket, as itself. */
export function plainHost(host: string): string {
  return host.startsWith('::ffff:') && host.includes('.') ? host.slice(7) : host
}

/** Whether a message over this transport travels in TCP segments. */
export function isStream(transport: TransportName): boolean {
  return transport !== 'udp'
}
