import type { Application, ApplicationRouter } from './application.ts'
import type { ApplicationDirectory, ControlConnection } from './control-connection.ts'
import { METHODS } from './methods.ts'
import { Routes } from './routes.ts'

/** The applications that have connected to us: who wants which requests, and whose turn it is. */
export class Applications implements ApplicationRouter, ApplicationDirectory {
  readonly #connections = new Set<ControlConnection>()
  readonly #byMethod = new Routes<ControlConnection>()
  /** SIP methods that somebody has asked for since the start: whoever did may only be away. */
  readonly #served = new Set<string>()
  readonly #byTag = new Routes<ControlConnection>()

  get size(): number {
    return this.#connections.size
  }

  /** One that has just connected; it counts among them until its socket is gone. */
  add(connection: ControlConnection): void {
    this.#connections.add(connection)
  }

  enter(connection: ControlConnection): void {
    for (const tag of connection.tags.tags) this.#byTag.add(tag, connection, connection.tags.weight)
  }

  want(connection: ControlConnection, method: string): void {
    this.#byMethod.add(method, connection, connection.tags.weight)
    if (METHODS.has(method.toUpperCase())) this.#served.add(method)
  }

  unwant(connection: ControlConnection, method: string): void {
    this.#byMethod.remove(method, connection)
    if (!this.routes().includes(method)) this.#served.delete(method)
  }

  leave(connection: ControlConnection): void {
    for (const method of connection.routes) this.#byMethod.remove(method, connection)
    for (const tag of connection.tags.tags) this.#byTag.remove(tag, connection)
  }

  closed(connection: ControlConnection): void {
    this.#connections.delete(connection)
  }

  /** Every method that somebody wants. */
  routes(): string[] {
    return this.#byMethod.names()
  }

  route(method: string): Application | null {
    return this.#byMethod.next(method)
  }

  isForeign(method: string): boolean {
    return !this.#served.has(method) && this.routes().some((name) => METHODS.has(name.toUpperCase()))
  }

  routeToTag(tag: string): Application | null {
    return this.#byTag.next(tag)
  }

  close(): void {
    for (const connection of this.#connections) connection.close()
  }
}
