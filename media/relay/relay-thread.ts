import { Worker } from 'node:worker_threads'
import type { LegSide } from '../../model/call.ts'
import { MediaUnavailable } from '../media-server.ts'
import type { MediaNeeds } from '../needs.ts'
import type { FromRelayThread, RelayReply, RelayThreadData, ToRelayThread } from './relay-messages.ts'
import { ReadyPorts } from './ready-ports.ts'
import type { ToolEvent } from './tool-messages.ts'
import { SlotMap } from '../../model/slots.ts'
import { NICE, startAs } from '../../model/thread-priority.ts'

/** A thread answers within microseconds; one that has not by now is stuck. */
export const RELAY_REPLY_LIMIT_MS = 2000
/** A thread that dies younger than this is not started again at once: the cause is likely still there. */
const RESTART_PAUSE_MS = 1000

/** How long messages wait for others after a flush, ms: those that hold up nobody's ringing, and those that do. */
const GATHER_MS = 2
const URGENT_GATHER_MS = 1
/** Nothing waits before so many flushes have followed each other faster than that. */
const FREE_FLUSHES = 16

/**
 * Of its thread. What a packet leaves behind is little and dies at once; what a call does, two pairs of sockets, is gone before a second
 * sweep finds it, if calls are short.
 */
const YOUNG_GENERATION_MB = 24

const WORKER = new URL('./relay-worker.ts', import.meta.url)

interface Waiting {
  resolve(reply: RelayReply): void
  reject(error: MediaUnavailable): void
  readonly timer: NodeJS.Timeout
}

export interface RelayThreadEvents {
  onSilent(session: number, side: LegSide): void
  onTool(session: number, event: ToolEvent): void
  /** A side's audio cannot be secured as agreed. */
  onInsecure(session: number, side: LegSide, reason: string): void
  /** The thread is gone and every session on it with it. */
  onDied(thread: RelayThread, reason: string): void
}

type Request<M = ToRelayThread> = M extends { ref: number } ? Omit<M, 'ref'> : never
type PortsRequest = Extract<Request, { kind: 'open' | 'fresh-buyer' | 'spare' }>
type Notice<M = ToRelayThread> = M extends { ref: number } ? never : M

/** Our end of one relay thread: requests with their answers, and a new thread when one dies. */
export class RelayThread {
  readonly #data: RelayThreadData
  readonly #needs: MediaNeeds
  readonly #events: RelayThreadEvents
  readonly #file: URL
  readonly #waiting = new SlotMap<number, Waiting>()
  readonly #ready = new ReadyPorts()
  #worker: Worker | null = null
  #isUp = false
  #closed = false
  #restart: NodeJS.Timeout | null = null
  #lastRef = 0
  #outbox: ToRelayThread[] = []
  #isFlushSet = false
  /** The timer is for an urgent message. */
  #isUrgentSet = false
  #flushedMs = -Infinity
  /** Flushes that need not be waited for. */
  #free = FREE_FLUSHES
  #gatherTimer: NodeJS.Timeout | null = null

  /** `file` is what the thread runs: a test's own when it must misbehave. */
  constructor(data: RelayThreadData, needs: MediaNeeds, events: RelayThreadEvents, file: URL = WORKER) {
    this.#data = data
    this.#needs = needs
    this.#events = events
    this.#file = file
  }

  get isUp(): boolean {
    return this.#isUp
  }

