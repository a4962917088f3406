import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import type { Application, ApplicationRouter } from './application.ts'
import { ControlConnection } from './control-connection.ts'
import type { ApplicationDirectory, SipActions } from './control-connection.ts'
import type { SipServerLimits } from './limits.ts'
import { Routes } from './routes.ts'
import { KEEP_ALIVE_MS } from './stream-transport.ts'
import { boundTo, explainListenError } from './transport.ts'

export interface ControlOptions {
  readonly host: string
  /** 0 asks for a free one. */
  readonly port: number
  /** What an application must say to be let in. */
  readonly secret: string
}

/** The control port: applications connect here (drachtio's "admin" port, 9022 by habit). */
export class ControlServer implements ApplicationRouter, ApplicationDirectory {
  readonly port: number
  readonly #server: Server
  readonly #options: ControlOptions
  readonly #limits: SipServerLimits
  readonly #connections = new Set<ControlConnection>()
  readonly #byMethod = new Routes<ControlConnection>()
  readonly #byTag = new Routes<ControlConnection>()
  #actions: SipActions | null = null
  #greeting = ''

  private constructor(server: Server, options: ControlOptions, limits: SipServerLimits) {
    this.port = boundTo(server).port
    this.#server = server
    this.#options = options
    this.#limits = limits
    server.on('connection', (socket) => this.#accept(socket))
  }

  /** Listens. Rejects with an error that names host and port. */
  static async listen(options: ControlOptions, limits: SipServerLimits): Promise<ControlServer> {
    const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS })
    try {
      server.listen({ host: options.host, port: options.port, exclusive: true })
      await once(server, 'listening')
    } catch (error) {
      const why = explainListenError(error)
      throw new Error(`cannot listen for applications over tcp on ${options.host} port ${options.port}: ${why}`, {
        cause: error,
      })
    }
    return new ControlServer(server, options, limits)
  }

  /** Begins to serve: until then whoever connects is turned away. */
  serve(actions: SipActions, greeting: string): void {
    this.#actions = actions
    this.#greeting = greeting
  }

  get connectionCount(): number {
    return this.#connections.size
  }

  /** Every method that somebody wants. */
  routes(): string[] {
    return this.#byMethod.names()
  }

  #accept(socket: Socket): void {
    if (this.#actions === null || this.#connections.size >= this.#limits.maxApplications) {
      socket.destroy()
      return
    }
    const connection = new ControlConnection(socket, {
      secret: this.#options.secret,
      limits: this.#limits,
      actions: this.#actions,
      greeting: this.#greeting,
      directory: this,
    })
    this.#connections.add(connection)
  }

  enter(connection: ControlConnection): void {
    for (const tag of connection.tags.tags) this.#byTag.add(tag, connection, connection.tags.weight)
  }

  want(connection: ControlConnection, method: string): void {
    this.#byMethod.add(method, connection, connection.tags.weight)
  }

  unwant(connection: ControlConnection, method: string): void {
    this.#byMethod.remove(method, connection)
  }

  leave(connection: ControlConnection): void {
    for (const method of connection.routes) this.#byMethod.remove(method, connection)
    for (const tag of connection.tags.tags) this.#byTag.remove(tag, connection)
  }

  closed(connection: ControlConnection): void {
    this.#connections.delete(connection)
  }

  route(method: string): Application | null {
    return this.#byMethod.next(method)
  }

  routeToTag(tag: string): Application | null {
    return this.#byTag.next(tag)
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return
    this.#server.close()
    for (const connection of this.#connections) connection.close()
    await once(this.#server, 'close')
  }
}
