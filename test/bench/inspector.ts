import { once } from 'node:events'
import { WebSocket } from 'ws'

/** What the inspector says: an answer to one of our questions, or an event. */
interface Message {
  readonly id?: number
  readonly result?: unknown
  readonly method?: string
  readonly params?: { readonly sessionId: string; readonly message: string; readonly workerInfo: { title: string } }
}

/** One JavaScript heap of the process. */
export interface ThreadHeap {
  /** `main`, or the name its worker was given. */
  readonly thread: string
  /** Bytes it keeps in memory, used or not. */
  readonly resident: number
}

const HEAP = "process.getBuiltinModule('v8').getHeapStatistics().total_physical_size"

/** A process's own inspector (Chrome DevTools Protocol), to ask for a collection that `--expose-gc` would need code for. */
export class Inspector {
  readonly #socket: WebSocket
  readonly #waiting = new Map<number, (result: unknown) => void>()
  /** Names of the worker threads, by session. */
  readonly #workers = new Map<string, string>()
  #id = 0

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.on('message', (data: Buffer) => {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- The protocol's own form.
      this.#receive(JSON.parse(data.toString()) as Message)
    })
  }

  static async connect(url: string): Promise<Inspector> {
    const socket = new WebSocket(url)
    await once(socket, 'open')
    const inspector = new Inspector(socket)
    await inspector.#call('NodeWorker.enable', { waitForDebuggerOnStart: false })
    return inspector
  }

  #receive({ id, result, method, params }: Message): void {
    if (id !== undefined) {
      this.#waiting.get(id)?.(result)
      this.#waiting.delete(id)
    } else if (method === 'NodeWorker.attachedToWorker')
      this.#workers.set(params!.sessionId, params!.workerInfo.title.replace(/^\[worker \d+\] /, ''))
    else if (method === 'NodeWorker.detachedFromWorker') this.#workers.delete(params!.sessionId)
    else if (method === 'NodeWorker.receivedMessageFromWorker') {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- The protocol's own form.
      this.#receive(JSON.parse(params!.message) as Message)
    }
  }

  /** Bytes of the main thread's heap in use once everything that can go has gone. */
  async collectedHeapBytes(): Promise<number> {
    await this.#call('HeapProfiler.collectGarbage')
    await this.#call('HeapProfiler.collectGarbage') // What finalizers let go of the first time.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- As the protocol says.
    const { usedSize } = (await this.#call('Runtime.getHeapUsage')) as { usedSize: number }
    return usedSize
  }

  /** The heaps of all threads as they are, uncollected. */
  async heaps(): Promise<ThreadHeap[]> {
    const heaps = [{ thread: 'main', resident: await this.#numberOf(HEAP, null) }]
    for (const [session, thread] of this.#workers) heaps.push({ thread, resident: await this.#numberOf(HEAP, session) })
    return heaps
  }

  close(): void {
    this.#socket.close()
  }

  async #numberOf(expression: string, session: string | null): Promise<number> {
    const answer = await this.#call('Runtime.evaluate', { expression }, session)
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- As the protocol says.
    return (answer as { result: { value: number } }).result.value
  }

  #call(method: string, params: object = {}, session: string | null = null): Promise<unknown> {
    const id = ++this.#id
    const message = JSON.stringify({ id, method, params })
    const isWorkers = session !== null
    const envelope = {
      id: ++this.#id,
      method: 'NodeWorker.sendMessageToWorker',
      params: { sessionId: session, message },
    }
    this.#socket.send(isWorkers ? JSON.stringify(envelope) : message)
    return new Promise((resolve) => this.#waiting.set(id, resolve))
  }
}
