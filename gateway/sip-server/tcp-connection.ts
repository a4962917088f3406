import { connect } from 'node:net'
import type { Socket } from 'node:net'
import type { SipServerLimits } from './limits.ts'
import type { Connection, Peer, Receiver, SendFailed, Transport } from './transport.ts'
import { isParseFailure, StreamFramer } from './wire-format.ts'

/** The kernel asks a silent peer after this time whether it still lives. */
export const KEEP_ALIVE_MS = 60_000

const PONG = '\r\n'

interface Place {
  readonly host: string
  readonly port: number
}

interface ConnectionOptions {
  readonly receiver: Receiver
  readonly limits: SipServerLimits
  readonly onClose: (connection: TcpConnection) => void
}

/** One TCP connection that carries SIP messages, accepted or opened. It ends by its peer, by idleness or by a limit. */
export class TcpConnection implements Connection {
  readonly host: string
  readonly port: number
  readonly #socket: Socket
  readonly #framer: StreamFramer
  readonly #options: ConnectionOptions
  readonly #peer: Peer
  #isOpen = true
  #hasSpoken = false

  private constructor(transport: Transport, socket: Socket, place: Place, options: ConnectionOptions) {
    this.host = place.host
    this.port = place.port
    this.#socket = socket
    this.#options = options
    this.#framer = new StreamFramer({ maxMessageBytes: options.limits.maxMessageBytes })
    this.#peer = { transport, host: place.host, port: place.port, connection: this }
    socket.on('data', (chunk) => this.#receive(chunk))
    // A half-open peer can take no answer we owe it, so its end is ours.
    socket.on('error', (error) => options.receiver.onSendError(error))
    socket.on('close', () => this.#closed())
  }

  static accepted(transport: Transport, socket: Socket, place: Place, options: ConnectionOptions): TcpConnection {
    const connection = new TcpConnection(transport, socket, place, options)
    connection.#watch(options.limits.tcpSilentMs)
    return connection
  }

  /** Opens a connection; what is sent meanwhile waits in the socket's queue, and fails with it. */
  static opened(
    transport: Transport,
    place: Place,
    localAddress: string | null,
    options: ConnectionOptions,
  ): TcpConnection {
    const socket = connect({ host: place.host, port: place.port, ...(localAddress === null ? {} : { localAddress }) })
    socket.setNoDelay(true)
    socket.setKeepAlive(true, KEEP_ALIVE_MS)
    const connection = new TcpConnection(transport, socket, place, options)
    socket.setTimeout(options.limits.tcpConnectMs, () => socket.destroy(new Error('connecting took too long')))
    socket.once('connect', () => connection.#watch(options.limits.tcpIdleMs))
    return connection
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  #watch(silentMs: number): void {
    this.#socket.removeAllListeners('timeout')
    this.#socket.setTimeout(silentMs, () => this.close())
  }

  #receive(chunk: Buffer): void {
    const { receiver } = this.#options
    if (!receiver.admits(this.host)) return this.close()
    const input = this.#framer.push(chunk)
    if (input.messages.length > 0 && !this.#hasSpoken) {
      this.#hasSpoken = true
      this.#watch(this.#options.limits.tcpIdleMs)
    }
    for (const message of input.messages) {
      if (isParseFailure(message)) receiver.onParseFailure(message, this.#peer)
      else receiver.onMessage(message, this.#peer)
    }
    for (let i = 0; i < input.pings; i++) this.send(PONG, null)
    if (input.fatal !== null && this.#isOpen) {
      receiver.onParseFailure(input.fatal, this.#peer)
      this.#isOpen = false
      this.#socket.end()
      // The peer has a moment to read the answer, and no say in whether we close.
      this.#socket.setTimeout(1_000, () => this.#socket.destroy())
    }
  }

  send(text: string, onFailed: SendFailed | null): void {
    if (this.#socket.writableLength + text.length > this.#options.limits.maxTcpQueueBytes) {
      this.#socket.destroy(new Error('the peer does not read what it is sent'))
    }
    if (onFailed === null) this.#socket.write(text, 'latin1')
    else this.#socket.write(text, 'latin1', (error) => (error ? onFailed.onSendFailed(error) : undefined))
  }

  close(): void {
    this.#isOpen = false
    this.#socket.destroy()
  }

  #closed(): void {
    this.#isOpen = false
    this.#options.onClose(this)
  }
}
