import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import type { TLSSocket } from 'node:tls'
import { ConnectionQuota } from './connection-quota.ts'
import { sweepRoundMs } from './limits.ts'
import type { SipServerLimits } from './limits.ts'
import { StreamConnection } from './stream-connection.ts'
import { Sweep } from './sweep.ts'
import type { TlsContext } from './tls-context.ts'
import { clientIdentityOf, provesHost } from './tls-identity.ts'
import { isWildcard, listenOn } from './transport.ts'
import type { Connection, ListenOptions, Peer, Receiver, SendFailed, Transport } from './transport.ts'

/** The kernel asks a silent peer after this time whether it still lives. */
export const KEEP_ALIVE_MS = 60_000
const SOCKET_OPTIONS = { noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS } as const

/** SIP over TCP or TLS (RFC 3261 §18, §26.3.1): connections are reused in both directions, one for each remote address and port. */
export class StreamTransport implements Transport {
  readonly name: 'tcp' | 'tls'
  readonly isReliable = true
  readonly host: string
  readonly port: number
  readonly #server: Server
  readonly #tls: TlsContext | null
  readonly #receiver: Receiver
  readonly #limits: SipServerLimits
  readonly #quota: ConnectionQuota
  readonly #sweep: Sweep<StreamConnection>
  /** By remote address and port and, over TLS, the name it proved. */
  readonly #byPlace = new Map<string, StreamConnection>()
  /** By address and the port of a sent-by that its connection may stand for (RFC 5923). */
  readonly #aliases = new Map<string, StreamConnection>()
  #isClosed = false

