import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Worker } from 'node:worker_threads'
import { newId, type CallId } from '../../model/ids.ts'
import { createRelay } from '../../media/relay.ts'
import type { RelayOptions } from '../../media/relay-options.ts'
import type { RelayStats } from '../../media/relay-messages.ts'
import { MediaUnavailable, type MediaServer, type MediaSession, type SessionStats } from '../../media/media-server.ts'
import { audioPort, rtcp, rtp, RtpParty } from './rtp-party.ts'

const logged: string[] = []
const needs = {
  log: {
    warn: (_details: object, message: string) => void logged.push(message),
    error: (_details: object, message: string) => void logged.push(message),
  },
}
/** How long a test waits for what must come. */
const PATIENCE_MS = 5000
const SMALL_RANGE = { from: 21_000, to: 21_199 }

async function withRelay(options: Partial<RelayOptions>, body: (relay: MediaServer) => Promise<void>): Promise<void> {
  const relay = await createRelay(needs, { address: '127.0.0.1', portRange: SMALL_RANGE, portQuietMs: 0, ...options })
  try {
    await body(relay)
    assert.equal(relay.sessionCount, 0, 'every test closes what it opened')
  } finally {
    await relay.close()
  }
}

interface Call {
  readonly session: MediaSession
  readonly caller: RtpParty
  readonly buyer: RtpParty
  /** Where each party sends. */
  readonly callerSide: number
  readonly buyerSide: number
}

/** An answered call between two parties. */
async function connect(relay: MediaServer, parties: { caller: RtpParty; buyer: RtpParty }, mux = false): Promise<Call> {
  const { caller, buyer } = parties
  const session = await relay.createSession({ callId: newId<CallId>(), callerOffer: caller.describe({ mux }) })
  const offer = await session.offerToBuyer()
  const answer = await session.answerFromBuyer(buyer.describe({ mux }))
  return { session, caller, buyer, callerSide: audioPort(answer), buyerSide: audioPort(offer) }
}

