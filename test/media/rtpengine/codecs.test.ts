import assert from 'node:assert/strict'
import { UnacceptableMedia, type MediaServer, type MediaSession, type Sdp } from '../../../media/media-server.ts'
import { createRtpengine } from '../../../media/rtpengine/rtpengine.ts'
import { newId, type CallId } from '../../../model/ids.ts'
import { RtpengineProcess, rtpengineIsInstalled } from '../../support/rtpengine.ts'
import { toneHeard } from '../conformance/tone-party.ts'
import { needs } from '../relay/relayed-call.ts'
import { audioPort, RtpParty } from '../relay/rtp-party.ts'

const OPUS = ['a=rtpmap:111 opus/48000/2', 'a=fmtp:111 minptime=10;useinbandfec=1']

describe('the codecs of calls through rtpengine', function () {
  this.timeout(90_000)
  let program: RtpengineProcess
  let caller: RtpParty
  let buyer: RtpParty
  const closing: (() => Promise<unknown>)[] = []

  before(async function () {
    if (!rtpengineIsInstalled()) return this.skip()
    program = await RtpengineProcess.start({ rtpPorts: [24_000, 24_399] })
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

  async function server(codecs: readonly string[] = []): Promise<MediaServer> {
    const engines = [{ host: program.host, port: program.port, weight: 1 }]
    const one = await createRtpengine(needs, { engines, codecs })
    closing.push(() => one.close())
    return one
  }

  async function session(engine: MediaServer, callerOffer: Sdp): Promise<MediaSession> {
    const one = await engine.createSession({ callId: newId<CallId>(), callerOffer })
    closing.push(() => one.close())
    return one
  }

  /** The payload types of a description's audio. */
  const payloads = (sdp: Sdp): string => /^m=audio \d+ \S+ (.+)\r$/m.exec(sdp)![1]!
  const opusOnly = (party: RtpParty): Sdp => party.describe({ payloads: '111 101', lines: OPUS })

  it('offers a caller of Opus alone in G.711, too, and answers it in Opus', async () => {
    const call = await session(await server(), opusOnly(caller))
    assert.equal(payloads(await call.offerToBuyer(null)), '111 0 8 101')
    const told = await call.answerFromBuyer(buyer.describe({ payloads: '8 101' }))
    assert.match(payloads(told), /^111( 101)?$/)
    assert.match(told, /a=rtpmap:111 opus\/48000\/2/)
  })

  it('offers a browser Opus besides, whatever the caller speaks', async () => {
    const call = await session(await server(), caller.describe({ payloads: '0 101' }))
    const offer = await call.offerToBuyer(null, 'webrtc')
    assert.match(payloads(offer), /^0 8 \d+ \d+ 101$/)
    assert.match(offer, /a=rtpmap:\d+ opus\/48000\/2/)
  })

  it('holds and resumes a call whose sides have no codec in common', async () => {
    const call = await session(await server(), opusOnly(caller))
    await call.offerToBuyer(null)
    await call.answerFromBuyer(buyer.describe({ payloads: '0 101' }))
    const hold = await call.reoffer('caller', `${opusOnly(caller)}a=sendonly\r\n`)
    assert.match(hold, /a=sendonly/)
    assert.ok(payloads(hold).split(' ').includes('0'), 'what the buyer speaks is still there')
    const held = await call.reanswer('buyer', `${buyer.describe({ payloads: '0 101' })}a=recvonly\r\n`)
    assert.match(payloads(held), /^111/)
    const back = await call.reoffer('buyer', buyer.describe({ payloads: '0 101' }))
    assert.ok(payloads(back).split(' ').includes('111'), 'what the caller speaks is still there')
    assert.match(payloads(await call.reanswer('caller', opusOnly(caller))), /^0/)
  })

  it('hides codecs that the policy does not name from the buyer, and offers the others in its order', async () => {
    const engine = await server(['PCMA', 'PCMU'])
    const call = await session(engine, caller.describe({ payloads: '111 0 18 101', lines: OPUS }))
    assert.equal(payloads(await call.offerToBuyer(null)), '8 0 101')
    const told = await call.answerFromBuyer(buyer.describe({ payloads: '8 101' }))
    assert.match(payloads(told), /^(?:111|0)\b/)
    const late = await engine.createSession({ callId: newId<CallId>(), callerOffer: null })
    closing.push(() => late.close())
    assert.match(payloads(await late.offerToBuyer(null)), /^8 0 101$/)
  })

  it('translates for a caller with none of the policy’s codecs, and refuses one whose codecs it cannot translate', async () => {
    const engine = await server(['PCMA'])
    const call = await session(engine, caller.describe({ payloads: '0 101' }))
    const offer = await call.offerToBuyer(null)
    assert.equal(payloads(offer), '8 101')
    const told = await call.answerFromBuyer(buyer.describe({ payloads: '8 101' }))
    assert.match(payloads(told), /^0\b/)
    assert.deepEqual(await toneHeard(caller, audioPort(told), 400, [buyer]), [[400]])
    assert.equal(buyer.heard.at(-1)!.packet[1]! & 0x7f, 8)
    assert.deepEqual(await toneHeard(buyer, audioPort(offer), 650, [caller], 8), [[650]])
    assert.equal(caller.heard.at(-1)!.packet[1]! & 0x7f, 0)
    const g729 = caller.describe({ payloads: '18 101' })
    await assert.rejects(session(engine, g729), (error: UnacceptableMedia) => {
      assert.ok(error instanceof UnacceptableMedia)
      assert.equal(error.warning, 305)
      return /none of the codecs offered \(G729, telephone-event\) is one of ours: PCMA/.test(error.message)
    })
    await assert.rejects(session(await server(['G729']), opusOnly(caller)), UnacceptableMedia)
  })

  it('passes G.729 on untouched, and G.722 as well as in G.711', async () => {
    const engine = await server()
    const call = await session(engine, caller.describe({ payloads: '18 101' }))
    assert.equal(payloads(await call.offerToBuyer(null)), '18 101')
    const wide = await session(engine, caller.describe({ payloads: '9 101' }))
    assert.equal(payloads(await wide.offerToBuyer(null)), '9 0 8 101')
  })
})
