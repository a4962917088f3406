import type { Socket } from 'node:net'
import { isLoopback } from './transport.ts'
import type { Receiver } from './transport.ts'

interface QuotaLimits {
  readonly maxConnections: number
  /** Of these, so many are kept for those the receiver vouches for: two strangers could take all there are, and say nothing. */
  readonly reserved?: number
  readonly maxConnectionsPerSource: number
  readonly maxConnectionsPerLoopback: number
}

/** Counts a transport's connections, in all and from each address, from the first packet on: handshakes are counted too. */
export class ConnectionQuota {
  readonly #limits: QuotaLimits
  readonly #bySource = new Map<string, number>()
  #total = 0

  constructor(limits: QuotaLimits) {
    this.#limits = limits
  }

  /** Counts one more, if there is room for it: each is given back by `leave`. */
  enter(host: string, isStranger = false): boolean {
    const { maxConnections, reserved = 0, maxConnectionsPerSource, maxConnectionsPerLoopback } = this.#limits
    const known = this.#bySource.get(host) ?? 0
    const most = isLoopback(host) ? maxConnectionsPerLoopback : maxConnectionsPerSource
    const room = isStranger ? maxConnections - reserved : maxConnections
    if (this.#total >= room || known >= most) return false
    this.#total++
    this.#bySource.set(host, known + 1)
    return true
  }

  leave(host: string): void {
    const known = this.#bySource.get(host)
    if (known === undefined) return
    this.#total--
    if (known === 1) this.#bySource.delete(host)
    else this.#bySource.set(host, known - 1)
  }

  /** Counts an accepted socket until it closes, or destroys it. False: it was destroyed. */
  admit(socket: Socket, receiver: Receiver): boolean {
    const { remoteAddress } = socket
    const isAdmitted =
      remoteAddress !== undefined &&
      receiver.admits(remoteAddress) &&
      this.enter(remoteAddress, this.#limits.reserved !== undefined && !receiver.vouchesFor(remoteAddress))
    if (!isAdmitted) {
      socket.destroy()
      return false
    }
    socket.once('close', () => this.leave(remoteAddress))
    return true
  }
}
