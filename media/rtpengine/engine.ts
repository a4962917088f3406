import { EventEmitter } from 'node:events'
import { MediaUnavailable } from '../media-server.ts'
import type { MediaNeeds } from '../needs.ts'
import type { EngineAddress, WholeOptions } from './engine-options.ts'
import { NgClient, NgRefused, type NgReply, type NgRequest } from './ng-client.ts'

/** Between pings of an engine that has just missed one, ms: whether it is down is known soon, and no call waits for it long. */
const DOUBT_INTERVAL_MS = 100

/**
 * One rtpengine, and whether it answers. It is up while it answers pings: so many misses in a row and it is down, one answer and
 * it is back. Emits `down` and `up` at each change, and `doubt` when it answers again after a miss: it may have restarted, and forgotten.
 */
export class Engine extends EventEmitter<{ down: [reason: string]; up: []; doubt: [] }> {
  readonly name: string
  readonly host: string
  readonly weight: number
  /** Calls whose audio is there now. */
  calls = 0
  readonly #client: NgClient
  readonly #options: WholeOptions
  readonly #log: MediaNeeds['log']
  #up = false
  #misses = 0
  #saidDown = false
  #timer: NodeJS.Timeout | null = null
  #closed = false

  constructor(address: EngineAddress, prefix: string, options: WholeOptions, needs: MediaNeeds) {
    super()
    this.name = `rtpengine ${address.host}:${address.port}`
    this.host = address.host
    this.weight = address.weight
    this.#options = options
    this.#log = needs.log
    this.#client = new NgClient({ ...address, prefix, deadlineMs: options.requestTimeoutMs })
  }

  /** Resolves when the first ping has been answered, or not. */
  async start(): Promise<void> {
    await this.#ping()
  }

  get isUp(): boolean {
    return this.#up && !this.#closed
  }

  /** Rejects with NgRefused or MediaUnavailable; at once when the engine is down. */
  async ask(request: NgRequest, blob?: Buffer): Promise<NgReply> {
    if (!this.isUp) throw new MediaUnavailable(`${this.name} does not answer`)
    return this.#client.request(request, undefined, blob)
  }

  /** The address of this machine that it sees; null before its first answer. */
  get seesUsAt(): string | null {
    return this.#client.localAddress
  }

  close(): void {
    this.#closed = true
    if (this.#timer) clearTimeout(this.#timer)
    this.#client.close()
  }

  async #ping(): Promise<void> {
    const { pingIntervalMs, requestTimeoutMs } = this.#options
    try {
      await this.#client.request({ command: 'ping' }, Math.min(pingIntervalMs, requestTimeoutMs))
      this.#answered()
    } catch (error) {
      if (this.#closed) return
      // A no to a ping is an answer too: somebody is there who has nothing to do with us.
      this.#missed(error instanceof NgRefused ? `it refuses pings: ${error.message}` : (error as Error).message)
    }
    if (this.#closed) return
    const inDoubt = this.#up && this.#misses > 0
    this.#timer = setTimeout(
      () => void this.#ping(),
      inDoubt ? Math.min(DOUBT_INTERVAL_MS, pingIntervalMs) : pingIntervalMs,
    )
    this.#timer.unref()
  }

  #answered(): void {
    const doubted = this.#misses > 0
    this.#misses = 0
    if (!this.#up) {
      this.#up = true
      if (this.#saidDown) this.#log.warn({ engine: this.name }, 'the rtpengine answers again')
      this.#saidDown = false
      this.emit('up')
    } else if (doubted) this.emit('doubt')
  }

  #missed(reason: string): void {
    this.#misses++
    if (this.#up && this.#misses < this.#options.pingMisses) return
    const wasUp = this.#up
    this.#up = false
    if (!this.#saidDown) this.#log.error({ engine: this.name, reason }, 'the rtpengine does not answer')
    this.#saidDown = true
    if (wasUp) this.emit('down', reason)
  }
}
