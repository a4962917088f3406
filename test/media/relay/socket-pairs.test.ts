import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import { PortPool, portPairs } from '../../../media/relay/port-pool.ts'
import { bindPair, closePair, type SocketPair } from '../../../media/relay/relay-socket.ts'
import { KEPT_MS, MANY_A_SECOND } from '../../../media/relay/resting-pairs.ts'
import { SocketPairs } from '../../../media/relay/socket-pairs.ts'
import { systemRandom } from '../../../model/random.ts'

/** Addresses of this run alone: nobody else holds their ports. */
const NETWORK = `127.${20 + (process.pid % 200)}.255`
let host = `${NETWORK}.1`

describe('SocketPairs', () => {
  const open = new Set<SocketPair>()
  let ready: number[]
  let pool: PortPool

  /** 64 pairs, of which 4 at each address may be kept ready. */
  function start(limit: number, { addresses = [host], quietMs = 0, to = 22_557 } = {}): SocketPairs {
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
    for (const port of ready.splice(0)) pairs.release(host, port)
  }

  afterEach(() => open.forEach(close))

  it('keeps as many bound as it may, and binds another for each that is taken', async () => {
    const pairs = start(4)
    await someTurns()
    assert.equal(ready.length, 4)
    assert.equal(pool.free, 60)
    const port = ready.shift()!
    assert.equal(bindPair(host, port), 'EADDRINUSE')
    assert.equal(hold(pairs.take(host, port)).port, port)
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
      for (const pair of [pairs.take(host, ready.shift()!), pairs.open(host)]) given.push(hold(pair).port)
    }
    assert.equal(new Set([...given, ...ready]).size, given.length + ready.length)
    assert.throws(() => pairs.take(host, given[0]!), /taken once/)
    assert.throws(() => pairs.release(host, given[0]!), /released once/)
    await releaseAll(pairs)
  })

  it('lets a port rest that a call had, and none that nobody had', async () => {
    const pairs = start(4, { quietMs: 60_000 })
    await untilReady(4)
    const [unused, used] = [ready.shift()!, ready.shift()!]
    const call = hold(pairs.take(host, used))
    give(pairs, call)
    pairs.release(host, unused)
    assert.equal(hold(pairs.open('127.0.0.2')).port, unused)
    const others = Array.from({ length: pool.free - 1 }, () => hold(pairs.open(host)).port)
    assert.ok(!others.includes(used))
    assert.equal(pairs.open(host), 'no free RTP port')
    await releaseAll(pairs)
  })

  it('keeps ports for whoever asks once they are few, and fills up when they are many again', async () => {
    const pairs = start(4)
    await untilReady(4)
    const calls = Array.from({ length: 44 }, () => hold(pairs.open(host)))
    hold(pairs.take(host, ready.shift()!))
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
    stranger.send('early', early, host)
    await once(stranger, 'listening')
    await new Promise((resolve) => setTimeout(resolve, 50))
    const { rtp } = hold(pairs.take(host, early))
    rtp.on('message', (packet) => (heard += packet.toString()))
    stranger.send('late', early, host)
    await once(rtp, 'message')
    assert.equal(heard, 'late')
    stranger.close()
    await releaseAll(pairs)
  })

  describe('where many calls end', () => {
    /** Wide enough for many a second, whatever the seconds' borders. */
    const WIDE = { to: 23_453 }

    // Each has an address of its own: what rests of another test is bound for some seconds.
    let tests = 1
    beforeEach(() => void (host = `${NETWORK}.${++tests}`))

    /** So many calls at once, which have ended. */
    function endMany(pairs: SocketPairs, count: number): SocketPair[] {
      const calls = Array.from({ length: count }, () => hold(pairs.open(host)))
      for (const call of calls) give(pairs, call)
      return calls
    }

    const isBound = (port: number): boolean => {
      const pair = bindPair(host, port)
      if (typeof pair !== 'string') closePair(pair)
      return typeof pair === 'string'
    }

    /** Until the sockets have been read, and looked at. */
    const aLook = (): Promise<void> => sleep(250)

    /** Those of them that rest, in their order; who ended before there were many is closed. */
    const endManyKept = (pairs: SocketPairs, count: number): SocketPair[] =>
      endMany(pairs, count).filter(({ port }) => isBound(port))

    /** Sends there for as long as told, as often as phones do. */
    async function sendTo(ports: readonly number[], ms: number): Promise<void> {
      const stranger = createSocket('udp4')
      for (const endMs = performance.now() + ms; performance.now() < endMs; await sleep(20))
        for (const port of ports) stranger.send('late', port, host)
      stranger.close()
    }

    it('keeps their pairs bound, and gives those again that rest longest', async () => {
      const pairs = start(0, WIDE)
      const calls = endMany(pairs, 3 * MANY_A_SECOND)
      const kept = calls.filter(({ port }) => isBound(port))
      assert.ok(kept.length > MANY_A_SECOND, `${kept.length}`)
      assert.ok(!isBound(calls[0]!.port), 'where few end a pair is closed')
      await aLook()
      for (const expected of kept) assert.equal(hold(pairs.open(host)), expected)
      assert.ok(!kept.includes(hold(pairs.open(host))))
    })

    it('keeps no more than half of its ports', async () => {
      const pairs = start(0, WIDE)
      const calls = [3 * MANY_A_SECOND, 3 * MANY_A_SECOND, pool.size / 4].flatMap((count) => endMany(pairs, count))
      const bound = calls.filter(({ port }, i) => calls.findIndex((each) => each.port === port) === i && isBound(port))
      assert.equal(bound.length, pool.size / 2)
      await aLook()
    })

    it('gives none to a call before its quiet time is over', async () => {
      const pairs = start(0, { ...WIDE, quietMs: 600 })
      const kept = endManyKept(pairs, 2 * MANY_A_SECOND)
      await aLook()
      assert.ok(!kept.includes(hold(pairs.open(host))))
      await sleep(600)
      assert.equal(hold(pairs.open(host)), kept[0])
    })

    it('passes over those that somebody goes on sending to, and gives them after a while of silence if it was but the end', async () => {
      const pairs = start(0, { ...WIDE, quietMs: 300 })
      const kept = endManyKept(pairs, 3 * MANY_A_SECOND)
      const ports = kept.map(({ port }) => port)
      const sending = Promise.all([sendTo([ports[0]!, ports[1]! + 1], 1200), sendTo([ports[2]!], 100)])
      await sleep(600)
      const given = kept.slice(3).map(() => hold(pairs.open(host)))
      assert.deepEqual(given, kept.slice(3))
      await sleep(450) // As long as it is quiet the third is not the first's.
      const more = Array.from({ length: 3 }, () => hold(pairs.open(host)))
      assert.deepEqual(kept.map((pair) => more.includes(pair)).slice(0, 3), [false, false, true])
      await sending
      await aLook()
      assert.ok(!isBound(ports[0]!) && !isBound(ports[1]!), 'they are closed')
    })

    it('has a port for a call whose quiet time is over, though somebody sends to all of them', async () => {
      const pairs = start(0, { ...WIDE, quietMs: 300 })
      const ports = endManyKept(pairs, 2 * MANY_A_SECOND).map(({ port }) => port)
      for (const held of Array.from({ length: pool.free }, () => pairs.open(host)))
        if (typeof held !== 'string') hold(held)
      const sending = sendTo(ports, 700)
      await sleep(550)
      const early = Array.from({ length: ports.length }, () => hold(pairs.open(host)))
      assert.equal(new Set(early).size, ports.length)
      await sending
    })

    it('gives none of which it has not read what came: a thread that stood still heard nothing', async () => {
      const pairs = start(0, { ...WIDE, quietMs: 300 })
      const [kept] = endManyKept(pairs, 2 * MANY_A_SECOND)
      await sleep(100)
      const stranger = createSocket('udp4')
      await new Promise((resolve) => stranger.send('late', kept!.port, host, resolve))
      for (const endMs = performance.now() + 400; performance.now() < endMs;); // Its quiet time goes by.
      assert.notEqual(hold(pairs.open(host)), kept)
      stranger.close()
      await aLook()
    })

    it('has ports and descriptors for an address at which none rests, and closes nothing for one that is not there', async () => {
      const pairs = start(0, { ...WIDE, quietMs: 300 })
      const kept = endManyKept(pairs, 3 * MANY_A_SECOND)
      for (const held of Array.from({ length: pool.free }, () => pairs.open(host)))
        if (typeof held !== 'string') hold(held)
      assert.equal(pairs.open('127.0.0.2'), 'no free RTP port')
      await sleep(550)
      const before = kept.filter(({ port }) => isBound(port)).length
      while (pool.free > 0) hold(pairs.open('127.0.0.2'))
      assert.equal(hold(pairs.open('127.0.0.2')).port, kept[0]!.port)
      assert.equal(kept.filter(({ port }) => isBound(port)).length, before - 1)
      give(pairs, open.values().next().value!)
      assert.equal(pairs.open('192.0.2.1'), 'no socket: EADDRNOTAVAIL')
    })

    it('closes them when nobody needs them', async function () {
      this.timeout(KEPT_MS + 5000)
      const pairs = start(0, WIDE)
      const kept = endManyKept(pairs, 2 * MANY_A_SECOND)
      assert.ok(kept.length > 0)
      const free = pool.free
      await sleep(KEPT_MS + 1200)
      assert.equal(pool.free, free + kept.length)
      assert.ok(kept.every(({ port }) => !isBound(port)))
    })

    it('tells a call nothing of what came before it, and lets it be heard', async () => {
      const pairs = start(0, WIDE)
      const [kept] = endManyKept(pairs, 2 * MANY_A_SECOND)
      await Promise.all([sendTo([kept!.port], 50), aLook()])
      let call = hold(pairs.open(host))
      while (call !== kept) call = hold(pairs.open(host)) // It began to rest anew.
      assert.deepEqual([call.rtp.listenerCount('message'), call.rtp.listenerCount('error')], [0, 1])
      let heard = ''
      call.rtp.on('message', (packet) => (heard += packet.toString()))
      const stranger = createSocket('udp4')
      stranger.send('mine', call.port, host)
      await once(call.rtp, 'message')
      assert.equal(heard, 'mine')
      stranger.close()
    })
  })
})
