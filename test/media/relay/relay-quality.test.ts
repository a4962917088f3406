import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, pass, untilStats, withRelay, type Call } from './relayed-call.ts'
import { rtp, RtpParty } from './rtp-party.ts'

const SR_AT = 10

describe('what the relay knows of audio', () => {
  let caller: RtpParty
  let buyer: RtpParty

  beforeEach(async () => {
    caller = await RtpParty.open()
    buyer = await RtpParty.open()
  })

  afterEach(() => {
    caller.close()
    buyer.close()
  })

  /** One side speaks until the test has seen what it wants. */
  function speaking(from: RtpParty, port: number, mark = 0x33): () => void {
    let sequence = 0
    const timer = setInterval(() => from.send(rtp({ sequence: ++sequence, mark }), port), 10)
    return () => clearInterval(timer)
  }

  it('scores each direction by its own loss', async () => {
    await withRelay({}, async (relay) => {
      const call = await connect(relay, { caller, buyer })
      for (let i = 0; i < 60; i++) {
        if (i % 6 !== 5) await pass(caller, buyer, call.callerSide, rtp({ sequence: i, timestamp: 0 }))
        await pass(buyer, caller, call.buyerSide, rtp({ sequence: i, timestamp: 0 }))
      }
      const { caller: lossy, buyer: whole } = await call.session.close()
      assert.equal(lossy.packetsLost, 9)
      // 15 % loss of G.711: Ie-eff is 95 · 15.25 / (15.25 + 25.1) = 36, R 57 or less.
      assert.ok(lossy.quality!.mosMean! > 2 && lossy.quality!.mosMean! < 3, String(lossy.quality?.mosMean))
      assert.ok(whole.quality!.mosMin! > 4, String(whole.quality?.mosMin))
    })
  })

  it('tells the way to each party and back from the reports it passes on untouched', async () => {
    await withRelay({}, async (relay) => {
      const call = await connect(relay, { caller, buyer })
      const report = Buffer.alloc(28)
      report.set([0x80, 200, 0, 6])
      report.writeUInt32BE(0x1234_5678, SR_AT)
      const heard = buyer.nextRtcp()
      caller.sendRtcp(report, call.callerSide + 1)
      assert.deepEqual((await heard).packet, report)
      const answer = Buffer.alloc(32)
      answer.set([0x81, 201, 0, 7])
      answer.writeUInt32BE(3, 12)
      answer.writeUInt32BE(0x1234_5678, 24)
      const back = caller.nextRtcp()
      buyer.sendRtcp(answer, call.buyerSide + 1)
      assert.deepEqual((await back).packet, answer)
      const stats = await call.session.close()
      const { roundTripMs, reportedLost } = stats.buyer.quality!
      assert.ok(roundTripMs !== null && roundTripMs >= 0 && roundTripMs < 2000, String(roundTripMs))
      assert.equal(reportedLost, 3)
      assert.equal(stats.caller.quality?.roundTripMs, null, 'it has reported nothing yet')
    })
  })

  it('names the side that is missing, and lets the call go on', async () => {
    await withRelay({ oneWayAfterMs: 150 }, async (relay) => {
      const call = await connect(relay, { caller, buyer })
      call.session.on('rtpTimeout', () => assert.fail('nobody asked for that'))
      call.session.established()
      const stop = speaking(buyer, call.buyerSide)
      const stats = await untilStats(call.session, (s) => s.caller.quality?.fault === 'no_audio')
      stop()
      assert.equal(stats.buyer.quality?.fault, null)
      assert.ok((await call.session.close()).caller.quality!.faultMs >= 150)
    })
  })

  it('names digital silence', async () => {
    await withRelay({ oneWayAfterMs: 150 }, async (relay) => {
      const call = await connect(relay, { caller, buyer })
      call.session.established()
      const stops = [speaking(buyer, call.buyerSide), speaking(caller, call.callerSide, 0xff)]
      const stats = await untilStats(call.session, (s) => s.caller.quality?.fault === 'digital_silence')
      for (const stop of stops) stop()
      assert.equal(stats.buyer.quality?.fault, null)
      await call.session.close()
    })
  })

  it('gives the call up where the setting says so', async () => {
    await withRelay({ oneWayAfterMs: 150, oneWayEndsCall: true }, async (relay) => {
      const call: Call = await connect(relay, { caller, buyer })
      call.session.established()
      const stop = speaking(caller, call.callerSide)
      assert.deepEqual(await once(call.session, 'rtpTimeout'), ['buyer'])
      stop()
      assert.equal((await call.session.close()).buyer.quality?.fault, 'no_audio')
    })
  })
})
