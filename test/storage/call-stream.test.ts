import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { Redis } from 'ioredis'
import { CallStream, MAX_UNTOLD } from '../../storage/redis/call-stream.ts'
import { RedisServer } from '../support/redis.ts'
import { silentLog } from '../support/storage.ts'
import { until } from '../support/until.ts'

let lost = 0
const onLost = (count: number): void => void (lost += count)
const OPTIONS = {
  onLost,
  connectTimeoutMs: 1_000,
  deadlineMs: 5_000,
  lookBackMs: 60_000,
  now: Date.now,
  log: silentLog,
}

describe('news of calls among gateways', function () {
  this.timeout(30_000)
  let redis: RedisServer
  const streams: CallStream[] = []

  before(async () => {
    redis = await RedisServer.start()
  })
  after(() => redis.kill())
  afterEach(() => {
    for (const stream of streams.splice(0)) stream.close()
  })

  /** A gateway, and what it has heard. */
  async function gateway(): Promise<{ stream: CallStream; heard: string[] }> {
    const stream = new CallStream({ ...OPTIONS, url: redis.url })
    streams.push(stream)
    const heard: string[] = []
    await stream.listen((news) => heard.push(news))
    return { stream, heard }
  }

  it('reach every other gateway in their order, and not the one that tells', async () => {
    const [a, b, c] = [await gateway(), await gateway(), await gateway()]
    const told = Array.from({ length: 1_200 }, (_, nth) => `of a ${nth}`)
    for (const news of told) a.stream.tell(news)
    await until(() => b.heard.length === 1_200 && c.heard.length === 1_200)
    assert.deepEqual(b.heard, told)
    assert.deepEqual(c.heard, told)
    assert.deepEqual(a.heard, [])
  })

  it('are heard by one that starts later, if they are not too old', async () => {
    const a = await gateway()
    a.stream.tell('before')
    await until(() => a.stream.untold === 0)
    const late = await gateway()
    assert.ok(late.heard.includes('before'))
    const forgetful = new CallStream({ ...OPTIONS, url: redis.url, lookBackMs: -60_000 })
    streams.push(forgetful)
    await forgetful.listen(() => assert.fail('it asked for none of before'))
  })

  it('are passed over where they cannot be read, and those beside them are heard once', async () => {
    const a = await gateway()
    const heard: string[] = []
    const b = new CallStream({ ...OPTIONS, url: redis.url, lookBackMs: 0 })
    streams.push(b)
    await b.listen((news) => {
      heard.push(news)
      JSON.parse(news)
    })
    for (const news of ['1', 'not JSON', '2']) a.stream.tell(news)
    await until(() => a.stream.untold === 0)
    a.stream.tell('3')
    await until(() => heard.includes('3'))
    assert.deepEqual(heard, ['1', 'not JSON', '2', '3'])
  })

  it('are kept for a day, and no longer where nobody tells any more', async () => {
    const client = new Redis(redis.url)
    try {
      await client.del('dce:call-news')
      await client.xadd('dce:call-news', `${Date.now() - 25 * 3_600_000}-0`, 'from', 'x', 'news', 'old')
      await client.xadd('dce:call-news', `${Date.now() - 23 * 3_600_000}-0`, 'from', 'x', 'news', 'recent')
      const a = new CallStream({ ...OPTIONS, url: redis.url })
      streams.push(a)
      a.tell('now')
      await until(async () => (await client.pttl('dce:call-news')) > 0 && a.untold === 0)
      const kept = await client.xrange('dce:call-news', '-', '+')
      assert.deepEqual(
        kept.map(([, fields]) => fields[3]),
        ['recent', 'now'],
      )
    } finally {
      client.disconnect()
    }
  })

  it('are heard on, when the Redis has gone without a word and is another', async () => {
    const a = await gateway()
    const links: Socket[] = []
    const silent: Socket[] = []
    const proxy = createServer((client) => {
      const server = connect(redis.port, '127.0.0.1')
      links.push(client, server)
      for (const [one, other] of [[client, server] as const, [server, client] as const])
        one
          .on('error', () => {})
          .on('data', (bytes) => silent.includes(client) || other.write(bytes))
          .on('close', () => other.destroy())
    }).listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    try {
      const { port } = proxy.address() as AddressInfo
      const b = new CallStream({ ...OPTIONS, url: `redis://127.0.0.1:${port}`, lookBackMs: 0 })
      streams.push(b)
      const heard: string[] = []
      await b.listen((news) => heard.push(news))
      silent.push(...links)
      a.stream.tell('after the silence')
      await until(() => heard.includes('after the silence'))
    } finally {
      proxy.close()
      for (const link of links) link.destroy()
    }
  })

  it('wait for a Redis that is away, and the oldest are given up past the limit', async () => {
    const [a, b] = [await gateway(), await gateway()]
    b.heard.length = 0
    lost = 0
    await redis.kill()
    for (let nth = 0; nth < MAX_UNTOLD + 5; nth++) a.stream.tell(`meanwhile ${nth}`)
    await until(() => lost === 5)
    await redis.start()
    await until(() => b.heard.length >= MAX_UNTOLD && a.stream.untold === 0)
    assert.equal(b.heard[0], 'meanwhile 5')
    assert.equal(b.heard.at(-1), `meanwhile ${MAX_UNTOLD + 4}`)
  })

  it('need no Redis at the start, and come once it is there', async () => {
    await redis.kill()
    const [a, b] = [await gateway(), await gateway()]
    a.stream.tell('hello')
    await redis.start()
    await until(() => b.heard.includes('hello'))
  })
})
