import { Worker } from 'node:worker_threads'
import { NICE, startAs } from '../../model/thread-priority.ts'
import { MediaUnavailable } from '../media-server.ts'
import type { MediaNeeds } from '../needs.ts'
import type { ToolEvent } from '../relay/tool-messages.ts'
import type { FromTapThread, ToTapThread } from './tap-messages.ts'

/** The thread opens a socket within milliseconds of its start, which is most of it. */
const LISTEN_LIMIT_MS = 5000
/** How long recordings may take to reach the disk when all is closed. */
const FINISH_LIMIT_MS = 5000

const WORKER = new URL('./tap-worker.ts', import.meta.url)

/** A call that is listened to. */
export interface Tapped {
  told(event: ToolEvent): void
  /** The thread is gone, with what it had not written. */
  lost(reason: string): void
  /** Calls once when no recording is under way any more. */
  whenIdle(told: () => void): void
}

/** Our end of the thread that listens to copies of calls. It is started when it is to listen first, and again when it has died. */
export class TapThread {
  readonly #needs: MediaNeeds
  readonly #file: URL
  readonly #calls = new Map<number, Tapped>()
  #worker: Worker | null = null
  #ports = new Map<string, Promise<number>>()
  #listening = new Map<string, { resolve(port: number): void; reject(error: Error): void }>()
  #lastCall = 0
  #closed = false

  /** `file` is what the thread runs: a test’s own when it must misbehave. */
  constructor(needs: MediaNeeds, file: URL = WORKER) {
    this.#needs = needs
    this.#file = file
  }

  /** The port at this address of ours that copies are to be sent to. Rejects with MediaUnavailable when there can be none. */
  async listen(address: string): Promise<number> {
    if (this.#closed) throw new MediaUnavailable('rtpengine is closed')
    let port = this.#ports.get(address)
    if (port === undefined) {
      port = this.#open(address)
      this.#ports.set(address, port)
      port.catch(() => this.#ports.delete(address))
    }
    return port
  }

  /** The number of a call that is listened to from now on. */
  add(tapped: Tapped): number {
    this.#calls.set(++this.#lastCall, tapped)
    return this.#lastCall
  }

  /** Nothing more is heard of it; its recording is written to its end, which says this reason. */
  remove(call: number, reason: string): void {
    const tapped = this.#calls.get(call)
    this.post({ kind: 'close', call, reason })
    tapped?.whenIdle(() => this.#calls.delete(call))
  }

  post(message: Exclude<ToTapThread, { kind: 'listen' }>): void {
    this.#post(message)
  }

  /** Resolves when recordings under way have been written to their ends. */
  async close(): Promise<void> {
    this.#closed = true
    const timer = AbortSignal.timeout(FINISH_LIMIT_MS)
    const idle = [...this.#calls.values()].map((tapped) => new Promise<void>((resolve) => tapped.whenIdle(resolve)))
    const late = new Promise<void>((resolve) => timer.addEventListener('abort', () => resolve()))
    await Promise.race([Promise.all(idle), late])
    await this.#worker?.terminate()
  }

  #open(address: string): Promise<number> {
    this.#worker ??= this.#start()
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    const timer = setTimeout(
      () => reject(new MediaUnavailable('the thread that listens does not answer')),
      LISTEN_LIMIT_MS,
    )
    timer.unref()
    this.#listening.set(address, { resolve, reject })
    this.#post({ kind: 'listen', address })
    return promise.finally(() => {
      clearTimeout(timer)
      this.#listening.delete(address)
    })
  }

  #start(): Worker {
    const worker = startAs(NICE.media, () => new Worker(this.#file, { name: 'rtpengine-tap' }))
    let cause = 'it ended'
    worker.unref()
    worker.on('error', (error) => (cause = error instanceof Error ? error.message : String(error)))
    worker.on('exit', () => this.#died(worker, cause))
    worker.on('message', (message: FromTapThread) => {
      if (message.kind === 'event') this.#calls.get(message.call)?.told(message.event)
      else if (message.kind === 'listening') this.#listening.get(message.address)?.resolve(message.port)
      else this.#listening.get(message.address)?.reject(new MediaUnavailable(`no copies of calls: ${message.reason}`))
    })
    return worker
  }

  #died(worker: Worker, cause: string): void {
    if (this.#worker !== worker || this.#closed) return
    this.#worker = null
    this.#ports = new Map()
    const reason = `the thread that listens to calls died: ${cause}`
    this.#needs.log.error(
      { cause },
      'the thread that listens to calls died; recordings end, the next one starts it anew',
    )
    for (const waiting of this.#listening.values()) waiting.reject(new MediaUnavailable(reason))
    for (const tapped of this.#calls.values()) tapped.lost(reason)
    this.#calls.clear()
  }

  #post(message: ToTapThread): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread, not a window.
    this.#worker?.postMessage(message)
  }
}
