import { createHash } from 'node:crypto'
import { Redis } from 'ioredis'
import type { StorageLog } from '../storage-log.ts'

/** Between two attempts to reach a Redis that is away, ms. */
const RECONNECT_MS = 100
/** Longest such pause, ms. */
const RECONNECT_MOST_MS = 1000

export interface RedisLinkOptions {
  /** `redis://[user:password@]host[:port][/db]`, or `rediss:` over TLS. */
  readonly url: string
  readonly connectTimeoutMs: number
  /** How long an answer may take: then whoever asked goes on without it. */
  readonly deadlineMs: number
  readonly log: StorageLog
  /** Seconds one question took; `failed` when there was no answer. */
  readonly onAnswer?: (seconds: number, failed: boolean) => void
}

/** What every connection of ours is made with. */
export function connectionOptions({ connectTimeoutMs }: Pick<RedisLinkOptions, 'connectTimeoutMs'>) {
  return {
    connectTimeout: connectTimeoutMs,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectionName: 'dce',
    retryStrategy: (times: number) => Math.min(RECONNECT_MS * times, RECONNECT_MOST_MS),
  }
}

/** One connection: what cannot be sent at once fails at once, and nothing is sent twice. */
export class RedisLink {
  readonly #redis: Redis
  readonly #onAnswer: RedisLinkOptions['onAnswer']
  #isClosed = false
  #isGathering = false

  constructor(options: RedisLinkOptions, onReady: () => void, onLost: () => void) {
    this.#onAnswer = options.onAnswer
    this.#redis = new Redis(options.url, { ...connectionOptions(options), commandTimeout: options.deadlineMs })
    this.#redis.on('ready', onReady)
    this.#redis.on('close', onLost)
    // Each attempt that fails says so; what matters is said once, by whoever is told that the link is lost.
    this.#redis.on('error', (error: Error) => options.log.debug({ error: error.message }, 'Redis'))
  }

  get isReady(): boolean {
    return this.#redis.status === 'ready'
  }

  /** Runs a script, in one round trip once the server knows it. */
  async run(script: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    const start = performance.now()
    this.#gather()
    try {
      const answer = await this.#redis.evalsha(script.sha, keys.length, ...keys, ...args).catch((error: Error) => {
        if (!error.message.startsWith('NOSCRIPT')) throw error
        return this.#redis.eval(script.lua, keys.length, ...keys, ...args)
      })
      this.#onAnswer?.((performance.now() - start) / 1000, false)
      return answer
    } catch (error) {
      this.#onAnswer?.((performance.now() - start) / 1000, true)
      throw error
    }
  }

  /** What is asked in one turn goes in one write. */
  #gather(): void {
    if (this.#isGathering) return
    this.#isGathering = true
    const { stream } = this.#redis
    stream.cork()
    process.nextTick(() => {
      this.#isGathering = false
      stream.uncork()
    })
  }

  /** Names this run of the server: another one after a restart, or where a replica has taken over. */
  async runId(): Promise<string> {
    const info = await this.#redis.info('server')
    return /^run_id:(.*?)\r?$/m.exec(info)?.[1] ?? ''
  }

  /** True for the one who may do it, for `ms`. */
  async takeLock(key: string, ms: number): Promise<boolean> {
    return (await this.#redis.set(key, '1', 'PX', ms, 'NX')) === 'OK'
  }

  async dropLock(key: string): Promise<void> {
    await this.#redis.del(key)
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#redis.disconnect()
  }
}

/** A Lua script and the name the server knows it by. */
export class Script {
  readonly lua: string
  readonly sha: string

  constructor(lua: string) {
    this.lua = lua
    this.sha = createHash('sha1').update(lua).digest('hex')
  }
}
