import { connect as connectTcp } from 'node:net'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { ControlConnection } from './control-connection.ts'
import type { ApplicationDirectory, SipActions } from './control-connection.ts'
import type { ApplicationAddress } from './handler-answer.ts'
import type { SipServerLimits } from './limits.ts'
import { KEEP_ALIVE_MS } from './stream-transport.ts'

interface OutboundOptions {
  readonly secret: string
  readonly limits: SipServerLimits
  readonly actions: SipActions
  readonly greeting: string
}

/** Connections we made to applications (`srf.listen`), one for each request: they carry that request and what comes of it. */
export class OutboundConnections implements ApplicationDirectory {
  readonly #options: OutboundOptions
  readonly #waiting = new Map<ControlConnection, PromiseWithResolvers<ControlConnection>>()
  readonly #connections = new Set<ControlConnection>()

  constructor(options: OutboundOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#connections.size
  }

  /** Connects, and resolves when the application has authenticated itself. Rejects when that does not come about in time. */
  connect(address: ApplicationAddress, verifyPeer: boolean): Promise<ControlConnection> {
    const { limits } = this.#options
    if (this.#connections.size >= limits.maxOutboundConnections)
      return Promise.reject(new Error('too many connections to applications'))
    const { host, port } = address
    const socket: Socket = address.isTls
      ? connectTls({ host, port, rejectUnauthorized: verifyPeer })
      : connectTcp({ host, port })
    socket.setNoDelay(true)
    socket.setKeepAlive(true, KEEP_ALIVE_MS)
    const timer = setTimeout(() => socket.destroy(), limits.outboundConnectMs)
    socket.once(address.isTls ? 'secureConnect' : 'connect', () => clearTimeout(timer))
    socket.once('close', () => clearTimeout(timer))
    const connection = new ControlConnection(socket, {
      ...this.#options,
      directory: this,
      place: `${host}:${port}`,
    })
    const waiter = Promise.withResolvers<ControlConnection>()
    this.#connections.add(connection)
    this.#waiting.set(connection, waiter)
    return waiter.promise
  }

  enter(connection: ControlConnection): void {
    this.#waiting.get(connection)?.resolve(connection)
    this.#waiting.delete(connection)
  }

  /** No request is routed to it: it has its own. */
  want(): void {}

  unwant(): void {}

  leave(): void {}

  closed(connection: ControlConnection): void {
    this.#connections.delete(connection)
    this.#waiting.get(connection)?.reject(new Error('the application did not accept the call'))
    this.#waiting.delete(connection)
  }

  close(): void {
    for (const connection of this.#connections) connection.close()
  }
}