  private constructor(
    server: Server,
    bound: AddressInfo,
    receiver: Receiver,
    limits: SipServerLimits,
    tls: TlsContext | null,
  ) {
    this.name = tls === null ? 'tcp' : 'tls'
    this.host = bound.address
    this.port = bound.port
    this.#server = server
    this.#tls = tls
    this.#receiver = receiver
    this.#limits = limits
    const maxConnections = tls === null ? limits.maxTcpConnections : limits.maxTlsConnections
    // Carriers keep a quarter, whoever else connects.
    this.#quota = new ConnectionQuota({ ...limits, maxConnections, reserved: Math.floor(maxConnections / 4) })
    this.#sweep = new Sweep(sweepRoundMs(limits))
    server.on('connection', (socket: Socket) => {
      if (this.#isClosed || !this.#quota.admit(socket, receiver)) socket.destroy()
      else if (tls === null) this.#accept(socket, null)
    })
    if (tls !== null) this.#serveTls(server, tls)
    server.on('error', (error) => receiver.onSendError(error))
  }

  #serveTls(server: Server, tls: TlsContext): void {
    server.on('secureConnection', (socket: TLSSocket) =>
      this.#accept(socket, tls.asksClients ? clientIdentityOf(socket) : null),
    )
    // Peers that speak no TLS, or give up half-way: theirs to mend, ours to count.
    server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: TLSSocket) => {
      const { remoteAddress } = socket
      socket.destroy()
      // A health check that only connects is no offence.
      if (remoteAddress === undefined || error.code === 'ECONNRESET') return
      const peer: Peer = { transport: this, host: remoteAddress, port: 0, connection: null }
      this.#receiver.onParseFailure({ status: null, reason: 'TLS handshake failed', partial: null }, peer)
    })
  }

  /** Listens. Rejects with a `ListenError`. */
  static async listen(
    options: ListenOptions,
    receiver: Receiver,
    limits: SipServerLimits,
    tls: TlsContext | null,
  ): Promise<StreamTransport> {
    let server: Server
    if (tls === null) server = createServer(SOCKET_OPTIONS)
    else {
      const secure = createTlsServer({
        ...SOCKET_OPTIONS,
        ...tls.server,
        requestCert: tls.asksClients,
        // Carriers without a certificate still come by their address or a password.
        rejectUnauthorized: false,
        handshakeTimeout: limits.handshakeMs,
      })
      tls.onReplaced((certificates) => secure.setSecureContext(certificates))
      server = secure
    }
    return new StreamTransport(server, await listenOn(server, options), receiver, limits, tls)
  }

  get connectionCount(): number {
    return this.#sweep.size
  }

  #accept(socket: Socket, clientIdentity: string | null): void {
    const { remoteAddress, remotePort } = socket
    if (remoteAddress === undefined || remotePort === undefined) return void socket.destroy()
    const place = { host: remoteAddress, port: remotePort }
    this.#adopt(StreamConnection.accepted({ ...this.#connectionOptions(), socket, place, clientIdentity }))
  }

  #connectionOptions() {
    return {
      transport: this,
      receiver: this.#receiver,
      limits: this.#limits,
      onClose: (closed: StreamConnection) => this.#forget(closed),
    }
  }

  #adopt(connection: StreamConnection): StreamConnection {
    this.#byPlace.set(keyOf(connection), connection)
    this.#sweep.add(connection)
    return connection
  }

  #forget(connection: StreamConnection): void {
    const key = keyOf(connection)
    if (this.#byPlace.get(key) === connection) this.#byPlace.delete(key)
    if (connection.aliasKey !== null && this.#aliases.get(connection.aliasKey) === connection)
      this.#aliases.delete(connection.aliasKey)
    this.#sweep.delete(connection)
    this.#receiver.onConnectionClosed(connection)
  }

  /** RFC 5923 §8: over TLS the certificate must prove the name; over TCP the address must be the one it came from. */
  alias(connection: Connection, sentByHost: string, sentByPort: number | null): void {
    if (!(connection instanceof StreamConnection) || !connection.isAccepted || connection.aliasKey !== null) return
    const host = sentByHost.replace(/^\[|\]$/g, '')
    const { clientIdentity } = connection
    const isProven =
      this.#tls === null ? host === connection.host : clientIdentity !== null && provesHost(clientIdentity, host)
    if (!isProven) return
    connection.aliasKey = `${connection.host} ${sentByPort ?? (this.#tls === null ? 5060 : 5061)}`
    this.#aliases.set(connection.aliasKey, connection)
  }

  send(text: string, peer: Peer, onFailed: SendFailed | null): void {
    const connection = this.#find(peer)
    if (connection !== null) {
      connection.send(text, onFailed)
      return
    }
    const error = new Error(this.#isClosed ? 'the transport is closed' : `too many ${this.name} connections`)
    this.#receiver.onSendError(error)
    if (onFailed !== null) queueMicrotask(() => onFailed.onSendFailed(error))
  }

  /** The connection the peer came over, another to the same place, or a new one. */
  #find(peer: Peer): StreamConnection | null {
    if (peer.connection instanceof StreamConnection && peer.connection.isOpen) return peer.connection
    const serverName = this.#tls === null ? '' : (peer.serverName ?? peer.host)
    const existing = this.#byPlace.get(keyOf({ ...peer, serverName })) ?? this.#aliasFor(peer, serverName)
    if (existing !== undefined && existing.isOpen) return existing
    if (this.#isClosed || !this.#quota.enter(peer.host)) return null
    return this.#open({ host: peer.host, port: peer.port, serverName })
  }

  #aliasFor({ host, port }: Peer, serverName: string): StreamConnection | undefined {
    const found = this.#aliases.get(`${host} ${port}`)
    if (found === undefined || this.#tls === null) return found
    return provesHost(found.clientIdentity ?? '', serverName.replace(/^\[|\]$/g, '')) ? found : undefined
  }

  #open(place: { host: string; port: number; serverName: string }): StreamConnection {
    const { host, port, serverName } = place
    const from = isWildcard(this.host) ? {} : { localAddress: this.host }
    const socket =
      this.#tls === null
        ? connect({ host, port, ...from })
        : connectTls({ host, port, ...from, ...this.#tls.client(serverName) })
    socket.setNoDelay(true)
    socket.setKeepAlive(true, KEEP_ALIVE_MS)
    socket.once('close', () => this.#quota.leave(host))
    const options = { ...this.#connectionOptions(), socket, place, clientIdentity: null }
    return this.#adopt(StreamConnection.opened(options, this.#tls === null ? 'connect' : 'secureConnect'))
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#server.close()
    for (const connection of this.#sweep.members()) connection.close()
    this.#sweep.stop()
    await once(this.#server, 'close')
  }
}

function keyOf({ host, port, serverName }: { host: string; port: number; serverName: string }): string {
  return serverName === '' ? `${host} ${port}` : `${host} ${port} ${serverName.toLowerCase()}`
}
