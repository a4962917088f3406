import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

import type { RtpEngine, RtpStats, RtpStream, RtpStreamOptions } from './rtp-engine.ts'
import type { Address } from './server-transaction.ts'

/** What the thread is told to do. Everything but `send`, `pause` and `shutdown` is replied to. */
export type WorkerCommand = { readonly id: number; readonly stream: number } & (
  | { readonly verb: 'open'; readonly options: RtpStreamOptions }
  | { readonly verb: 'send'; readonly to: Address }
  | { readonly verb: 'pause' | 'stats' | 'close' | 'shutdown' }
)

export interface WorkerReply {
  readonly id: number
  /** To `open`. */
  readonly address?: Address
  /** To `stats` and `close`. */
  readonly stats?: RtpStats
  readonly error?: string
}

type WithoutId<Command> = Command extends unknown ? Omit<Command, 'id'> : never

class RtpThread implements RtpEngine {
  readonly #worker: Worker
  readonly #waiting = new Map<number, { resolve: (reply: WorkerReply) => void; reject: (error: Error) => void }>()
  #ids = 0
  #streams = 0
  #failure: Error | null = null
  #closed: Promise<void> | null = null

  constructor(address: string) {
    this.#worker = new Worker(new URL('rtp-worker.ts', import.meta.url), { workerData: { address } })
    this.#worker.on('message', (reply: WorkerReply) => {
      const waiting = this.#waiting.get(reply.id)
      this.#waiting.delete(reply.id)
      if (reply.error === undefined) waiting?.resolve(reply)
      else waiting?.reject(new Error(reply.error))
    })
    this.#worker.on('error', (error) => this.#fail(error instanceof Error ? error : new Error(String(error))))
    this.#worker.on('exit', () => this.#fail(new Error('the RTP thread has ended')))
  }

  async openStream(options: RtpStreamOptions = {}): Promise<RtpStream> {
    const stream = ++this.#streams
    const { address } = await this.#ask({ verb: 'open', stream, options })
    assert(address !== undefined)
    let closed: Promise<RtpStats> | null = null
    return {
      host: address.host,
      port: address.port,
      send: ({ host, port }) => this.#tell({ verb: 'send', stream, to: { host, port } }),
      pause: () => this.#tell({ verb: 'pause', stream }),
      stats: () => this.#askStats('stats', stream),
      close: () => (closed ??= this.#askStats('close', stream)),
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    if (this.#failure !== null) return
    const exited = once(this.#worker, 'exit')
    this.#tell({ verb: 'shutdown', stream: 0 })
    await exited
  }

  async #askStats(verb: 'stats' | 'close', stream: number): Promise<RtpStats> {
    const { stats } = await this.#ask({ verb, stream })
    assert(stats !== undefined)
    return stats
  }

  #ask(command: WithoutId<WorkerCommand>): Promise<WorkerReply> {
    return new Promise((resolve, reject) => {
      // What is told to a thread that has ended is lost without a word.
      if (this.#failure !== null) return reject(this.#failure)
      this.#waiting.set(this.#tell(command), { resolve, reject })
    })
  }

  #tell(command: WithoutId<WorkerCommand>): number {
    const id = ++this.#ids
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread, not a window.
    this.#worker.postMessage({ ...command, id })
    return id
  }

  #fail(error: Error): void {
    this.#failure ??= error
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}

/** Streams on a thread of their own: for hundreds of them, so that signalling does not disturb their pace. */
export function createRtpThread(options: { address?: string } = {}): RtpEngine {
  return new RtpThread(options.address ?? '127.0.0.1')
}