  /** Resolves when the thread can take sessions; rejects when its addresses cannot be used. */
  async start(): Promise<void> {
    const startedMs = performance.now()
    const thread = {
      workerData: this.#data,
      name: `relay-${this.#data.index}`,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    }
    const worker = startAs(NICE.media, () => new Worker(this.#file, thread))
    this.#worker = worker
    let cause = 'it ended'
    worker.on('error', (error) => (cause = error instanceof Error ? error.message : String(error)))
    worker.on('exit', () => this.#died(worker, cause, performance.now() - startedMs))
    await new Promise<void>((resolve, reject) => {
      worker.on('exit', () => reject(new MediaUnavailable(`a relay thread did not start: ${cause}`)))
      const receive = (message: FromRelayThread): void => {
        if (message.kind === 'ready') {
          this.#isUp = true
          resolve()
        } else if (message.kind === 'unusable') {
          reject(new MediaUnavailable(message.reason))
          void worker.terminate() // Its exit is what starts another, should this not be the first.
        } else if (message.kind === 'silent') {
          this.#events.onSilent(message.session, message.side)
        } else if (message.kind === 'tool') {
          this.#events.onTool(message.session, message.event)
        } else if (message.kind === 'insecure') {
          this.#events.onInsecure(message.session, message.side, message.reason)
        } else if (message.kind === 'ready-port') {
          if (this.#worker === worker) this.#ready.add(message.address, message.port)
        } else {
          this.#settle(message)
        }
      }
      worker.on('message', (messages: readonly FromRelayThread[]) => messages.forEach(receive))
    })
  }

  /** Asks and waits for the answer; rejects with MediaUnavailable when the thread is down or does not answer in time. */
  request(message: Request): Promise<RelayReply> {
    const worker = this.#worker
    if (!this.#isUp || worker === null) return Promise.reject(new MediaUnavailable('the relay thread is down'))
    const ref = ++this.#lastRef
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(ref)
        reject(new MediaUnavailable(`the relay thread did not answer within ${RELAY_REPLY_LIMIT_MS} ms`))
      }, RELAY_REPLY_LIMIT_MS)
      this.#waiting.set(ref, { resolve, reject, timer })
      this.#post({ ...message, ref })
    })
  }

  /**
   * Ports that the thread has bound already, for a caller and a buyer at these addresses, to be given to one session with `open-ready`;
   * null: ask it for some.
   */
  takeReady(callerAddress: string, buyerAddress: string): { callerPort: number; buyerPort: number } | null {
    return this.#isUp ? this.#ready.take(callerAddress, buyerAddress) : null
  }

  /** `request` for ports. When it has none left, those it keeps ready are given up for whoever asks, and it is asked again. */
  async requestPorts(message: PortsRequest): Promise<RelayReply> {
    const reply = await this.request(message)
    if (reply.kind !== 'refused' || this.#ready.isEmpty) return reply
    for (const [address, ports] of this.#ready.clear()) this.notify({ kind: 'release', address, ports })
    return this.request(message)
  }

  /** Tells, without an answer. Messages arrive in order, so a later request sees the effect. */
  notify(message: Notice): void {
    if (this.#isUp) this.#post(message)
  }

  /**
   * What is said in one turn travels together: waking the thread costs more than all it is told. Under load it is gathered a little
   * longer, the shorter if somebody's ringing waits for it.
   */
  #post(message: ToRelayThread): void {
    this.#outbox.push(message)
    if (this.#isFlushSet) return
    const isUrgent = message.kind === 'open' || message.kind === 'fresh-buyer'
    const waitMs = this.#flushedMs + (isUrgent ? URGENT_GATHER_MS : GATHER_MS) - performance.now()
    if (waitMs <= 0 || this.#free >= 1) {
      this.#isFlushSet = true
      queueMicrotask(() => this.#flush())
    } else if (isUrgent && !this.#isUrgentSet) {
      if (this.#gatherTimer !== null) clearTimeout(this.#gatherTimer)
      this.#isUrgentSet = true
      this.#gatherTimer = setTimeout(() => this.#flush(), waitMs)
    } else this.#gatherTimer ??= setTimeout(() => this.#flush(), waitMs)
  }

  #flush(): void {
    const messages = this.#outbox
    this.#outbox = []
    this.#isFlushSet = false
    this.#isUrgentSet = false
    const nowMs = performance.now()
    this.#free = Math.min(FREE_FLUSHES, Math.max(0, this.#free - 1) + (nowMs - this.#flushedMs) / GATHER_MS)
    this.#flushedMs = nowMs
    if (this.#gatherTimer !== null) clearTimeout(this.#gatherTimer)
    this.#gatherTimer = null
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread, not a window.
    this.#worker?.postMessage(messages)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#isUp = false
    if (this.#restart !== null) clearTimeout(this.#restart)
    if (this.#gatherTimer !== null) clearTimeout(this.#gatherTimer)
    await this.#worker?.terminate()
    this.#rejectAll('the relay is closed')
  }

  #settle(reply: RelayReply): void {
    const waiting = this.#waiting.get(reply.ref)
    if (waiting === undefined) return // It came after its limit; whoever asked has gone.
    this.#waiting.delete(reply.ref)
    clearTimeout(waiting.timer)
    waiting.resolve(reply)
  }

  #rejectAll(reason: string): void {
    for (const waiting of this.#waiting.values()) {
      clearTimeout(waiting.timer)
      waiting.reject(new MediaUnavailable(reason))
    }
    this.#waiting.clear()
  }

  #died(worker: Worker, cause: string, ageMs: number): void {
    if (this.#worker !== worker || this.#closed) return
    const wasUp = this.#isUp
    this.#isUp = false
    this.#worker = null
    this.#ready.clear()
    this.#outbox = [] // Another thread knows nothing of what this one was to be told.
    this.#rejectAll(`the relay thread died: ${cause}`)
    if (!wasUp && this.#restart === null) return // The very first start failed: `start` says so to whoever builds the relay.
    this.#needs.log.error(
      { thread: this.#data.index, cause },
      'a relay thread died; its calls have no audio; starting another',
    )
    this.#events.onDied(this, cause)
    this.#restart = setTimeout(() => this.#startAgain(), ageMs < RESTART_PAUSE_MS ? RESTART_PAUSE_MS : 0)
  }

  #startAgain(): void {
    this.start().catch((error: unknown) => {
      this.#needs.log.error({ thread: this.#data.index, cause: String(error) }, 'a relay thread did not start again')
    })
  }
}
