import type { Socket } from 'node:net'
import type { SipServerLimits } from './limits.ts'
import type { Connection, Peer, Receiver, SendFailed, Transport } from './transport.ts'
import { Rest } from './resting.ts'
import { isParseFailure, StreamFramer } from './wire-format.ts'

const PING = '\r\n\r\n'
const PONG = '\r\n'

interface Place {
  readonly host: string
  readonly port: number
  /** The domain a TLS server has to prove. */
  readonly serverName?: string
}

interface ConnectionOptions {
  readonly transport: Transport
  readonly socket: Socket
  readonly place: Place
  readonly receiver: Receiver
  readonly limits: SipServerLimits
  readonly clientIdentity: string | null
  readonly onClose: (connection: StreamConnection) => void
}

/** One TCP or TLS connection that carries SIP messages, accepted or opened. It ends by its peer, by silence or by a limit. */
export class StreamConnection implements Connection {
  readonly host: string
  readonly port: number
  readonly serverName: string
  readonly isAccepted: boolean
  readonly clientIdentity: string | null
  readonly origin = null
  /** Where its transport finds it for requests to its sent-by address (RFC 5923). */
  aliasKey: string | null = null
  dialogs = 0
  bindings: Set<string> | null = null
  readonly #socket: Socket
  readonly #framer: StreamFramer
  readonly #options: ConnectionOptions
  readonly #peer: Peer
  #phase: 'connecting' | 'silent' | 'speaking'
  #isOpen = true
  /** Since when it is in its phase, when it last carried a message, and since when half a message lies here. */
  #sinceMs = performance.now()
  #usedMs = this.#sinceMs
  #partialMs: number | null = null
  /** Keep-alives: how often we ping (0: only while it carries a dialog), whether an answer is owed, when we last did. */
  #keepAliveMs = 0
  #isAnswered = false
  #pingedMs: number | null = null
  #heardMs = this.#sinceMs
  /** While it is not read. */
  #rest: Rest | null = null

  private constructor(options: ConnectionOptions, isAccepted: boolean) {
    const { socket, place, transport, limits } = options
    this.host = place.host
    this.port = place.port
    this.serverName = place.serverName ?? ''
    this.isAccepted = isAccepted
    this.clientIdentity = options.clientIdentity
    this.#socket = socket
    this.#options = options
    this.#phase = isAccepted ? 'silent' : 'connecting'
    this.#framer = new StreamFramer({ maxMessageBytes: limits.maxMessageBytes })
    this.#peer = { transport, ...place, connection: this }
    socket.on('data', (chunk) => this.#receive(chunk))
    // A half-open peer can take no answer we owe it, so its end is ours.
    socket.on('error', (error) => options.receiver.onSendError(error))
    socket.on('close', () => this.#closed())
  }

  static accepted(options: ConnectionOptions): StreamConnection {
    return new StreamConnection(options, true)
  }

  /** One that is being made; what is sent meanwhile waits in the socket's queue, and fails with it. */
  static opened(options: ConnectionOptions, madeEvent: 'connect' | 'secureConnect'): StreamConnection {
    const connection = new StreamConnection(options, false)
    options.socket.once(madeEvent, () => connection.#made())
    return connection
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  #made(): void {
    this.#phase = 'speaking'
    this.#usedMs = this.#heardMs = performance.now()
  }

  #receive(chunk: Buffer): void {
    const { receiver } = this.#options
    receiver.reading?.piece(this, chunk.length)
    if (!receiver.admits(this.host)) return this.close()
    const nowMs = performance.now()
    const input = this.#framer.push(chunk)
    this.#heardMs = nowMs
    if (input.messages.length > 0) {
      this.#phase = 'speaking'
      this.#usedMs = nowMs
      this.#partialMs = null
    }
    if (!this.#framer.isBetweenMessages) this.#partialMs ??= nowMs
    else this.#partialMs = null
    if (input.pongs > 0 && this.#pingedMs !== null) this.#isAnswered = true
    for (const message of input.messages) {
      if (isParseFailure(message)) receiver.onParseFailure(message, this.#peer)
      else receiver.onMessage(message, this.#peer)
    }
    // A flood of them is answered once a chunk: they all ask the same.
    if (input.pings > 0) this.#write(PONG, null)
    if (input.fatal !== null && this.#isOpen) {
      receiver.onParseFailure(input.fatal, this.#peer)
      this.#isOpen = false
      this.#socket.end()
      // The peer has a moment to read the answer, and no say in whether we close.
      this.#socket.setTimeout(1_000, () => this.#socket.destroy())
    }
    if (this.#isOpen) this.#rest ??= Rest.ifNeeded(this.#socket, this.host, receiver, () => this.#restIsOver())
  }

  #restIsOver(): void {
    this.#rest = null
    // What it sent meanwhile lay unread: it was not silent, nor was half a message all there was.
    this.#heardMs = performance.now()
    if (this.#partialMs !== null) this.#partialMs = this.#heardMs
  }

  send(text: string, onFailed: SendFailed | null): void {
    this.#usedMs = performance.now()
    this.#write(text, onFailed)
  }

  #write(text: string, onFailed: SendFailed | null): void {
    if (this.#socket.writableLength + text.length > this.#options.limits.maxQueueBytes) {
      this.#socket.destroy(new Error('the peer does not read what it is sent'))
    }
    if (onFailed === null) this.#socket.write(text, 'latin1')
    else this.#socket.write(text, 'latin1', (error) => (error ? onFailed.onSendFailed(error) : undefined))
  }

  keepAlive(everyMs: number, isAnswered: boolean): void {
    this.#keepAliveMs = everyMs
    this.#isAnswered ||= isAnswered
  }

  /** Whatever has taken too long ends it. */
  onSweep(nowMs: number): void {
    const { limits } = this.#options
    if (!this.#isOpen) return
    if (this.#phase === 'connecting') {
      if (nowMs - this.#sinceMs > limits.tcpConnectMs) this.#fail('connecting took too long')
    } else if (this.#phase === 'silent' && nowMs - this.#sinceMs > limits.tcpSilentMs) this.close()
    else if (this.#partialMs !== null && this.#rest === null && nowMs - this.#partialMs > limits.partialMessageMs)
      this.#fail('half a message was never ended')
    else if (nowMs - this.#usedMs > limits.tcpIdleMs) this.close()
    else if (!this.isAccepted && this.#rest === null) this.#ping(nowMs)
  }

  /** RFC 5626 §4.4.1. Who never said that it answers is pinged all the same: an empty line is no harm to it (RFC 3261 §7.5). */
  #ping(nowMs: number): void {
    const { limits } = this.#options
    if (this.#pingedMs !== null) {
      if (this.#heardMs >= this.#pingedMs) this.#pingedMs = null
      else if (nowMs - this.#pingedMs > limits.pongMs) {
        if (this.#isAnswered) return this.#fail('the peer no longer answers keep-alives')
        this.#pingedMs = null
        this.#heardMs = nowMs
      }
      return
    }
    const everyMs = this.#keepAliveMs || (this.dialogs > 0 ? limits.keepAliveMs : 0)
    if (everyMs === 0 || nowMs - Math.max(this.#usedMs, this.#heardMs) < everyMs) return
    this.#pingedMs = nowMs
    this.#write(PING, null)
  }

  #fail(why: string): void {
    this.#isOpen = false
    this.#socket.destroy(new Error(why))
  }

  close(): void {
    this.#isOpen = false
    this.#socket.destroy()
  }

  #closed(): void {
    this.#isOpen = false
    this.#rest?.stop()
    this.#options.onClose(this)
  }
}
