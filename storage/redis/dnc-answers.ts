import type { Cluster, Redis } from 'ioredis'
import type { DncAnswers, KeptAnswer } from '../../gateway/needs.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import { connectRedis, type RedisPlace } from './redis-connection.ts'

/** `1 1763800000000`: listed, and when that was said. */
const ANSWER = /^([01]) (\d{1,15})$/

/** What outside lists said of a number, for all gateways: the hash `dnc:{number}`, a field for each list. Gone once the latest is too old. */
export class RedisDncAnswers implements DncAnswers {
  readonly #redis: Redis | Cluster

  constructor(options: RedisPlace & { readonly deadlineMs: number }) {
    this.#redis = connectRedis(options, { commandTimeout: options.deadlineMs })
  }

  async find(number: PhoneNumber, lists: readonly string[]): Promise<readonly (KeptAnswer | null)[]> {
    const found = await this.#redis.hmget(`dnc:${number}`, ...lists)
    return found.map((text) => {
      const [, flag, atMs] = ANSWER.exec(text ?? '') ?? []
      return flag === undefined ? null : { said: flag === '1' ? 'listed' : 'clear', askedAtMs: Number(atMs) }
    })
  }

  async keep(number: PhoneNumber, list: string, { said, askedAtMs }: KeptAnswer, ttlMs: number): Promise<void> {
    const key = `dnc:${number}`
    await this.#redis
      .multi()
      .hset(key, list, `${said === 'listed' ? 1 : 0} ${Math.floor(askedAtMs)}`)
      .pexpire(key, ttlMs)
      .exec()
  }

  close(): void {
    this.#redis.disconnect()
  }
}
