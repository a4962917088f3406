import assert from 'node:assert/strict'
import { MediaUnavailable } from '../media-server.ts'
import type { MediaNeeds } from '../needs.ts'
import {
  NO_LEG_STATS,
  type LegStats,
  type LoopTerms,
  type RelayReply,
  type RelayThreadData,
  type RemoteParty,
} from '../relay/relay-messages.ts'
import { RelayThread } from '../relay/relay-thread.ts'

/** Where phones' threads and workers meet: nobody else can reach it. */
export const LOOPBACK = '127.0.0.1'

/** The relay's threads, one of which stands before each phone: they know whom to believe, and keep its figures. */
export class Fronts {
  readonly #threads: readonly RelayThread[]
  readonly #load: Map<RelayThread, number>
  readonly #fronts = new Map<number, Front>()
  #last = 0

  constructor(threads: number, data: Omit<RelayThreadData, 'index' | 'of'>, needs: MediaNeeds) {
    this.#threads = Array.from(
      { length: threads },
      (_, index) =>
        new RelayThread({ ...data, index, of: threads }, needs, {
          onSilent: (id, side) => {
            if (side === 'caller') this.#fronts.get(id)?.onSilent()
          },
          onTool: () => {},
          onInsecure: (id, _side, reason) => this.#fronts.get(id)?.onFailed(reason),
          onDied: (thread, reason) => this.#died(thread, reason),
        }),
    )
    this.#load = new Map(this.#threads.map((thread) => [thread, 0]))
  }

  async start(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.start()))
  }

  get isUp(): boolean {
    return this.#threads.some((thread) => thread.isUp)
  }

  /** Ports for one phone, and for its way to a worker under this SSRC. Rejects with MediaUnavailable when there are none. */
  async open(address: string, loopSsrc: number): Promise<Front> {
    const id = ++this.#last
    let reason = 'the relay thread is down'
    for (const thread of this.#threads.toSorted((a, b) => this.#load.get(a)! - this.#load.get(b)!)) {
      if (!thread.isUp) continue
      this.#addLoad(thread, 1)
      try {
        const reply = await thread.request({
          kind: 'open',
          session: id,
          callerAddress: address,
          buyerAddress: LOOPBACK,
          caller: null,
          loopSsrc,
        })
        if (reply.kind === 'opened') {
          const front = new Front(id, thread, reply, () => this.#closed(id, thread))
          this.#fronts.set(id, front)
          return front
        }
        if (reply.kind === 'refused') reason = reply.reason
      } catch (error) {
        if (thread.isUp) thread.request({ kind: 'close', session: id }).catch(() => {})
        this.#addLoad(thread, -1)
        throw error
      }
      this.#addLoad(thread, -1)
    }
    throw new MediaUnavailable(`mediasoup cannot take the call: ${reason}`)
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.close()))
  }

  #closed(id: number, thread: RelayThread): void {
    if (this.#fronts.delete(id)) this.#addLoad(thread, -1)
  }

  #died(thread: RelayThread, reason: string): void {
    for (const front of this.#fronts.values())
      if (front.thread === thread) front.onFailed(`a relay thread died: ${reason}`)
  }

  #addLoad(thread: RelayThread, change: number): void {
    this.#load.set(thread, this.#load.get(thread)! + change)
  }
}

/** What stands before one phone. */
export class Front {
  readonly thread: RelayThread
  /** Where the phone sends. */
  readonly port: number
  /** Where the worker sends what the phone is to hear. */
  readonly loopPort: number
  onSilent: () => void = () => {}
  onFailed: (reason: string) => void = () => {}
  readonly #id: number
  readonly #onClosed: () => void
  #closing: Promise<LegStats> | null = null

  constructor(id: number, thread: RelayThread, ports: RelayReply, onClosed: () => void) {
    assert(ports.kind === 'opened')
    this.#id = id
    this.thread = thread
    this.port = ports.callerPort
    this.loopPort = ports.buyerPort
    this.#onClosed = onClosed
  }

  /** From now on the phone is this one, and the worker's end of the loop is at that port. */
  async agree(phone: RemoteParty, workerPort: number, loop: LoopTerms, watch: boolean): Promise<void> {
    const place = { address: LOOPBACK, port: workerPort, receives: true }
    const worker: RemoteParty = { ...phone, rtp: place, rtcp: place, rtcpMux: true, security: null }
    const id = this.#id
    await this.thread.request({ kind: 'agree', session: id, caller: phone, buyer: worker, watch, loop })
  }

  watch(on: boolean): void {
    this.thread.notify({ kind: 'watch', session: this.#id, on })
  }

  async stats(): Promise<LegStats> {
    return this.#closing ?? callerOf(await this.thread.request({ kind: 'stats', session: this.#id }))
  }

  /** Resolves with its last figures. Never rejects. */
  close(): Promise<LegStats> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<LegStats> {
    this.#onClosed()
    try {
      return callerOf(await this.thread.request({ kind: 'close', session: this.#id }))
    } catch {
      return NO_LEG_STATS // Its thread is down, and its figures went with it.
    }
  }
}

function callerOf(reply: RelayReply): LegStats {
  assert(reply.kind === 'stats')
  return reply.stats.caller
}
