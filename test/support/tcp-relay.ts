import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

/** Passes bytes between a port of its own and somebody's, until it is told to cut what goes through it. */
export class TcpRelay {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(server: Server) {
    this.#server = server
  }

  static async open(to: { readonly host: string; readonly port: number }): Promise<TcpRelay> {
    const server = createServer()
    const relay = new TcpRelay(server)
    server.on('connection', (near) => {
      const far = connect(to)
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        relay.#sockets.add(socket)
        socket.on('error', () => undefined)
        socket.on('close', () => {
          relay.#sockets.delete(socket)
          other.destroy()
        })
        socket.pipe(other)
      }
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return relay
  }

  get port(): number {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- It listens on TCP.
    return (this.#server.address() as AddressInfo).port
  }

  /** Breaks every connection, without a word to either side. New ones are taken. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  async close(): Promise<void> {
    this.cut()
    this.#server.close()
    await once(this.#server, 'close')
  }
}
