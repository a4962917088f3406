import { once } from 'node:events'
import { WebSocket } from 'ws'

/** A process's own inspector (Chrome DevTools Protocol), to ask for a collection that `--expose-gc` would need code for. */
export class Inspector {
  readonly #socket: WebSocket
  readonly #waiting = new Map<number, (result: unknown) => void>()
  #id = 0

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.on('message', (data: Buffer) => {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- The protocol's own form.
      const { id, result } = JSON.parse(data.toString()) as { id?: number; result?: unknown }
      if (id !== undefined) this.#waiting.get(id)?.(result)
    })
  }

  static async connect(url: string): Promise<Inspector> {
    const socket = new WebSocket(url)
    await once(socket, 'open')
    return new Inspector(socket)
  }

  /** Bytes of the heap in use once everything that can go has gone. */
  async collectedHeapBytes(): Promise<number> {
    await this.#call('HeapProfiler.collectGarbage')
    await this.#call('HeapProfiler.collectGarbage') // What finalizers let go of the first time.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- As the protocol says.
    const { usedSize } = (await this.#call('Runtime.getHeapUsage')) as { usedSize: number }
    return usedSize
  }

  close(): void {
    this.#socket.close()
  }

  #call(method: string): Promise<unknown> {
    const id = ++this.#id
    this.#socket.send(JSON.stringify({ id, method }))
    return new Promise((resolve) => this.#waiting.set(id, resolve))
  }
}
