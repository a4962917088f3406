import { createHash } from 'node:crypto'
import { Cluster, type Redis } from 'ioredis'
import { ClusterWatch } from './cluster-watch.ts'
import { connectRedis, type RedisPlace } from './redis-connection.ts'

export interface RedisLinkOptions extends RedisPlace {
  /** How long an answer may take: then whoever asked goes on without it. */
  readonly deadlineMs: number
  /** Seconds one question took; `failed` when there was no answer. */
  readonly onAnswer?: (seconds: number, failed: boolean) => void
}

/** Where scripts are run: one server, or a cluster, in which each goes to the master of its keys. */
export class RedisLink {
  readonly #redis: Redis | Cluster
  readonly #watch: ClusterWatch | null
  readonly #onAnswer: RedisLinkOptions['onAnswer']
  #isClosed = false
  #isGathering = false

  constructor(options: RedisLinkOptions, onReady: () => void, onLost: () => void) {
    this.#onAnswer = options.onAnswer
    const redis = connectRedis(options, { commandTimeout: options.deadlineMs })
    this.#redis = redis
    this.#watch = redis instanceof Cluster ? new ClusterWatch(redis, onReady, onLost) : null
    if (this.#watch) return
    redis.on('ready', onReady)
    redis.on('close', onLost)
  }

  get isReady(): boolean {
    return this.#watch ? this.#watch.isWhole : this.#redis.status === 'ready'
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
    const nodes = this.#redis instanceof Cluster ? this.#redis.nodes('master') : [this.#redis]
    const streams = nodes.flatMap(({ stream }) => stream ?? []) // A node that is away has none.
    for (const stream of streams) stream.cork()
    process.nextTick(() => {
      this.#isGathering = false
      for (const stream of streams) stream.uncork()
    })
  }

  /** Names this run of the server: another one after a restart, or where a replica has taken over. */
  async runId(): Promise<string> {
    if (this.#watch) return this.#watch.runIds()
    const info = await this.#redis.info('server')
    if (info.includes('redis_mode:cluster'))
      throw new Error('redis.url is a node of a cluster: redis.cluster must be true')
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
    this.#watch?.close()
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
