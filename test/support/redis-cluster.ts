import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { findFreePort } from '../../sipp/free-port.ts'
import { RedisServer } from './redis.ts'
import { until } from './until.ts'

const SLOTS = 16_384
const HOST = '127.0.0.1'

/** A real Redis Cluster of masters on free ports of the loopback, that keeps nothing on the disk but who is who. */
export class RedisCluster {
  readonly masters: readonly RedisServer[]
  readonly #dir: string

  private constructor(masters: readonly RedisServer[], dir: string) {
    this.masters = masters
    this.#dir = dir
  }

  /** Resolves when every node says that the cluster serves. */
  static async start(count = 3): Promise<RedisCluster> {
    const dir = mkdtempSync(join(tmpdir(), 'redis-cluster-'))
    const masters: RedisServer[] = []
    for (let i = 0; i < count; i++) {
      const port = await findFreePort(HOST)
      const cluster = ['--cluster-enabled', 'yes', '--cluster-config-file', `nodes-${port}.conf`, '--dir', dir]
      const bus = ['--cluster-port', String(port + 1), '--cluster-node-timeout', '2000']
      masters.push(new RedisServer(port, [...cluster, ...bus]))
      await masters[i]!.start()
    }
    const cluster = new RedisCluster(masters, dir)
    for (const [i, { port }] of masters.entries()) {
      const [first, last] = [Math.ceil((i * SLOTS) / count), Math.ceil(((i + 1) * SLOTS) / count) - 1]
      await cluster.ask(i, 'CLUSTER', 'ADDSLOTSRANGE', first, last)
      await cluster.ask(i, 'CLUSTER', 'SET-CONFIG-EPOCH', i + 1)
      if (i > 0) await cluster.ask(0, 'CLUSTER', 'MEET', HOST, port, port + 1)
    }
    await cluster.serves()
    return cluster
  }

  get url(): string {
    return this.masters[0]!.url
  }

  /** The nodes but that of the URL. */
  get others(): string[] {
    return this.masters.slice(1).map(({ port }) => `${HOST}:${port}`)
  }

  async serves(): Promise<void> {
    await until(async () => {
      const states = await Promise.all(this.masters.map((_, i) => this.ask(i, 'CLUSTER', 'INFO')))
      const known = `cluster_known_nodes:${this.masters.length}`
      return states.every((state) => String(state).includes('cluster_state:ok') && String(state).includes(known))
    })
  }

  async ask(master: number, command: string, ...args: (string | number)[]): Promise<unknown> {
    const redis = new Redis({ port: this.masters[master]!.port, host: HOST, lazyConnect: true, retryStrategy: null })
    try {
      await redis.connect()
      return await redis.call(command, ...args)
    } finally {
      redis.disconnect()
    }
  }

  /** As if everything had been lost. */
  async flush(): Promise<void> {
    for (const i of this.masters.keys()) await this.ask(i, 'FLUSHALL')
  }

  /** Which master has the slot of a key. */
  async masterOf(key: string): Promise<{ slot: number; master: number }> {
    const slot = Number(await this.ask(0, 'CLUSTER', 'KEYSLOT', key))
    const found = await this.ask(0, 'CLUSTER', 'SLOTS')
    assert(Array.isArray(found))
    const [, , [, port]] = found.find(([first, last]) => first <= slot && slot <= last)
    return { slot, master: this.masters.findIndex((one) => one.port === port) }
  }

  /** Moves a slot with all its keys to another master, as an operator would, while it is in use. */
  async move(slot: number, from: number, to: number): Promise<void> {
    const ids = await Promise.all([from, to].map(async (i) => String(await this.ask(i, 'CLUSTER', 'MYID'))))
    await this.ask(to, 'CLUSTER', 'SETSLOT', slot, 'IMPORTING', ids[0]!)
    await this.ask(from, 'CLUSTER', 'SETSLOT', slot, 'MIGRATING', ids[1]!)
    for (;;) {
      const keys = await this.ask(from, 'CLUSTER', 'GETKEYSINSLOT', slot, 1)
      assert(Array.isArray(keys))
      if (keys.length === 0) break
      await this.ask(from, 'MIGRATE', HOST, this.masters[to]!.port, keys[0], 0, 5000)
    }
    for (const i of [to, from]) await this.ask(i, 'CLUSTER', 'SETSLOT', slot, 'NODE', ids[1]!)
  }

  async kill(): Promise<void> {
    for (const master of this.masters) await master.kill()
    rmSync(this.#dir, { recursive: true, force: true })
  }
}
