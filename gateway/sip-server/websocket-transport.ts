import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerOptions } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { WebSocketServer } from 'ws'
import type { Server as WebSocketUpgrader } from 'ws'
import { ConnectionQuota } from './connection-quota.ts'
import { sweepRoundMs } from './limits.ts'
import type { SipServerLimits } from './limits.ts'
import { Sweep } from './sweep.ts'
import type { TlsContext } from './tls-context.ts'
import { listenOn } from './transport.ts'
import type { ListenOptions, Peer, Receiver, SendFailed, Transport } from './transport.ts'
import { SipWebSocket, WebSocketConnection } from './websocket-connection.ts'
import type { WebSocketHome } from './websocket-connection.ts'

/** The WebSocket subprotocol of SIP (RFC 7118 §4). */
const SUBPROTOCOL = 'sip'
const MAX_UPGRADE_BYTES = 8_192

export interface WebSocketOptions {
  /** The Origin headers that pages may come from; empty: all. A client that sends none is no browser. */
  readonly origins: readonly string[]
}

/** SIP over WebSocket, plain or over TLS (RFC 7118). We only listen: clients connect, and are reached over what they opened. */
export class WebSocketTransport implements Transport, WebSocketHome {
  readonly name: 'ws' | 'wss'
  readonly isReliable = true
  readonly host: string
  readonly port: number
  readonly transport = this
  readonly receiver: Receiver
  readonly limits: SipServerLimits
  readonly #server: Server
  readonly #upgrader: WebSocketUpgrader<typeof SipWebSocket>
  readonly #origins: ReadonlySet<string>
  readonly #sweep: Sweep<WebSocketConnection>
  #isClosed = false

  private constructor(
    name: 'ws' | 'wss',
    server: Server,
    bound: AddressInfo,
    receiver: Receiver,
    limits: SipServerLimits,
    options: WebSocketOptions,
  ) {
    this.name = name
    this.host = bound.address
    this.port = bound.port
    this.receiver = receiver
    this.limits = limits
    this.#server = server
    this.#origins = new Set(options.origins.map((each) => each.toLowerCase()))
    this.#upgrader = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      WebSocket: SipWebSocket,
      perMessageDeflate: false,
      maxPayload: limits.maxMessageBytes,
      handleProtocols: () => SUBPROTOCOL,
    })
    this.#sweep = new Sweep(sweepRoundMs(limits))
    const quota = new ConnectionQuota({ ...limits, maxConnections: limits.maxWebSocketConnections })
    server.on('connection', (socket: Socket) => {
      if (this.#isClosed || !quota.admit(socket, receiver)) socket.destroy()
    })
    server.on('upgrade', (request, socket: Socket, head) => this.#upgrade(request, socket, head))
    server.on('request', (_request, response) => {
      response.writeHead(426, { Upgrade: 'websocket', Connection: 'close' }).end('SIP over WebSocket (RFC 7118) only\n')
    })
    server.on('clientError', (_error, socket) => void socket.destroy())
    server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: Socket) => {
      // A health check that only connects is no offence.
      if (error.code !== 'ECONNRESET') this.#refused('TLS handshake failed', socket)
      socket.destroy()
    })
    server.on('error', (error) => receiver.onSendError(error))
  }

  /** Listens; with a TLS context as `wss`. Rejects with a `ListenError`. */
  static async listen(
    listen: ListenOptions,
    receiver: Receiver,
    limits: SipServerLimits,
    tls: TlsContext | null,
    options: WebSocketOptions,
  ): Promise<WebSocketTransport> {
    const http: ServerOptions = {
      noDelay: true,
      maxHeaderSize: MAX_UPGRADE_BYTES,
      headersTimeout: limits.handshakeMs,
      requestTimeout: limits.handshakeMs,
      connectionsCheckingInterval: Math.max(20, limits.handshakeMs / 4),
      keepAliveTimeout: 1,
    }
    let server: Server
    if (tls === null) server = createServer(http)
    else {
      const secure = createSecureServer({ ...http, ...tls.server, handshakeTimeout: limits.handshakeMs })
      tls.onReplaced((certificates) => secure.setSecureContext(certificates))
      server = secure
    }
    const bound = await listenOn(server, listen)
    return new WebSocketTransport(tls === null ? 'ws' : 'wss', server, bound, receiver, limits, options)
  }

  get connectionCount(): number {
    return this.#sweep.size
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    socket.on('error', ignore)
    const { origin } = request.headers
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((each) => each.trim())
    if (!offered.includes(SUBPROTOCOL)) return this.#refuse(socket, 400, 'the WebSocket subprotocol must be sip')
    if (origin !== undefined && this.#origins.size > 0 && !this.#origins.has(origin.toLowerCase()))
      return this.#refuse(socket, 403, 'pages of this origin may not connect')
    this.#upgrader.handleUpgrade(request, socket, head, (webSocket) => {
      socket.off('error', ignore)
      this.#sweep.add(new WebSocketConnection(webSocket, socket, readOrigin(origin), this))
    })
  }

  #refuse(socket: Socket, status: 400 | 403, why: string): void {
    this.#refused(why, socket)
    const reason = status === 400 ? 'Bad Request' : 'Forbidden'
    socket.end(
      `HTTP/1.1 ${status} ${reason}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${why.length}\r\n\r\n${why}`,
    )
    socket.setTimeout(1_000, () => socket.destroy())
  }

  #refused(reason: string, socket: Socket): void {
    const peer: Peer = { transport: this, host: socket.remoteAddress ?? '', port: 0, connection: null }
    this.receiver.onParseFailure({ status: null, reason, partial: null }, peer)
  }

  forget(connection: WebSocketConnection): void {
    this.#sweep.delete(connection)
    this.receiver.onConnectionClosed(connection)
  }

  send(text: string, peer: Peer, onFailed: SendFailed | null): void {
    if (peer.connection instanceof WebSocketConnection && peer.connection.isOpen) {
      peer.connection.send(text, onFailed)
      return
    }
    const error = new Error('a WebSocket client is reached only over the connection it has opened')
    this.receiver.onSendError(error)
    if (onFailed !== null) queueMicrotask(() => onFailed.onSendFailed(error))
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    for (const connection of this.#sweep.members()) connection.close()
    this.#sweep.stop()
    await closed
  }
}

/** An Origin as it may stand in a header of ours: what is too long or odd to be one is none. */
function readOrigin(value: string | undefined): string | null {
  if (value === undefined) return null
  return /^[\w.:/[\]-]{1,256}$/.test(value) ? value : 'null' // As RFC 6454 §7.3 writes an origin that is nobody's.
}

function ignore(): void {}
