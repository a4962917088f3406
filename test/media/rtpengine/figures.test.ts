import assert from 'node:assert/strict'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { MediaServer } from '../../../media/media-server.ts'
import type { RtpengineOptions } from '../../../media/rtpengine/engine-options.ts'
import { readStats } from '../../../media/rtpengine/engine-stats.ts'
import { createRtpengine } from '../../../media/rtpengine/rtpengine.ts'
import { SilenceWatch } from '../../../media/rtpengine/silence-watch.ts'
import { RtpengineProcess, rtpengineIsInstalled } from '../../support/rtpengine.ts'
import { toneHeard } from '../conformance/tone-party.ts'
import { connect, needs } from '../relay/relayed-call.ts'
import { rtp, RtpParty } from '../relay/rtp-party.ts'

const SENDER_REPORT = 200
/** How long reports seem to have been on their ways, there and back. */
const WAY_MS = 20
const TAGS = { caller: 'c', buyer: 'b' }

/** What a phone reports of the other's packets. */
interface Block {
  readonly ssrc: number
  readonly lost: number
  /** In units of the clock, 8000 Hz. */
  readonly jitter: number
  /** The middle of the NTP time of the other's last report. */
  readonly lastReport: number
  /** Between that report and this one. */
  readonly heldMs: number
}

/** A sender report of RFC 3550 §6.4.1, with one block. */
function senderReport(ssrc: number, sent: number, block: Block): Buffer {
  const packet = Buffer.alloc(52)
  packet[0] = 0x81
  packet[1] = SENDER_REPORT
  packet.writeUInt16BE(12, 2)
  packet.writeUInt32BE(ssrc, 4)
  const ms = Date.now()
  packet.writeUInt32BE(Math.floor(ms / 1000) + 2_208_988_800, 8) // NTP counts from 1900.
  packet.writeUInt32BE(Math.floor((ms % 1000) * 4_294_967.296), 12)
  packet.writeUInt32BE(sent * 160, 16)
  packet.writeUInt32BE(sent, 20)
  packet.writeUInt32BE(sent * 160, 24)
  packet.writeUInt32BE(block.ssrc, 28)
  packet.writeUInt32BE(block.lost, 32)
  packet.writeUInt32BE(1, 36)
  packet.writeUInt32BE(block.jitter, 40)
  packet.writeUInt32BE(block.lastReport, 44)
  packet.writeUInt32BE(Math.round(block.heldMs * 65.536), 48)
  return packet
}

