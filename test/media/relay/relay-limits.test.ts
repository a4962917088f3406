import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Worker } from 'node:worker_threads'
import { newId, type CallId } from '../../../model/ids.ts'
import { createRelay } from '../../../media/relay/relay.ts'
import type { RelayOptions } from '../../../media/relay/relay-options.ts'
import { MediaUnavailable } from '../../../media/media-server.ts'
import { PACKETS_PER_SECOND_LIMIT } from '../../../media/relay/relay-leg.ts'
import { connect, needs, pass, SMALL_RANGE, untilStats, untilUp, withRelay } from './relayed-call.ts'
import { rtp, RtpParty } from './rtp-party.ts'

describe('relay limits', () => {
  let caller: RtpParty
  let buyer: RtpParty

  beforeEach(async () => {
    caller = await RtpParty.open()
    buyer = await RtpParty.open()
  })

  afterEach(() => {
    for (const party of [caller, buyer]) party.close()
  })

  it('says so when a side that should be sending is silent, once', async () => {
    await withRelay({ rtpTimeoutMs: 400 }, async (relay) => {
      const call = await connect(relay, { caller, buyer })
      let times = 0
      call.session.on('rtpTimeout', () => times++)
      const pulse = setInterval(() => caller.send(rtp({ sequence: 1 }), call.callerSide), 20)
      call.session.established()
      const [side] = await once(call.session, 'rtpTimeout')
      clearInterval(pulse)
      assert.equal(side, 'buyer')
      await new Promise((resolve) => setTimeout(resolve, 800)) // The caller is silent too now; one ending is enough.
      assert.equal(times, 1)
      await call.session.close()
    })
  })

  it('lets no packet go round for ever, where both sides are described to be at our own ports', async () => {
    await withRelay({}, async (relay) => {
      const at = (port: number): string => caller.describe().replace(/^m=audio \d+/m, `m=audio ${port}`)
      const { session, callerSide, buyerSide } = await connect(relay, { caller, buyer })
      await session.reoffer('caller', at(buyerSide))
      await session.reanswer('caller', at(callerSide))
      // Whoever is steady is believed, until the one described is heard.
      for (let sequence = 1; sequence <= 5; sequence++) buyer.send(rtp({ sequence }), callerSide)
      await untilStats(session, ({ caller: { dropped } }) => dropped.unsent > 0)
      await new Promise((resolve) => setTimeout(resolve, 1200))
      const { packetsReceived } = (await session.stats()).caller
      assert.ok(packetsReceived <= 2 * PACKETS_PER_SECOND_LIMIT, `${packetsReceived}`) // Two of our seconds may have begun.
      await session.close()
    })
  })

  it('does not take hold, or a call not yet answered, for silence', async () => {
    await withRelay({ rtpTimeoutMs: 100 }, async (relay) => {
      const ringing = await connect(relay, { caller, buyer })
      const held = await connect(relay, { caller, buyer })
      const fired: string[] = []
      ringing.session.on('rtpTimeout', () => fired.push('ringing'))
      held.session.on('rtpTimeout', () => fired.push('held'))
      const offer = await held.session.reoffer('caller', caller.describe({ lines: ['a=sendonly'] }))
      assert.match(offer, /a=sendonly/)
      assert.match(await held.session.reanswer('buyer', buyer.describe({ lines: ['a=recvonly'] })), /a=recvonly/)
      held.session.established()
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

  it('uses every port, whatever is kept ready at another address', async () => {
    const portRange = { from: 22_300, to: 22_427 } // 64 pairs: 4 ready at each address, 32 calls.
    // An address of this run alone: nobody else holds its ports.
    const address = `127.${20 + (process.pid % 200)}.255.2`
    await withRelay({ address, address6: '::1', portRange, portQuietMs: 60_000 }, async (relay) => {
      const callerOffer = caller.describe()
      const sessions = []
      for (let i = 0; i < 32; i++) sessions.push(await relay.createSession({ callId: newId<CallId>(), callerOffer }))
      await assert.rejects(relay.createSession({ callId: newId<CallId>(), callerOffer }), /no free RTP port/)
      for (const session of sessions) await session.close()
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
      await assert.rejects(call.session.offerToBuyer(null), MediaUnavailable)
      const again = await untilUp(() => connect(relay, { caller, buyer }))
      assert.ok(await pass(caller, buyer, again.callerSide, rtp({ sequence: 1 })))
      await again.session.close()
    })
  })

  it('fails a call as it is established when its thread died before', async () => {
    let worker: Worker | undefined
    process.once('worker', (started) => (worker = started))
    await withRelay({}, async (relay) => {
      const { session } = await connect(relay, { caller, buyer })
      await worker?.terminate()
      await untilUp(() => Promise.resolve(assert.equal(relay.sessionCount, 0)))
      const failed = once(session, 'failed')
      session.established()
      assert.match(String((await failed)[0]), /died/)
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
    await assert.rejects(session.offerToBuyer(null), MediaUnavailable)
    await assert.rejects(
      relay.createSession({ callId: newId<CallId>(), callerOffer: caller.describe() }),
      MediaUnavailable,
    )
  })

  it('keeps the target it has when there is no port for another', async () => {
    await withRelay({ portRange: { from: 21_330, to: 21_333 } }, async (relay) => {
      const call = await connect(relay, { caller, buyer })
      await assert.rejects(call.session.offerToBuyer(null), /no free RTP port/)
      assert.ok(await pass(buyer, caller, call.buyerSide, rtp({ sequence: 1 })))
      await call.session.close()
    })
  })
})
