import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { newId, type CallId } from '../../../model/ids.ts'
import { exportWav } from '../../../media/recording/export-wav.ts'
import { UnacceptableMedia, type MediaServer, type Sdp } from '../../../media/media-server.ts'
import { encode, TO_LINEAR, TRANSCODE, type Law } from '../../../media/relay/g711.ts'
import { Srtp } from '../../../media/relay/srtp.ts'
import { shareOf } from '../../support/tones.ts'
import { pass, withRelay, type Call } from './relayed-call.ts'
import { audioPort, rtp, RtpParty } from './rtp-party.ts'

const ULAW = '0 13 101'
const ALAW = '8 13 101'

/** The payload types that a description names. */
function payloadsIn(sdp: Sdp): string {
  return /^m=audio \d+ \S+ ([\d ]+)\r$/m.exec(sdp)![1]!
}

/** A packet whose payload is every byte once. */
function everyByte(payload: number, sequence: number): Buffer {
  const packet = rtp({ sequence, payload, size: 268 })
  for (let byte = 0; byte < 256; byte++) packet[12 + byte] = byte
  return packet
}

function toneFrame(hertz: number, law: Law, n: number): Buffer {
  const packet = rtp({ sequence: n, payload: law === 'u' ? 0 : 8 })
  for (let i = 0; i < 160; i++)
    packet[12 + i] = encode(law, Math.round(9000 * Math.sin((2 * Math.PI * hertz * (160 * n + i)) / 8000)))
  return packet
}

