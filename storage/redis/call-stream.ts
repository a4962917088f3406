import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Cluster, Redis } from 'ioredis'
import type { CallNews } from '../../gateway/needs.ts'
import { connectRedis, type RedisPlace } from './redis-connection.ts'

const KEY = 'dce:call-news'
/** What the stream keeps, about: whoever was away longer than that many calls has missed some. */
export const MAX_KEPT = 200_000
/** And so long, ms: whose calls they are is nobody's business when they count no more. */
const KEPT_MS = 86_400_000
const TRIM_EVERY_MS = 60_000
/** Untold while Redis is away; past them the oldest is given up. */
export const MAX_UNTOLD = 20_000
/** What is told or read at a time. */
const BATCH = 500
/** How long a reading waits for news, ms. */
const BLOCK_MS = 1_000
/** A Redis that owes an answer and has said nothing for so long is gone without a word, ms: it is connected to anew. */
const SILENT_MS = 5_000
/** Between two attempts after one that failed, ms. */
const PAUSE_MS = 200

export interface CallStreamOptions extends RedisPlace {
  /** How long an answer to what is told may take. */
  readonly deadlineMs: number
  /** Older news than that is not read at the start, ms. */
  readonly lookBackMs: number
  readonly now: () => number
  /** So many were given up untold. */
  readonly onLost: (count: number) => void
}

/** What gateways tell one another of their calls, by a Redis stream (XADD, XREAD). Told once or, where an answer got lost, twice. */
export class CallStream implements CallNews {
  readonly #teller: Redis | Cluster
  readonly #reader: Redis | Cluster
  readonly #self = randomUUID()
  readonly #untold: string[] = []
  readonly #options: CallStreamOptions
  /** On their way. */
  #beingTold = 0
  #isTelling = false
  #trimmedAtMs = -Infinity
  #isClosed = false

  constructor(options: CallStreamOptions) {
    this.#options = options
    this.#teller = connectRedis(options, { socketTimeout: SILENT_MS, commandTimeout: options.deadlineMs })
    // A reading waits on its connection, so it has one to itself.
    this.#reader = connectRedis(options, { socketTimeout: SILENT_MS })
    this.#teller.on('ready', () => {
      if (!this.#isTelling) void this.#tellAll()
    })
  }

  get untold(): number {
    return this.#untold.length + this.#beingTold
  }

  tell(news: string): void {
    if (this.#isClosed) return
    this.#untold.push(news)
    this.#dropOldest()
    if (!this.#isTelling) void this.#tellAll()
  }

  async listen(hear: (news: string) => void): Promise<void> {
    let after = `${Math.max(0, this.#options.now() - this.#options.lookBackMs)}-0`
    const follow = (isWaiting: boolean) => async (): Promise<number> => {
      const [last, count] = await this.#read(after, isWaiting, hear)
      after = last
      return count
    }
    try {
      if (this.#reader.status !== 'ready')
        await once(this.#reader, 'ready', { signal: AbortSignal.timeout(this.#options.connectTimeoutMs) })
      while ((await follow(false)()) === BATCH);
    } catch (error) {
      this.#options.log.warn({ error: (error as Error).message }, 'Redis tells no news of other gateways’ calls yet')
    }
    void this.#repeat(follow(true))
  }

  close(): void {
    this.#isClosed = true
    this.#teller.disconnect()
    this.#reader.disconnect()
  }

  async #tellAll(): Promise<void> {
    this.#isTelling = true
    try {
      await new Promise((resolve) => setImmediate(resolve)) // Those of one turn go together.
      while (this.#untold.length > 0 && this.#teller.status === 'ready') await this.#tellSome()
    } finally {
      this.#isTelling = false
    }
  }

  async #tellSome(): Promise<void> {
    const batch = this.#untold.splice(0, BATCH)
    this.#beingTold = batch.length
    const pipeline = this.#teller.pipeline()
    for (const news of batch) pipeline.xadd(KEY, 'MAXLEN', '~', MAX_KEPT, '*', 'from', this.#self, 'news', news)
    this.#trim()
    const answers = await pipeline.exec().catch(() => null)
    this.#beingTold = 0
    if (answers?.every(([error]) => error === null)) return
    this.#untold.unshift(...batch.filter((_, nth) => answers?.[nth]?.[0] !== null))
    this.#dropOldest()
    await sleep(PAUSE_MS, undefined, { ref: false })
  }

  /** What is too old goes, now and then; all of it, where nobody tells anything any more. */
  #trim(): void {
    const now = this.#options.now()
    if (now - this.#trimmedAtMs < TRIM_EVERY_MS) return
    this.#trimmedAtMs = now
    this.#teller.xtrim(KEY, 'MINID', now - KEPT_MS).catch(() => {})
    this.#teller.pexpire(KEY, KEPT_MS + TRIM_EVERY_MS).catch(() => {})
  }

  #dropOldest(): void {
    const over = this.#untold.length - MAX_UNTOLD
    if (over > 0) this.#options.onLost(this.#untold.splice(0, over).length)
  }

  async #repeat(follow: () => Promise<number>): Promise<void> {
    while (!this.#isClosed) {
      if (this.#reader.status === 'ready') await follow().catch(() => sleep(PAUSE_MS, undefined, { ref: false }))
      else await sleep(PAUSE_MS, undefined, { ref: false })
    }
  }

  /** Where the reading has come to, and how many there were. */
  async #read(after: string, isWaiting: boolean, hear: (news: string) => void): Promise<[string, number]> {
    const found = isWaiting
      ? await this.#reader.xread('COUNT', BATCH, 'BLOCK', BLOCK_MS, 'STREAMS', KEY, after)
      : await this.#reader.xread('COUNT', BATCH, 'STREAMS', KEY, after)
    const entries = found?.[0]?.[1] ?? []
    for (const [, [, from, , news]] of entries) if (from !== this.#self && news !== undefined) this.#pass(news, hear)
    return [entries.at(-1)?.[0] ?? after, entries.length]
  }

  /** What one cannot read is no reason to hear no more, nor to hear again and again what stands beside it. */
  #pass(news: string, hear: (news: string) => void): void {
    try {
      hear(news)
    } catch (error) {
      this.#options.log.warn({ error: (error as Error).message }, 'news of another gateway’s call that cannot be read')
    }
  }
}