describe('relay', () => {
  let caller: RtpParty
  let buyer: RtpParty
  let stranger: RtpParty

  beforeEach(async () => {
    caller = await RtpParty.open()
    buyer = await RtpParty.open()
    stranger = await RtpParty.open()
  })

  afterEach(() => {
    for (const party of [caller, buyer, stranger]) party.close()
  })

  it('passes audio both ways, byte for byte', async () => {
    await withRelay({}, async (relay) => {
      const call = await connect(relay, { caller, buyer })
      const there = rtp({ sequence: 1, mark: 7 })
      assert.deepEqual(await pass(caller, buyer, call.callerSide, there), there)
      const back = rtp({ sequence: 9, mark: 8 })
      assert.deepEqual(await pass(buyer, caller, call.buyerSide, back), back)
      const extended = Buffer.concat([
        rtp({ sequence: 2, size: 12 }),
        Buffer.from('bede0003000000000000000000000000', 'hex'),
        Buffer.alloc(160, 3),
      ])
      extended[0] = 0x90
      assert.deepEqual(await pass(caller, buyer, call.callerSide, extended), extended)
      const stats = await call.session.close()
      assert.equal(stats.caller.packetsReceived, 2)
      assert.equal(stats.caller.octetsReceived, 172 + extended.length)
      assert.equal(stats.buyer.packetsReceived, 1)
      assert.equal(stats.buyer.packetsLost, 0)
    })
  })

  it('takes even ports for RTP and sends from the port it told', async () => {
    await withRelay({}, async (relay) => {
      const call = await connect(relay, { caller, buyer })
      assert.equal(call.callerSide % 2, 0)
      assert.equal(call.buyerSide % 2, 0)
      const heard = buyer.next()
      caller.send(rtp({ sequence: 1 }), call.callerSide)
      assert.equal((await heard).from.port, call.buyerSide)
      await call.session.close()
    })
  })

  it('passes RTCP on ports of its own', async () => {
    await withRelay({}, async (relay) => {
      const call = await connect(relay, { caller, buyer })
      const heard = buyer.nextRtcp()
      caller.sendRtcp(rtcp(5), call.callerSide + 1)
      const { packet, from } = await heard
      assert.deepEqual(packet, rtcp(5))
      assert.equal(from.port, call.buyerSide + 1)
      const stats = await call.session.close()
      assert.equal(stats.caller.packetsReceived, 0, 'RTCP is not counted as audio')
    })
  })

  it('passes RTCP between a side that shares its port and one that does not (RFC 5761)', async () => {
    await withRelay({}, async (relay) => {
      const session = await relay.createSession({
        callId: newId<CallId>(),
        callerOffer: caller.describe({ mux: true }),
      })
      const offer = await session.offerToBuyer()
      assert.match(offer, /a=rtcp-mux/)
      const answer = await session.answerFromBuyer(buyer.describe({ mux: false }))
      assert.match(answer, /a=rtcp-mux/)
      const atBuyer = buyer.nextRtcp()
      caller.send(rtcp(5), audioPort(answer))
      assert.deepEqual((await atBuyer).packet, rtcp(5))
      const atCaller = caller.next()
      buyer.sendRtcp(rtcp(6), audioPort(offer) + 1)
      assert.deepEqual((await atCaller).packet, rtcp(6))
      await session.close()
    })
  })

  it('drops and counts packets from another source once latched', async () => {
    await withRelay({}, async (relay) => {
      const call = await connect(relay, { caller, buyer })
      await pass(caller, buyer, call.callerSide, rtp({ sequence: 1 }))
      stranger.send(rtp({ sequence: 2, mark: 66 }), call.callerSide)
      await pass(caller, buyer, call.callerSide, rtp({ sequence: 2, mark: 1 }))
      assert.ok(!buyer.heard.some(({ packet }) => packet[171] === 66))
      const stats = relayStats(await call.session.close())
      assert.equal(stats.caller.dropped.foreign, 1)
      assert.equal(stats.caller.packetsReceived, 2)
      assert.ok(logged.includes('packets from other sources than the party were dropped'))
    })
  })

  it('sends to where a party behind NAT sends from, whatever its description says', async () => {
    await withRelay({}, async (relay) => {
      const callerOffer = caller.describe({ address: '192.0.2.1' })
      const session = await relay.createSession({ callId: newId<CallId>(), callerOffer })
      const offer = await session.offerToBuyer()
      const answer = await session.answerFromBuyer(buyer.describe())
      await pass(caller, buyer, audioPort(answer), rtp({ sequence: 1 }))
      const back = rtp({ sequence: 1, mark: 3 })
      assert.deepEqual(await pass(buyer, caller, audioPort(offer), back), back)
      await session.close()
    })
  })

  it('believes no other address than the description’s when strict', async () => {
    await withRelay({ latching: 'strict' }, async (relay) => {
      const callerOffer = caller.describe({ address: '192.0.2.1' })
      const session = await relay.createSession({ callId: newId<CallId>(), callerOffer })
      const offer = await session.offerToBuyer()
      const answer = await session.answerFromBuyer(buyer.describe())
      caller.send(rtp({ sequence: 1 }), audioPort(answer))
      buyer.send(rtp({ sequence: 1 }), audioPort(offer))
      const stats = await untilStats(session, (s) => s.caller.dropped.foreign === 1 && s.buyer.packetsReceived === 1)
      assert.equal(stats.caller.packetsReceived, 0)
      assert.equal(buyer.heard.length, 0)
      await session.close()
    })
  })

  it('drops and counts what is not RTP', async () => {
    await withRelay({}, async (relay) => {
      const call = await connect(relay, { caller, buyer })
      for (const junk of [
        Buffer.from('x'),
        Buffer.alloc(0),
        Buffer.alloc(172, 0x41),
        rtp({ sequence: 1, size: 5000 }),
      ]) {
        caller.send(junk, call.callerSide)
      }
      caller.sendRtcp(Buffer.from('hello, world'), call.callerSide + 1)
      const stats = await untilStats(call.session, (s) => s.caller.dropped.invalid === 5)
      assert.equal(stats.caller.packetsReceived, 0)
      await pass(caller, buyer, call.callerSide, rtp({ sequence: 1 }))
      await call.session.close()
    })
  })

  it('carries early media, then the answer of another place', async () => {
    await withRelay({}, async (relay) => {
      const call = await connect(relay, { caller, buyer })
      await pass(buyer, caller, call.buyerSide, rtp({ sequence: 1, mark: 1 }))
      const answer = await call.session.answerFromBuyer(stranger.describe())
      assert.equal(audioPort(answer), call.callerSide)
      const late = rtp({ sequence: 1, mark: 2, ssrc: 77 })
      assert.deepEqual(await pass(stranger, caller, call.buyerSide, late), late)
      assert.ok(await pass(caller, stranger, call.callerSide, rtp({ sequence: 1 })))
      await call.session.close()
    })
  })

  it('gives each target its own port, so that a former one is not heard', async () => {
    await withRelay({}, async (relay) => {
      const call = await connect(relay, { caller, buyer })
      await pass(buyer, caller, call.buyerSide, rtp({ sequence: 1, mark: 1 }))
      const offer = await call.session.offerToBuyer()
      assert.notEqual(audioPort(offer), call.buyerSide)
      await call.session.answerFromBuyer(stranger.describe())
      buyer.send(rtp({ sequence: 2, mark: 66 }), call.buyerSide)
      await pass(stranger, caller, audioPort(offer), rtp({ sequence: 1, mark: 2 }))
      assert.ok(!caller.heard.some(({ packet }) => packet[171] === 66))
      const stats = await call.session.close()
      assert.equal(stats.buyer.packetsReceived, 1, 'the figures are the last target’s')
    })
  })

  it('follows a re-INVITE to another port', async () => {
    await withRelay({}, async (relay) => {
      const call = await connect(relay, { caller, buyer })
      await pass(buyer, caller, call.buyerSide, rtp({ sequence: 1 }))
      const offer = await call.session.reoffer('buyer', stranger.describe())
      assert.equal(audioPort(offer), call.callerSide)
      const answer = await call.session.reanswer('caller', caller.describe())
      assert.equal(audioPort(answer), call.buyerSide)
      assert.ok(await pass(caller, stranger, call.callerSide, rtp({ sequence: 1 })))
      assert.ok(await pass(stranger, caller, call.buyerSide, rtp({ sequence: 2 })))
      await call.session.close()
    })
  })

  it('says so when a side that should be sending is silent, once', async () => {
    await withRelay({ rtpTimeoutMs: 200 }, async (relay) => {
      const call = await connect(relay, { caller, buyer })
      let times = 0
      call.session.on('rtpTimeout', () => times++)
      const pulse = setInterval(() => caller.send(rtp({ sequence: 1 }), call.callerSide), 20)
      call.session.established()
      const [side] = await once(call.session, 'rtpTimeout')
      clearInterval(pulse)
      assert.equal(side, 'buyer')
      await new Promise((resolve) => setTimeout(resolve, 400)) // The caller is silent too now; one ending is enough.
      assert.equal(times, 1)
      await call.session.close()
    })
  })

  it('does not take hold, or a call not yet answered, for silence', async () => {
    await withRelay({ rtpTimeoutMs: 100 }, async (relay) => {
      const ringing = await connect(relay, { caller, buyer })
      const held = await connect(relay, { caller, buyer })
      const fired: string[] = []
      ringing.session.on('rtpTimeout', () => fired.push('ringing'))
      held.session.on('rtpTimeout', () => fired.push('held'))
      held.session.established()
      const offer = await held.session.reoffer('caller', caller.describe({ lines: ['a=sendonly'] }))
      assert.match(offer, /a=sendonly/)
      assert.match(await held.session.reanswer('buyer', buyer.describe({ lines: ['a=recvonly'] })), /a=recvonly/)
      // The silence of a third call, answered after the others, is the clock.
      const silent = await connect(relay, { caller, buyer })
      silent.session.established()
      await once(silent.session, 'rtpTimeout')
      await new Promise((resolve) => setTimeout(resolve, 100))
      assert.deepEqual(fired, [])
      await held.session.reoffer('caller', caller.describe())
      await held.session.reanswer('buyer', buyer.describe())
      await once(held.session, 'rtpTimeout')
      for (const { session } of [ringing, held, silent]) await session.close()
    })
  })

  it('refuses a session when its ports are out, and takes one when they are back', async () => {
    await withRelay({ portRange: { from: 21_300, to: 21_303 } }, async (relay) => {
      const callerOffer = caller.describe()
      const first = await relay.createSession({ callId: newId<CallId>(), callerOffer })
      await assert.rejects(relay.createSession({ callId: newId<CallId>(), callerOffer }), (error) => {
        assert.ok(error instanceof MediaUnavailable)
        assert.match(error.message, /no free RTP port/)
        return true
      })
      assert.equal(relay.sessionCount, 1)
      await first.close()
      const second = await relay.createSession({ callId: newId<CallId>(), callerOffer })
      await second.close()
    })
  })

  it('lets a port rest before it is given again', async () => {
    await withRelay({ portRange: { from: 21_310, to: 21_313 }, portQuietMs: 60_000 }, async (relay) => {
      const callerOffer = caller.describe()
      const session = await relay.createSession({ callId: newId<CallId>(), callerOffer })
      await session.close()
      await assert.rejects(relay.createSession({ callId: newId<CallId>(), callerOffer }), MediaUnavailable)
    })
  })

  it('passes over ports that other programs hold', async () => {
    await withRelay({ portRange: { from: 21_320, to: 21_327 } }, async (one) => {
      await withRelay({ portRange: { from: 21_320, to: 21_327 } }, async (two) => {
        const callerOffer = caller.describe()
        const sessions = []
        for (const relay of [one, two])
          sessions.push(await relay.createSession({ callId: newId<CallId>(), callerOffer }))
        await assert.rejects(two.createSession({ callId: newId<CallId>(), callerOffer }), MediaUnavailable)
        for (const session of sessions) await session.close()
      })
    })
  })

  it('holds nothing after a thousand sessions, and closes twice as once', async () => {
    await withRelay({ threads: 2 }, async (relay) => {
      const callerOffer = caller.describe()
      for (let i = 0; i < 50; i++) {
        // 20 at a time, 4 ports each: more than the range could hold if any were kept.
        const sessions = await Promise.all(
          Array.from({ length: 20 }, () => relay.createSession({ callId: newId<CallId>(), callerOffer })),
        )
        assert.equal(relay.sessionCount, 20)
        const closed = await Promise.all(sessions.map((session) => session.close()))
        if (i === 0) assert.deepEqual(await sessions[0]!.close(), closed[0])
        assert.equal(relay.sessionCount, 0)
      }
    })
  })

  it('fails the calls of a thread that dies, and takes new ones on another', async () => {
    let worker: Worker | undefined
    process.once('worker', (started) => (worker = started))
    await withRelay({}, async (relay) => {
      const call = await connect(relay, { caller, buyer })
      const failed = once(call.session, 'failed')
      await worker?.terminate()
      assert.match(String((await failed)[0]), /died/)
      assert.equal(relay.sessionCount, 0)
      assert.equal((await call.session.close()).caller.packetsReceived, 0)
      await assert.rejects(call.session.offerToBuyer(), MediaUnavailable)
      const again = await untilUp(() => connect(relay, { caller, buyer }))
      assert.ok(await pass(caller, buyer, again.callerSide, rtp({ sequence: 1 })))
      await again.session.close()
    })
  })

  it('does not start on an address that is not this machine’s', async () => {
    await assert.rejects(
      createRelay(needs, { address: '192.0.2.1', portRange: SMALL_RANGE }),
      /192\.0\.2\.1: EADDRNOTAVAIL/,
    )
  })

  it('refuses options it cannot keep, by name', async () => {
    const bad: [Partial<RelayOptions>, RegExp][] = [
      [{ address: 'localhost' }, /address localhost/],
      [{ address: '0.0.0.0' }, /needs a public address/],
      [{ publicAddress: '::1' }, /public address ::1/],
      [{ portRange: { from: 9, to: 20 } }, /range 9-20/],
      [{ portRange: { from: 20_000, to: 10_000 } }, /range 20000-10000/],
      [{ portRange: { from: 20_000, to: 20_002 } }, /four ports/],
      [{ threads: 0 }, /threads 0/],
      [{ rtpTimeoutMs: -1 }, /rtpTimeoutMs/],
      [{ portQuietMs: Number.NaN }, /portQuietMs/],
    ]
    for (const [options, message] of bad) {
      await assert.rejects(
        createRelay(needs, { address: '127.0.0.1', portRange: SMALL_RANGE, ...options }),
        (error) => {
          assert.ok(error instanceof RangeError)
          assert.match(error.message, message)
          return true
        },
      )
    }
  })

  it('takes no session once closed', async () => {
    const relay = await createRelay(needs, { address: '127.0.0.1', portRange: SMALL_RANGE })
    const session = await relay.createSession({ callId: newId<CallId>(), callerOffer: caller.describe() })
    await relay.close()
    await relay.close()
    assert.equal(relay.sessionCount, 0)
    await assert.rejects(session.offerToBuyer(), MediaUnavailable)
    await assert.rejects(
      relay.createSession({ callId: newId<CallId>(), callerOffer: caller.describe() }),
      MediaUnavailable,
    )
  })
})

/** Sends one packet and resolves with it as it arrives. What came to the relay's socket before it has then been seen too. */
async function pass(from: RtpParty, to: RtpParty, port: number, packet: Buffer): Promise<Buffer> {
  const heard = to.next()
  from.send(packet, port)
  return (await heard).packet
}

/** The relay's figures tell what was dropped beside what every engine tells. */
function relayStats(stats: SessionStats): RelayStats {
  assert('dropped' in stats.caller && 'dropped' in stats.buyer)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- asserted above.
  return stats as RelayStats
}

/** Asks until the figures are as awaited: each asking waits for the relay thread, so this is no busy loop. */
async function untilStats(session: MediaSession, met: (stats: RelayStats) => boolean): Promise<RelayStats> {
  const startMs = performance.now()
  for (;;) {
    const stats = relayStats(await session.stats())
    if (met(stats)) return stats
    assert(performance.now() - startMs < PATIENCE_MS, `still ${JSON.stringify(stats)}`)
  }
}

async function untilUp<T>(attempt: () => Promise<T>): Promise<T> {
  const startMs = performance.now()
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof MediaUnavailable) || performance.now() - startMs > PATIENCE_MS) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}
