import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import { PortPool, portPairs } from '../../../media/relay/port-pool.ts'
import { bindPair, type SocketPair } from '../../../media/relay/relay-socket.ts'
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
    pair.rtp.close()
    pair.rtcp.close()
    open.delete(pair)
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
    close(call)
    pairs.give(call.port)
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
    for (const call of ended) {
      close(call)
      pairs.give(call.port)
    }
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
})
