import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { Server as TlsServer } from 'node:tls'
import { Applications } from './applications.ts'
import { ControlConnection } from './control-connection.ts'
import type { SipActions } from './control-connection.ts'
import type { SipServerLimits } from './limits.ts'
import type { ApplicationAddress } from './handler-answer.ts'
import { OutboundConnections } from './outbound-connections.ts'
import { KEEP_ALIVE_MS } from './stream-transport.ts'
import { boundTo, explainListenError } from './transport.ts'

export interface ControlOptions {
  readonly host: string
  /** 0 asks for a free one. */
  readonly port: number
  /** What an application must say to be let in. */
  readonly secret: string
  /** A second port, over TLS: certificate and key in PEM. */
  readonly tls?: { readonly port: number; readonly cert: string; readonly key: string }
}

/** The control port: applications connect here (drachtio's "admin" port, 9022 by habit). */
export class ControlServer {
  readonly port: number
  readonly applications = new Applications()
  readonly #servers: readonly Server[]
  readonly #tlsServer: TlsServer | null
  readonly #options: ControlOptions
  readonly #limits: SipServerLimits
  #actions: SipActions | null = null
  #greeting = ''
  #outbound: OutboundConnections | null = null

  private constructor(server: Server, tlsServer: TlsServer | null, options: ControlOptions, limits: SipServerLimits) {
    this.port = boundTo(server).port
    this.#servers = tlsServer === null ? [server] : [server, tlsServer]
    this.#tlsServer = tlsServer
    this.#options = options
    this.#limits = limits
    server.on('connection', (socket) => this.#accept(socket))
    tlsServer?.on('secureConnection', (socket) => this.#accept(socket))
  }

  /** Listens. Rejects with an error that names host and port. */
  static async listen(options: ControlOptions, limits: SipServerLimits): Promise<ControlServer> {
    const { host, port, tls } = options
    const behaviour = { noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS }
    const server = createServer(behaviour)
    await open(server, host, port, 'tcp')
    if (tls === undefined) return new ControlServer(server, null, options, limits)
    const tlsServer = createTlsServer({ ...behaviour, cert: tls.cert, key: tls.key })
    try {
      await open(tlsServer, host, tls.port, 'tls')
    } catch (error) {
      server.close()
      throw error
    }
    return new ControlServer(server, tlsServer, options, limits)
  }

  /** New connections over TLS get this one. False when there is no such port. */
  replaceCertificate({ cert, key }: { readonly cert: string; readonly key: string }): boolean {
    this.#tlsServer?.setSecureContext({ cert, key })
    return this.#tlsServer !== null
  }

  /** Begins to serve: until then whoever connects is turned away. */
  serve(actions: SipActions, greeting: string): void {
    this.#actions = actions
    this.#greeting = greeting
    const { secret } = this.#options
    this.#outbound = new OutboundConnections({ secret, limits: this.#limits, actions, greeting })
  }

  get connectionCount(): number {
    return this.applications.size + (this.#outbound?.size ?? 0)
  }

  #accept(socket: Socket): void {
    if (this.#actions === null || this.applications.size >= this.#limits.maxApplications) {
      socket.destroy()
      return
    }
    const connection = new ControlConnection(socket, {
      secret: this.#options.secret,
      limits: this.#limits,
      actions: this.#actions,
      greeting: this.#greeting,
      directory: this.applications,
    })
    this.applications.add(connection)
  }

  /** Connects to an application that listens (`srf.listen`). Rejects when it does not authenticate itself in time. */
  connect(address: ApplicationAddress, verifyPeer: boolean): Promise<ControlConnection> {
    return this.#outbound?.connect(address, verifyPeer) ?? Promise.reject(new Error('the server is only starting'))
  }

  async close(): Promise<void> {
    if (!this.#servers[0]!.listening) return
    const closed = this.#servers.map((server) => once(server, 'close'))
    for (const server of this.#servers) server.close()
    this.applications.close()
    this.#outbound?.close()
    await Promise.all(closed)
  }
}

async function open(server: Server, host: string, port: number, transport: string): Promise<void> {
  try {
    server.listen({ host, port, exclusive: true })
    await once(server, 'listening')
  } catch (error) {
    const why = explainListenError(error)
    throw new Error(`cannot listen for applications over ${transport} on ${host} port ${port}: ${why}`, {
      cause: error,
    })
  }
}
