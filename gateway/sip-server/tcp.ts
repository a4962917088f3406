import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import type { SipServerLimits } from './limits.ts'
import { KEEP_ALIVE_MS, TcpConnection } from './tcp-connection.ts'
import { boundTo, ListenError } from './transport.ts'
import type { ListenOptions, Peer, Receiver, SendFailed, Transport } from './transport.ts'

/** SIP over TCP (RFC 3261 §18): connections are reused in both directions, one for each remote address and port. */
export class TcpTransport implements Transport {
  readonly name = 'tcp'
  readonly isReliable = true
  readonly host: string
  readonly port: number
  readonly #server: Server
  readonly #receiver: Receiver
  readonly #limits: SipServerLimits
  readonly #connections = new Map<string, TcpConnection>()
  #isClosed = false

  private constructor(server: Server, receiver: Receiver, limits: SipServerLimits) {
    const address = boundTo(server)
    this.host = address.address
    this.port = address.port
    this.#server = server
    this.#receiver = receiver
    this.#limits = limits
    server.on('connection', (socket) => this.#accept(socket))
    server.on('error', (error) => receiver.onSendError(error))
  }

  /** Listens. Rejects with a `ListenError`. */
  static async listen(options: ListenOptions, receiver: Receiver, limits: SipServerLimits): Promise<TcpTransport> {
    const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS })
    try {
      server.listen({ port: options.port, host: options.host, exclusive: true })
      await once(server, 'listening')
    } catch (error) {
      throw new ListenError(options, error)
    }
    return new TcpTransport(server, receiver, limits)
  }

  get connectionCount(): number {
    return this.#connections.size
  }

  #accept(socket: Socket): void {
    const { remoteAddress, remotePort } = socket
    const isWelcome = remoteAddress !== undefined && this.#hasRoom() && this.#receiver.admits(remoteAddress)
    if (!isWelcome || remotePort === undefined) {
      socket.destroy()
      return
    }
    this.#adopt(TcpConnection.accepted(this, socket, { host: remoteAddress, port: remotePort }, this.#options()))
  }

  #hasRoom(): boolean {
    return !this.#isClosed && this.#connections.size < this.#limits.maxTcpConnections
  }

  #options() {
    return { receiver: this.#receiver, limits: this.#limits, onClose: (closed: TcpConnection) => this.#forget(closed) }
  }

  #adopt(connection: TcpConnection): TcpConnection {
    this.#connections.set(keyOf(connection.host, connection.port), connection)
    return connection
  }

  #forget(connection: TcpConnection): void {
    const key = keyOf(connection.host, connection.port)
    if (this.#connections.get(key) === connection) this.#connections.delete(key)
  }

  send(text: string, peer: Peer, onFailed: SendFailed | null): void {
    const connection = this.#find(peer)
    if (connection !== null) {
      connection.send(text, onFailed)
      return
    }
    const error = new Error(this.#isClosed ? 'the transport is closed' : 'too many TCP connections')
    this.#receiver.onSendError(error)
    if (onFailed !== null) queueMicrotask(() => onFailed.onSendFailed(error))
  }

  /** The connection the peer came over, another to the same place, or a new one. */
  #find(peer: Peer): TcpConnection | null {
    if (peer.connection instanceof TcpConnection && peer.connection.isOpen) return peer.connection
    const existing = this.#connections.get(keyOf(peer.host, peer.port))
    if (existing !== undefined && existing.isOpen) return existing
    if (!this.#hasRoom()) return null
    const from = this.host === '0.0.0.0' || this.host === '::' ? null : this.host
    return this.#adopt(TcpConnection.opened(this, { host: peer.host, port: peer.port }, from, this.#options()))
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#server.close()
    for (const connection of this.#connections.values()) connection.close()
    await once(this.#server, 'close')
  }
}

function keyOf(host: string, port: number): string {
  return `${host} ${port}`
}