describe('rtpengine’s figures', function () {
  this.timeout(90_000)
  let program: RtpengineProcess
  let caller: RtpParty
  let buyer: RtpParty
  const closing: (() => Promise<unknown>)[] = []

  before(async function () {
    if (!rtpengineIsInstalled()) return this.skip()
    program = await RtpengineProcess.start({ rtpPorts: [24_400, 24_799] })
  })
  after(() => program?.close())
  beforeEach(async () => {
    caller = await RtpParty.open()
    buyer = await RtpParty.open()
  })
  afterEach(async () => {
    for (const party of [caller, buyer]) party.close()
    for (const close of closing.splice(0).toReversed()) await close()
  })

  async function server(options: Partial<RtpengineOptions> = {}): Promise<MediaServer> {
    const engines = [{ host: program.host, port: program.port, weight: 1 }]
    const one = await createRtpengine(needs, { engines, ...options })
    closing.push(() => one.close())
    return one
  }

  it('are the loss, jitter, way there and back and opinion score that the phones report of each other', async () => {
    const { session, callerSide, buyerSide } = await connect(await server(), { caller, buyer })
    const phones = [
      { party: caller, port: callerSide, ssrc: 0x1111, lost: 3, jitter: 40 },
      { party: buyer, port: buyerSide, ssrc: 0x2222, lost: 7, jitter: 80 },
    ]
    /** When each one's last report was heard. */
    const heardMs = [0, 0]
    // It keeps one report a second at most, and scores from when it has the time there and back of both.
    for (let round = 0; round < 3; round++) {
      for (let n = 1; n <= 20; n++)
        for (const { party, port, ssrc } of phones)
          party.send(rtp({ sequence: 20 * round + n, ssrc, mark: 0x55 }), port)
      await sleep(1050)
      for (const [i, { party, port, ssrc, lost, jitter }] of phones.entries()) {
        await sleep(30)
        const other = phones[1 - i]!
        const lastReport = party.heardRtcp.at(-1)?.packet.readUInt32BE(10) ?? 0
        const heldMs = performance.now() - heardMs[1 - i]! - WAY_MS
        const heard = other.party.nextRtcp()
        party.sendRtcp(senderReport(ssrc, 20 * round, { ssrc: other.ssrc, lost, jitter, lastReport, heldMs }), port + 1)
        await heard
        heardMs[i] = performance.now()
      }
    }
    const stats = await session.close()
    assert.equal(stats.caller.packetsReceived, 60)
    assert.equal(stats.caller.packetsLost, 7, 'the buyer’s phone says so')
    assert.equal(stats.buyer.packetsLost, 3)
    assert.equal(stats.caller.quality?.reportedLost, 3, 'of what the buyer sent')
    assert.equal(stats.buyer.quality?.reportedLost, 7)
    assert.equal(stats.caller.jitterMs, 10)
    assert.equal(stats.buyer.jitterMs, 5)
    for (const { quality } of [stats.caller, stats.buyer]) {
      assert.ok(quality)
      assert.ok(quality.mosMean !== null && quality.mosMean > 1 && quality.mosMean <= 5, `${quality.mosMean}`)
      assert.ok(quality.mosMin! <= quality.mosMean)
      assert.ok(quality.roundTripMs! > WAY_MS / 2, `${quality.roundTripMs}`)
      assert.equal(quality.fault, null)
    }
  })

  it('claim nothing that nobody has reported', async () => {
    const { session, callerSide } = await connect(await server(), { caller, buyer })
    await toneHeard(caller, callerSide, 400, [buyer])
    const { caller: heard } = await session.close()
    assert.equal(heard.packetsReceived, 10)
    assert.deepEqual([heard.packetsLost, heard.jitterMs, heard.quality], [0, 0, undefined])
  })

  it('name a side that is not heard while the other is, and the call goes on', async () => {
    const engine = await server({ oneWayAfterMs: 400, queryIntervalMs: 100 })
    const { session, callerSide } = await connect(engine, { caller, buyer })
    session.established()
    session.on('rtpTimeout', () => assert.fail('the call goes on'))
    for (let n = 0; n < 4; n++) await toneHeard(caller, callerSide, 400, [buyer])
    const { caller: heard, buyer: missing } = await session.close()
    assert.equal(missing.quality?.fault, 'no_audio')
    assert.ok(missing.quality.faultMs >= 400, `${missing.quality.faultMs}`)
    assert.equal(missing.quality.mosMean, null)
    assert.equal(heard.quality, undefined)
  })

  it('end the call of such a side where they are to', async () => {
    const engine = await server({ oneWayAfterMs: 400, oneWayEndsCall: true, queryIntervalMs: 100 })
    const { session, buyerSide } = await connect(engine, { caller, buyer })
    session.established()
    const ended = once(session, 'rtpTimeout', { signal: AbortSignal.timeout(20_000) })
    for (let n = 0; n < 4; n++) await toneHeard(buyer, buyerSide, 650, [caller])
    assert.deepEqual(await ended, ['caller'])
    await session.close()
  })

  it('are nothing where the reply has none of them', () => {
    for (const reply of [{}, { tags: { c: { medias: [] } } }, { tags: 'none', SSRC: 7 }, { SSRC: { 5: 'x' } }]) {
      const { caller: heard } = readStats(reply, TAGS)
      assert.deepEqual(heard, { packetsReceived: 0, octetsReceived: 0, packetsLost: 0, jitterMs: 0 })
    }
  })
})

describe('a silence on rtpengine', () => {
  const stats = (callerPackets: number, buyerPackets: number) => ({
    caller: { packetsReceived: callerPackets, packetsLost: 0, octetsReceived: 0, jitterMs: 0 },
    buyer: { packetsReceived: buyerPackets, packetsLost: 0, octetsReceived: 0, jitterMs: 0 },
  })
  const LIMITS = { rtpTimeoutMs: 0, oneWayAfterMs: 30, oneWayEndsCall: false }

  it('is no fault of a side that was heard and may pause, nor on hold', async () => {
    const watch = new SilenceWatch(LIMITS)
    watch.judge(stats(5, 5), true, () => true)
    for (let n = 1; n <= 4; n++) {
      await sleep(20)
      watch.judge(stats(5 + n, 5), true, (side) => side === 'buyer')
    }
    assert.equal(watch.faultMs('buyer'), 0)
    for (let n = 5; n <= 8; n++) {
      await sleep(20)
      watch.judge(stats(5 + n, 5), false, () => false)
    }
    assert.equal(watch.faultMs('buyer'), 0)
    for (let n = 9; n <= 12; n++) {
      await sleep(20)
      watch.judge(stats(5 + n, 5), true, () => true)
    }
    assert.ok(watch.faultMs('buyer') >= 30, 'since the hold it was not heard at all')
    assert.equal(watch.faultMs('caller'), 0)
  })

  it('of both sides is nobody’s fault', async () => {
    const watch = new SilenceWatch(LIMITS)
    for (let n = 0; n < 4; n++) {
      watch.judge(stats(0, 0), true, () => false)
      await sleep(20)
    }
    assert.deepEqual([watch.faultMs('caller'), watch.faultMs('buyer')], [0, 0])
  })
})
