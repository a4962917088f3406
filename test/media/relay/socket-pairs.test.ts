import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import { PortPool, portPairs } from '../../../media/relay/port-pool.ts'
import { bindPair, closePair, type SocketPair } from '../../../media/relay/relay-socket.ts'
import { KEPT_MS, MANY_A_SECOND } from '../../../media/relay/resting-pairs.ts'
import { SocketPairs } from '../../../media/relay/socket-pairs.ts'
import { systemRandom } from '../../../model/random.ts'

/** An address of this run alone: nobody else holds its ports. */
const HOST = `127.${20 + (process.pid % 200)}.255.1`

describe('SocketPairs', () => {
  const open = new Set<SocketPair>()
  let ready: number[]
  let pool: PortPool

  /** 64 pairs, of which 4 at each address may be kept ready. */
  function start(limit: number, { addresses = [HOST], quietMs = 0, to = 22_557 } = {}): SocketPairs {
    pool = new PortPool(portPairs({ from: 22_430, to }), quietMs, systemRandom)
    ready = []
    const pairs = new SocketPairs(pool, addresses, limit, (_address, port) => ready.push(port))
    pairs.fill()
    return pairs
  }

  async function untilReady(count: number): Promise<void> {
    while (ready.length < count) await turn()
  }

  /** Longer than filling a reserve takes. */
  async function someTurns(): Promise<void> {
    for (let i = 0; i < 50; i++) await turn()
  }

  function hold(pair: SocketPair | string): SocketPair {
    assert.ok(typeof pair !== 'string', 'a pair is free')
    open.add(pair)
    return pair
  }

  function close(pair: SocketPair): void {
    closePair(pair)
    open.delete(pair)
  }

  /** A call leaves it. */
  function give(pairs: SocketPairs, pair: SocketPair): void {
    open.delete(pair)
    pairs.give(pair)
  }

  /** Once nothing is being bound any more. */
  async function releaseAll(pairs: SocketPairs): Promise<void> {
    await someTurns()
    for (const port of ready.splice(0)) pairs.release(HOST, port)
  }

  afterEach(() => open.forEach(close))

  it('keeps as many bound as it may, and binds another for each that is taken', async () => {
    const pairs = start(4)
    await someTurns()
    assert.equal(ready.length, 4)
    assert.equal(pool.free, 60)
    const port = ready.shift()!
    assert.equal(bindPair(HOST, port), 'EADDRINUSE')
    assert.equal(hold(pairs.take(HOST, port)).port, port)
    await untilReady(4)
    await someTurns()
    assert.equal(ready.length, 4)
    assert.equal(pool.free, 59)
    await releaseAll(pairs)
  })

  it('keeps no more than a sixteenth of its ports, and of a few ports none', async () => {
    const pairs = start(1000)
    await someTurns()
    assert.equal(ready.length, 4)
    await releaseAll(pairs)
    start(1000, { to: 22_459 })
    await someTurns()
    assert.deepEqual(ready, [])
  })

  it('gives no port twice, whether it was ready or asked for', async () => {
    const pairs = start(4)
    const given: number[] = []
    for (let i = 0; i < 20; i++) {
      await untilReady(2)
      for (const pair of [pairs.take(HOST, ready.shift()!), pairs.open(HOST)]) given.push(hold(pair).port)
    }
    assert.equal(new Set([...given, ...ready]).size, given.length + ready.length)
    assert.throws(() => pairs.take(HOST, given[0]!), /taken once/)
    assert.throws(() => pairs.release(HOST, given[0]!), /released once/)
    await releaseAll(pairs)
  })

  it('lets a port rest that a call had, and none that nobody had', async () => {
    const pairs = start(4, { quietMs: 60_000 })
    await untilReady(4)
    const [unused, used] = [ready.shift()!, ready.shift()!]
    const call = hold(pairs.take(HOST, used))
    give(pairs, call)
    pairs.release(HOST, unused)
    assert.equal(hold(pairs.open('127.0.0.2')).port, unused)
    const others = Array.from({ length: pool.free - 1 }, () => hold(pairs.open(HOST)).port)
    assert.ok(!others.includes(used))
    assert.equal(pairs.open(HOST), 'no free RTP port')
    await releaseAll(pairs)
  })

  it('keeps ports for whoever asks once they are few, and fills up when they are many again', async () => {
    const pairs = start(4)
    await untilReady(4)
    const calls = Array.from({ length: 44 }, () => hold(pairs.open(HOST)))
    hold(pairs.take(HOST, ready.shift()!))
    await someTurns()
    assert.equal(pool.free, 16)
    assert.equal(ready.length, 3)
    const ended = calls.slice(0, 10)
    for (const call of ended) give(pairs, call)
    await untilReady(4)
    await releaseAll(pairs)
  })

  it('drops what comes to a pair before somebody has it', async () => {
    const pairs = start(4)
    await untilReady(1)
    const stranger = createSocket('udp4')
    const early = ready.shift()!
    let heard = ''
    stranger.on('message', () => (heard += 'an answer'))
    stranger.send('early', early, HOST)
    await once(stranger, 'listening')
    await new Promise((resolve) => setTimeout(resolve, 50))
    const { rtp } = hold(pairs.take(HOST, early))
    rtp.on('message', (packet) => (heard += packet.toString()))
    stranger.send('late', early, HOST)
    await once(rtp, 'message')
    assert.equal(heard, 'late')
    stranger.close()
    await releaseAll(pairs)
  })

  describe('where many calls end', () => {
    /** Wide enough for many a second, whatever the seconds' borders. */
    const WIDE = { to: 23_453 }

    /** So many calls at once, which have ended. */
    function endMany(pairs: SocketPairs, count: number): SocketPair[] {
      const calls = Array.from({ length: count }, () => hold(pairs.open(HOST)))
      for (const call of calls) give(pairs, call)
      return calls
    }

    const isBound = (port: number): boolean => {
      const pair = bindPair(HOST, port)
      if (typeof pair !== 'string') closePair(pair)
      return typeof pair === 'string'
    }

    it('keeps their pairs bound, and gives those again that rest longest', async () => {
      const pairs = start(0, WIDE)
      const calls = endMany(pairs, 3 * MANY_A_SECOND)
      const kept = calls.filter(({ port }) => isBound(port))
      assert.ok(kept.length > MANY_A_SECOND, `${kept.length}`)
      assert.ok(!isBound(calls[0]!.port), 'where few end a pair is closed')
      for (const expected of kept) assert.equal(hold(pairs.open(HOST)), expected)
      await releaseAll(pairs)
    })

    it('keeps no more than half of its ports', async () => {
      const pairs = start(0, WIDE)
      for (let i = 0; i < 2; i++) endMany(pairs, 3 * MANY_A_SECOND)
      const calls = endMany(pairs, pool.free)
      assert.ok(calls.length > pool.size / 2)
      assert.ok(calls.filter(({ port }) => isBound(port)).length <= pool.size / 2)
      await releaseAll(pairs)
    })

    it('gives none to a call before its quiet time is over, nor while somebody still sends there', async () => {
      const pairs = start(0, { ...WIDE, quietMs: 300 })
      const kept = endMany(pairs, 2 * MANY_A_SECOND).filter(({ port }) => isBound(port))
      const others = Array.from({ length: pool.free }, () => pairs.open(HOST)).filter(
        (pair) => typeof pair !== 'string',
      )
      others.forEach(hold)
      assert.equal(pairs.open(HOST), 'no free RTP port')
      const stranger = createSocket('udp4')
      const pulse = setInterval(() => stranger.send('late', kept[0]!.port + 1, HOST), 20)
      await sleep(350)
      assert.ok(!kept.includes(hold(pairs.open(HOST))))
      clearInterval(pulse)
      stranger.close()
      await releaseAll(pairs)
    })

    it('closes them when nobody needs them', async function () {
      this.timeout(KEPT_MS + 5000)
      const pairs = start(0, WIDE)
      const kept = endMany(pairs, 2 * MANY_A_SECOND).filter(({ port }) => isBound(port))
      assert.ok(kept.length > 0)
      const free = pool.free
      await sleep(KEPT_MS + 1200)
      assert.equal(pool.free, free + kept.length)
      assert.ok(kept.every(({ port }) => !isBound(port)))
    })

    it('tells a call nothing of what came before it, and lets it be heard', async () => {
      const pairs = start(0, WIDE)
      const kept = endMany(pairs, 2 * MANY_A_SECOND).find(({ port }) => isBound(port))!
      const stranger = createSocket('udp4')
      stranger.send('early', kept.port, HOST)
      await sleep(50)
      const call = hold(pairs.open(HOST))
      assert.equal(call, kept)
      let heard = ''
      call.rtp.on('message', (packet) => (heard += packet.toString()))
      stranger.send('late', kept.port, HOST)
      await once(call.rtp, 'message')
      assert.equal(heard, 'late')
      stranger.close()
    })
  })
})
