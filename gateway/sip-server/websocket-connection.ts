import { isUtf8 } from 'node:buffer'
import type { Socket } from 'node:net'
import { WebSocket } from 'ws'
import type { RawData } from 'ws'
import type { SipServerLimits } from './limits.ts'
import type { Connection, Peer, Receiver, SendFailed, Transport } from './transport.ts'
import { Rest } from './resting.ts'
import { isParseFailure, parseMessage } from './wire-format.ts'

const PONG = Buffer.from('\r\n')

/** A WebSocket that knows whose it is: its handlers are the same few functions for all of them. */
export class SipWebSocket extends WebSocket {
  connection: WebSocketConnection | null = null
}

export interface WebSocketHome {
  readonly transport: Transport
  readonly receiver: Receiver
  readonly limits: SipServerLimits
  forget(connection: WebSocketConnection): void
}

/** One client that speaks SIP over WebSocket (RFC 7118): a message a frame, text or binary. There may be 100,000: it holds little. */
export class WebSocketConnection implements Connection {
  readonly isAccepted = true
  readonly clientIdentity = null
  readonly origin: string | null
  dialogs = 0
  bindings: Set<string> | null = null
  readonly #webSocket: SipWebSocket
  readonly #socket: Socket
  readonly #home: WebSocketHome
  readonly #peer: Peer
  #hasSpoken = false
  #isOpen = true
  readonly #sinceMs = performance.now()
  #usedMs = this.#sinceMs
  #heardMs = this.#sinceMs
  #pingedMs = 0
  /** How much had been read when the last frame ended, and since when there is more. */
  #framedBytes = 0
  #partialMs = 0
  /** While it is not read. */
  #rest: Rest | null = null

  constructor(webSocket: SipWebSocket, socket: Socket, origin: string | null, home: WebSocketHome) {
    this.origin = origin
    this.#webSocket = webSocket
    this.#socket = socket
    this.#home = home
    this.#peer = {
      transport: home.transport,
      host: socket.remoteAddress ?? '',
      port: socket.remotePort ?? 0,
      connection: this,
    }
    this.#framedBytes = socket.bytesRead
    webSocket.connection = this
    webSocket.on('message', onMessage)
    webSocket.on('ping', onHeard)
    webSocket.on('pong', onHeard)
    webSocket.on('error', onError)
    webSocket.on('close', onClose)
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  receive(bytes: Buffer): void {
    const { receiver } = this.#home
    receiver.reading?.piece(this, bytes.length)
    if (!receiver.admits(this.#peer.host)) return this.close()
    this.heard()
    if (!this.#isOpen) return
    // RFC 5626 §3.5.1, which RFC 7118 §6 allows here too: a browser cannot send a ping of its own.
    if (bytes.length <= 4 && bytes.every((byte) => byte === 13 || byte === 10)) {
      if (bytes.length === 4) this.#webSocket.send(PONG, { binary: false })
      return
    }
    this.#usedMs = this.#heardMs
    const message = parseMessage(bytes.toString('latin1'))
    if (isParseFailure(message)) receiver.onParseFailure(message, this.#peer)
    else {
      this.#hasSpoken = true
      receiver.onMessage(message, this.#peer)
    }
    if (this.#isOpen) this.#rest ??= Rest.ifNeeded(this.#webSocket, this.#peer.host, receiver, () => this.#restIsOver())
  }

  #restIsOver(): void {
    this.#rest = null
    // What it sent meanwhile lay unread: it was not silent, nor was half a message all there was.
    this.#heardMs = performance.now()
    this.#partialMs = 0
  }

  heard(): void {
    // Every ping of either kind is answered: whoever sends them and reads nothing must not fill our memory with pongs.
    if (this.#webSocket.bufferedAmount > this.#home.limits.maxQueueBytes) {
      this.#home.receiver.onSendError(new Error('the peer does not read what it is sent'))
      return this.close()
    }
    this.#heardMs = performance.now()
    this.#framedBytes = this.#socket.bytesRead
    this.#partialMs = 0
  }

  send(text: string, onFailed: SendFailed | null): void {
    if (this.#webSocket.bufferedAmount + text.length > this.#home.limits.maxQueueBytes) {
      this.#home.receiver.onSendError(new Error('the peer does not read what it is sent'))
      if (onFailed !== null) queueMicrotask(() => onFailed.onSendFailed(new Error('the peer does not read')))
      this.close()
      return
    }
    this.#usedMs = performance.now()
    const bytes = Buffer.from(text, 'latin1')
    // Browsers end a connection on a text frame that is no UTF-8.
    const options = { binary: !isUtf8(bytes) }
    if (onFailed === null) this.#webSocket.send(bytes, options)
    else this.#webSocket.send(bytes, options, (error) => (error ? onFailed.onSendFailed(error) : undefined))
  }

  /** Clients keep their connections alive, and so do we: nothing is to be agreed. */
  keepAlive(): void {}

  onSweep(nowMs: number): void {
    const { limits } = this.#home
    if (!this.#isOpen) return
    if (!this.#hasSpoken && nowMs - this.#sinceMs > limits.tcpSilentMs) return this.close()
    if (nowMs - this.#usedMs > limits.tcpIdleMs && this.bindings === null && this.dialogs === 0) return this.close()
    if (this.#rest !== null) return
    if (this.#socket.bytesRead > this.#framedBytes) {
      if (this.#partialMs === 0) this.#partialMs = nowMs
      else if (nowMs - this.#partialMs > limits.partialMessageMs) return this.close()
    }
    if (this.#pingedMs > this.#heardMs) {
      if (nowMs - this.#pingedMs > limits.pongMs) this.close()
    } else if (nowMs - this.#heardMs > limits.webSocketPingMs) {
      this.#pingedMs = nowMs
      this.#webSocket.ping()
    }
  }

  failed(): void {
    this.#isOpen = false
    // The peer has a moment to read why, and no say in whether we close.
    this.#socket.setTimeout(1_000, () => this.#socket.destroy())
    // Frames that are too large, unmasked or malformed: `ws` has told the peer why, and closes.
    this.#home.receiver.onParseFailure({ status: null, reason: 'Malformed WebSocket frame', partial: null }, this.#peer)
  }

  close(): void {
    this.#isOpen = false
    this.#webSocket.terminate()
  }

  closed(): void {
    this.#isOpen = false
    this.#rest?.stop()
    this.#home.forget(this)
  }
}

function onMessage(this: WebSocket, data: RawData): void {
  if (this instanceof SipWebSocket && Buffer.isBuffer(data)) this.connection?.receive(data)
}

function onHeard(this: WebSocket): void {
  if (this instanceof SipWebSocket) this.connection?.heard()
}

function onError(this: WebSocket): void {
  if (this instanceof SipWebSocket) this.connection?.failed()
}

function onClose(this: WebSocket): void {
  if (this instanceof SipWebSocket) this.connection?.closed()
}
