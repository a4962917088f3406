import { createSocket } from 'node:dgram'
import type { RemoteInfo, Socket } from 'node:dgram'
import { once } from 'node:events'
import type { SipServerLimits } from './limits.ts'
import { answerStun, isStun } from './stun.ts'
import { ListenError } from './transport.ts'
import type { ListenOptions, Peer, Receiver, SendFailed, Transport } from './transport.ts'
import { isParseFailure, parseMessage } from './wire-format.ts'

/** The largest payload of a UDP datagram over IPv4. */
const MAX_DATAGRAM_BYTES = 65_507

/** SIP over UDP (RFC 3261 §18.1.1, §18.2.1). */
export class UdpTransport implements Transport {
  readonly name = 'udp'
  readonly isReliable = false
  readonly host: string
  readonly port: number
  readonly #socket: Socket
  readonly #receiver: Receiver
  readonly #maxBytes: number
  #isClosed = false

  private constructor(socket: Socket, receiver: Receiver, limits: SipServerLimits) {
    const address = socket.address()
    this.host = address.address
    this.port = address.port
    this.#socket = socket
    this.#receiver = receiver
    this.#maxBytes = limits.maxMessageBytes
    socket.on('message', (bytes, from) => this.#receive(bytes, from))
    socket.on('error', (error) => receiver.onSendError(error))
  }

  /** Binds. Rejects with a `ListenError`. */
  static async listen(options: ListenOptions, receiver: Receiver, limits: SipServerLimits): Promise<UdpTransport> {
    const socket = createSocket({
      type: options.host.includes(':') ? 'udp6' : 'udp4',
      // An IPv4 peer has the IPv4 socket: it is never seen as ::ffff:192.0.2.1.
      ipv6Only: options.host.includes(':'),
      // Every address we send to is a literal; the default look-up costs microseconds a packet.
      lookup: (host, _options, done) => done(null, host, host.includes(':') ? 6 : 4),
    })
    try {
      // Our look-up answers at once, so the socket may be listening before `bind` returns.
      const listening = once(socket, 'listening')
      socket.bind({ port: options.port, address: options.host, exclusive: true })
      await listening
    } catch (error) {
      socket.close()
      throw new ListenError(options, error)
    }
    growBuffers(socket, limits.socketBufferBytes)
    return new UdpTransport(socket, receiver, limits)
  }

  #receive(bytes: Buffer, from: RemoteInfo): void {
    this.#receiver.reading?.datagram(this)
    // Keep-alives of habit: nobody waits for an answer to them over UDP (RFC 5626 §4.4.2 has STUN there).
    if (isBlank(bytes) || !this.#receiver.admits(from.address)) return
    const peer: Peer = { transport: this, host: from.address, port: from.port, connection: null }
    if (isStun(bytes)) return this.#receiveStun(bytes, peer)
    if (bytes.length > this.#maxBytes) {
      this.#receiver.onParseFailure({ status: null, reason: 'Message too large', partial: null }, peer)
      return
    }
    const message = parseMessage(bytes.toString('latin1'))
    if (isParseFailure(message)) this.#receiver.onParseFailure(message, peer)
    else this.#receiver.onMessage(message, peer)
  }

  #receiveStun(bytes: Buffer, peer: Peer): void {
    const answer = answerStun(bytes, peer.host, peer.port)
    if (answer === 'malformed')
      this.#receiver.onParseFailure({ status: null, reason: 'Malformed STUN', partial: null }, peer)
    else if (answer !== 'silent' && this.#receiver.takesKeepAlive(peer.host) && !this.#isClosed)
      this.#socket.send(answer, peer.port, peer.host)
  }

  send(text: string, peer: Peer, onFailed: SendFailed | null): void {
    if (this.#isClosed) return
    if (text.length > MAX_DATAGRAM_BYTES) {
      const error = new Error(`a message of ${text.length} bytes does not fit into a datagram`)
      this.#receiver.onSendError(error)
      // Not before the caller has finished what it is doing.
      if (onFailed !== null) queueMicrotask(() => onFailed.onSendFailed(error))
      return
    }
    // Without a callback: errors reach the socket's 'error' event, and the request's timers do the rest.
    this.#socket.send(Buffer.from(text, 'latin1'), 0, text.length, peer.port, peer.host)
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#socket.close()
    await once(this.#socket, 'close')
  }
}

/** Whether a datagram says nothing: it is empty, very short, or line ends, spaces and zero bytes alone. */
function isBlank(bytes: Buffer): boolean {
  if (bytes.length <= 4) return true
  return bytes.every((byte) => byte === 0x0d || byte === 0x0a || byte === 0x20 || byte === 0)
}

/** The kernel gives what it may; less than asked for is no error. */
function growBuffers(socket: Socket, bytes: number): void {
  try {
    socket.setRecvBufferSize(bytes)
    socket.setSendBufferSize(bytes)
  } catch {
    // Some systems refuse instead of giving their maximum: the default buffers still work.
  }
}