describe('the relay between the two laws of G.711', function () {
  this.timeout(90_000)
  let caller: RtpParty
  let buyer: RtpParty
  let third: RtpParty

  beforeEach(async () => {
    caller = await RtpParty.open()
    buyer = await RtpParty.open()
    third = await RtpParty.open()
  })

  afterEach(() => {
    for (const party of [caller, buyer, third]) party.close()
  })

  /** A call whose caller speaks µ-law only and whose buyer A-law only. */
  async function inMixedCall(relay: MediaServer, body: (call: Call) => Promise<void>): Promise<void> {
    const session = await relay.createSession({
      callId: newId<CallId>(),
      callerOffer: caller.describe({ payloads: ULAW }),
    })
    const offer = await session.offerToBuyer(null)
    const answer = await session.answerFromBuyer(buyer.describe({ payloads: ALAW }))
    await body({ session, caller, buyer, callerSide: audioPort(answer), buyerSide: audioPort(offer) })
    await session.close()
  }

  it('offers a law the caller has not, last of those for speech, and tells the caller its own', async () => {
    await withRelay({}, async (relay) => {
      const lines = ['a=ptime:30', 'a=maxptime:60']
      const callerOffer = caller.describe({ payloads: '9 0 18 13 101', lines })
      const session = await relay.createSession({ callId: newId<CallId>(), callerOffer })
      const offer = await session.offerToBuyer(null)
      assert.equal(payloadsIn(offer), '9 0 18 8 13 101')
      assert.match(offer, /a=rtpmap:8 PCMA\/8000\r\n/)
      const answer = await session.answerFromBuyer(buyer.describe({ payloads: ALAW, lines }))
      assert.equal(payloadsIn(answer), ULAW)
      for (const text of [offer, answer]) assert.match(text, /a=ptime:30\r\na=maxptime:60\r\n/)
      await session.close()
    })
  })

  it('translates each byte of either law by the table, and nothing else of a packet', async () => {
    await withRelay({}, async (relay) => {
      await inMixedCall(relay, async (call) => {
        for (const [from, to, port, payload, law] of [
          [caller, buyer, call.callerSide, 0, 'u'],
          [buyer, caller, call.buyerSide, 8, 'a'],
        ] as const) {
          const sent = everyByte(payload, 5)
          sent[1]! |= 0x80 // Marked.
          const wanted = Buffer.from(sent)
          wanted[1] = 0x80 | (payload === 0 ? 8 : 0)
          for (let i = 12; i < wanted.length; i++) wanted[i] = TRANSCODE[law][wanted[i]!]!
          assert.deepEqual(await pass(from, to, port, sent), wanted)
        }
      })
    })
  })

  it('leaves contributing sources, a header extension and padding as they are', async () => {
    await withRelay({}, async (relay) => {
      await inMixedCall(relay, async (call) => {
        const head = rtp({ sequence: 1, size: 12 })
        head[0] = 0x80 | 0x20 | 0x10 | 1
        const extra = Buffer.from([1, 2, 3, 4, 0xbe, 0xde, 0, 1, 9, 9, 9, 9])
        const padding = Buffer.from([7, 7, 7, 4])
        const heard = await pass(
          caller,
          buyer,
          call.callerSide,
          Buffer.concat([head, extra, Buffer.alloc(160, 0x80), padding]),
        )
        assert.deepEqual(heard.subarray(12, 24), extra)
        assert.deepEqual(heard.subarray(24, 184), Buffer.alloc(160, TRANSCODE.u[0x80]))
        assert.deepEqual(heard.subarray(184), padding)
      })
    })
  })

  it('passes comfort noise (RFC 3389) and key presses untouched', async () => {
    await withRelay({}, async (relay) => {
      await inMixedCall(relay, async (call) => {
        const noise = rtp({ sequence: 1, payload: 13, size: 13, mark: 0x40 })
        assert.deepEqual(await pass(caller, buyer, call.callerSide, noise), noise)
        const key = rtp({ sequence: 2, payload: 101, size: 16, mark: 5 })
        assert.deepEqual(await pass(buyer, caller, call.buyerSide, key), key)
      })
    })
  })

  it('translates only what the other party has no codec for, packet by packet', async () => {
    await withRelay({}, async (relay) => {
      const callerOffer = caller.describe({ payloads: '8 101' })
      const session = await relay.createSession({ callId: newId<CallId>(), callerOffer })
      const offer = await session.offerToBuyer(null)
      const answer = await session.answerFromBuyer(buyer.describe({ payloads: '0 8 101' }))
      assert.equal(payloadsIn(answer), '8 101')
      // It has answered with both, so it may send either (RFC 3264 §6.1).
      const packet = everyByte(8, 1)
      assert.deepEqual(await pass(buyer, caller, audioPort(offer), packet), packet)
      const translated = await pass(buyer, caller, audioPort(offer), everyByte(0, 2))
      assert.equal(translated[1], 8)
      assert.equal(translated[12 + 0x80], TRANSCODE.u[0x80])
      const back = everyByte(8, 1)
      assert.deepEqual(await pass(caller, buyer, audioPort(answer), back), back)
      await session.close()
    })
  })

  it('stops when a re-INVITE brings a law in common, and begins with one that leaves none', async () => {
    await withRelay({}, async (relay) => {
      await inMixedCall(relay, async ({ session, callerSide }) => {
        assert.equal(payloadsIn(await session.offerTo('caller')), '8 0 13 101')
        await session.answerFrom('caller', caller.describe({ payloads: ULAW }))
        assert.equal((await pass(caller, buyer, callerSide, everyByte(0, 1)))[1], 8, 'as before')
        const offer = await session.reoffer('buyer', third.describe({ payloads: ULAW }))
        assert.equal(payloadsIn(offer), '0 8 13 101')
        const answer = await session.reanswer('caller', caller.describe({ payloads: ULAW }))
        assert.equal(payloadsIn(answer), ULAW)
        const packet = everyByte(0, 2)
        assert.deepEqual(await pass(caller, third, callerSide, packet), packet)
        await session.reoffer('caller', caller.describe({ payloads: ALAW }))
        assert.equal(payloadsIn(await session.reanswer('buyer', third.describe({ payloads: ULAW }))), ALAW)
        assert.equal((await pass(caller, third, callerSide, everyByte(8, 3)))[1], 0)
      })
    })
  })

  it('serves a later target in its law though the caller has been told the other, and a newcomer', async () => {
    await withRelay({}, async (relay) => {
      const callerOffer = caller.describe({ payloads: ALAW })
      const session = await relay.createSession({ callId: newId<CallId>(), callerOffer })
      await session.offerToBuyer(null)
      const told = await session.answerFromBuyer(buyer.describe({ payloads: ALAW }))
      const offer = await session.offerToBuyer(told)
      assert.equal(payloadsIn(offer), '8 0 13 101')
      assert.equal(await session.answerFromBuyer(buyer.describe({ payloads: ULAW })), told)
      assert.equal((await pass(buyer, caller, audioPort(offer), everyByte(0, 1)))[1], 8)
      await session.offerReplacement('caller')
      await session.takeReplacement(third.describe({ payloads: ALAW }))
      assert.equal((await pass(buyer, third, audioPort(offer), everyByte(0, 2)))[1], 8)
      await session.close()
    })
  })

  it('brings together a caller who left the offer to us and a buyer of the other law', async () => {
    await withRelay({}, async (relay) => {
      const session = await relay.createSession({ callId: newId<CallId>(), callerOffer: null })
      const toBuyer = await session.offerToBuyer(null)
      const toCaller = await session.answerFromBuyer(buyer.describe({ payloads: '0 101' }))
      assert.equal(payloadsIn(toCaller), '0 8 101')
      await session.answerFrom('caller', caller.describe({ payloads: '8 101' }))
      assert.equal((await pass(caller, buyer, audioPort(toCaller), everyByte(8, 1)))[1], 0)
      assert.equal((await pass(buyer, caller, audioPort(toBuyer), everyByte(0, 1)))[1], 8)
      await session.close()
    })
  })

  it('does as the policy says: a law it does not name is neither offered nor taken', async () => {
    await withRelay({ codecs: ['PCMU', 'G729'] }, async (relay) => {
      const callerOffer = caller.describe({ payloads: '0 101' })
      const session = await relay.createSession({ callId: newId<CallId>(), callerOffer })
      assert.equal(payloadsIn(await session.offerToBuyer(null)), '0 101')
      await assert.rejects(session.answerFromBuyer(buyer.describe({ payloads: '8 101' })), UnacceptableMedia)
      await assert.rejects(
        relay.createSession({ callId: newId<CallId>(), callerOffer: caller.describe({ payloads: '8 101' }) }),
        UnacceptableMedia,
      )
      await session.close()
    })
  })

  it('adds no law beside none, redundant audio (RFC 2198), or a number with another meaning', async () => {
    await withRelay({}, async (relay) => {
      for (const [payloads, ...lines] of [
        ['18 9 101'],
        ['0 96 101', 'a=rtpmap:96 red/8000'],
        ['0 8 101', 'a=rtpmap:8 L8/8000'],
      ] as const) {
        const callerOffer = caller.describe({ payloads, lines })
        const session = await relay.createSession({ callId: newId<CallId>(), callerOffer })
        assert.equal(payloadsIn(await session.offerToBuyer(null)), payloads)
        await session.close()
      }
    })
  })

  it('translates between decryption and encryption', async () => {
    await withRelay({}, async (relay) => {
      const key = randomBytes(30)
      const suite = 'AES_CM_128_HMAC_SHA1_80'
      const lines = [`a=crypto:1 ${suite} inline:${key.toString('base64')}`]
      const callerOffer = caller.describe({ payloads: ULAW, lines }).replace('RTP/AVP', 'RTP/SAVP')
      const session = await relay.createSession({ callId: newId<CallId>(), callerOffer })
      const offer = await session.offerToBuyer(null)
      const answer = await session.answerFromBuyer(buyer.describe({ payloads: ALAW }))
      const receive = Buffer.from(/inline:(\S+)/.exec(answer)![1]!, 'base64')
      const srtp = new Srtp({ suite, send: key, receive })
      const heard = await pass(caller, buyer, audioPort(answer), srtp.protect(everyByte(0, 1))!)
      assert.deepEqual([heard[1], heard[12]], [8, TRANSCODE.u[0]])
      const back = srtp.unprotect(await pass(buyer, caller, audioPort(offer), everyByte(8, 1)))!
      assert.deepEqual([back[1], back[12]], [0, TRANSCODE.a[0]])
      await session.close()
    })
  })

  it('plays to each party in its own law', async () => {
    await withRelay({}, async (relay) => {
      await inMixedCall(relay, async ({ session }) => {
        const tone = { kind: 'tone', hertz: [1000], onMs: 200, offMs: 0 } as const
        await Promise.all([session.tools!.play('caller', tone), session.tools!.play('buyer', tone)])
        for (const [party, payload, law] of [
          [caller, 0, 'u'],
          [buyer, 8, 'a'],
        ] as const) {
          assert.ok(party.heard.length >= 9, `${party.heard.length} frames`)
          assert.ok(party.heard.every(({ packet }) => (packet[1]! & 0x7f) === payload))
          const samples = party.heard.flatMap(({ packet }) =>
            Array.from(packet.subarray(12), (byte) => TO_LINEAR[law][byte]!),
          )
          assert.ok(shareOf(1000, samples) > 0.98)
        }
      })
    })
  })

  it('records each side from the law it spoke', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dce-laws-'))
    const keys = [{ id: 'k1', key: randomBytes(32) }]
    const out = join(folder, 'out.wav')
    try {
      await withRelay({ recordings: { folder, keys } }, async (relay) => {
        await inMixedCall(relay, async ({ session, callerSide, buyerSide }) => {
          const recording = await session.tools!.record({ name: 'call', maxMs: 60_000 })
          const sent = performance.now()
          for (let n = 0; n < 25; n++) {
            await sleep(Math.max(0, sent + 20 * n - performance.now()))
            caller.send(toneFrame(600, 'u', n), callerSide)
            buyer.send(toneFrame(1100, 'a', n), buyerSide)
          }
          await sleep(60)
          await exportWav((await recording.stop()).file, keys, out)
        })
      })
      const wav = readFileSync(out)
      const samples = new Int16Array(wav.buffer.slice(wav.byteOffset + 44))
      for (const [channel, hertz] of [600, 1100].entries()) {
        const heard = samples.filter((_, i) => i % 2 === channel)
        assert.ok(shareOf(hertz, heard.subarray(1000, 4000)) > 0.95, `channel ${channel}`)
      }
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
