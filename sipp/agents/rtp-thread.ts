import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

import type { RtpEngine, RtpStats, RtpStream, RtpStreamOptions } from './rtp-engine.ts'
import type { Address } from './server-transaction.ts'

export type WorkerCommand = { readonly id: number; readonly stream: number } & (
  | { readonly verb: 'open'; readonly options: RtpStreamOptions }
  | { readonly verb: 'send'; readonly to: Address }
  | { readonly verb: 'pause' | 'stats' | 'close' | 'shutdown' }
)

export interface WorkerReply {
  readonly id: number
  readonly value: Address | RtpStats | null
  readonly error?: string
}

type Verb<Command> = Command extends unknown ? Omit<Command, 'id'> : never

class RtpThread implements RtpEngine {
  readonly #worker: Worker
  readonly #waiting = new Map<
    number,
    { resolve: (value: WorkerReply['value']) => void; reject: (error: Error) => void }
  >()
  #ids = 0
  #streams = 0
  #closed: Promise<void> | null = null

  constructor(address: string) {
    this.#worker = new Worker(new URL('rtp-worker.ts', import.meta.url), { workerData: { address } })
    this.#worker.on('message', (reply: WorkerReply) => {
      const waiting = this.#waiting.get(reply.id)
      this.#waiting.delete(reply.id)
      if (reply.error === undefined) waiting?.resolve(reply.value)
      else waiting?.reject(new Error(reply.error))
    })
    this.#worker.on('error', (error) => this.#failAll(error instanceof Error ? error : new Error(String(error))))
    this.#worker.on('exit', () => this.#failAll(new Error('the RTP thread has ended')))
  }

  async openStream(options: RtpStreamOptions = {}): Promise<RtpStream> {
    const stream = ++this.#streams
    const local = (await this.#ask({ verb: 'open', stream, options })) as Address
    let closed: Promise<RtpStats> | null = null
    return {
      host: local.host,
      port: local.port,
      send: (to) => this.#tell({ verb: 'send', stream, to }),
      pause: () => this.#tell({ verb: 'pause', stream }),
      stats: () => this.#ask({ verb: 'stats', stream }) as Promise<RtpStats>,
      close: () => (closed ??= this.#ask({ verb: 'close', stream }) as Promise<RtpStats>),
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    const exited = once(this.#worker, 'exit')
    this.#tell({ verb: 'shutdown', stream: 0 })
    await exited
  }

  #tell(command: Verb<WorkerCommand>): void {
    this.#worker.postMessage({ ...command, id: ++this.#ids })
  }

  #ask(command: Verb<WorkerCommand>): Promise<WorkerReply['value']> {
    return new Promise((resolve, reject) => {
      const id = ++this.#ids
      this.#waiting.set(id, { resolve, reject })
      this.#worker.postMessage({ ...command, id })
    })
  }

  #failAll(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}

/** Streams on a thread of their own: for hundreds of them, so that signalling does not disturb their pace. */
export function createRtpThread(options: { address?: string } = {}): RtpEngine {
  return new RtpThread(options.address ?? '127.0.0.1')
}
