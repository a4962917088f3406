import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { FreeSwitch } from '../../../media/freeswitch/freeswitch.ts'
import type { FreeSwitchSession } from '../../../media/freeswitch/freeswitch-session.ts'
import { MediaUnavailable, UnacceptableMedia } from '../../../media/media-server.ts'
import { readDescription } from '../../../media/sdp-reading.ts'
import type { CallId } from '../../../model/ids.ts'
import { FreeSwitchStage } from '../../support/freeswitch/freeswitch-stage.ts'
import type { ScriptedFreeSwitch } from '../../support/freeswitch/scripted-freeswitch.ts'
import { eventually } from '../../support/sip-server.ts'
import { description } from './descriptions.ts'

const callId = 'call' as CallId
const CALLER = description(40_000)
const BUYER = description(40_002, [], '8 101')

describe('A FreeSWITCH session', () => {
  let stage: FreeSwitchStage
  let freeswitch: ScriptedFreeSwitch
  let engine: FreeSwitch

  beforeEach(async () => {
    stage = await FreeSwitchStage.open()
    freeswitch = await stage.freeswitch()
    engine = await stage.engine([freeswitch])
  })
  afterEach(() => stage.close())

  const create = (callerOffer: string | null = CALLER): Promise<FreeSwitchSession> =>
    engine.createSession({ callId, callerOffer })

  /** A call that both have answered. */
  async function talking(): Promise<FreeSwitchSession> {
    const session = await create()
    await session.offerToBuyer(null)
    await session.answerFromBuyer(BUYER)
    session.established()
    return session
  }

  it('makes a channel for each party and joins them, though they have no codec in common', async () => {
    const session = await create(description(40_000, [], '0 101'))
    const offer = readDescription(await session.offerToBuyer(null))
    const [caller, buyer] = freeswitch.channels
    assert.ok(offer.audio.codecs.some(({ name }) => name === 'PCMA'))
    assert.equal(offer.audio.rtpPort, readDescription(buyer!.localSdp).audio.rtpPort)
    const answer = readDescription(await session.answerFromBuyer(BUYER))
    assert.deepEqual(
      answer.audio.codecs.map(({ name }) => name),
      ['PCMU', 'telephone-event'],
    )
    assert.equal(answer.audio.rtpPort, readDescription(caller!.localSdp).audio.rtpPort)
    assert.equal(caller!.bridgedTo, buyer)
    assert.equal(readDescription(buyer!.remoteSdp).audio.rtpPort, 40_002)
    assert.equal(engine.sessionCount, 1)
  })

  it('says nothing of FreeSWITCH and keeps every m= line of an offer in its place', async () => {
    const session = await create(CALLER.replace('m=audio', 'm=video 40010 RTP/AVP 96\r\nm=audio'))
    await session.offerToBuyer(null)
    const answer = await session.answerFromBuyer(BUYER)
    assert.doesNotMatch(answer, /FreeSWITCH/i)
    assert.match(answer, /m=video 0 RTP\/AVP 96\r\nm=audio \d/)
  })

  it('offers each target a channel of its own and ends the one before', async () => {
    const session = await create()
    const first = readDescription(await session.offerToBuyer(null)).audio.rtpPort
    const told = await session.answerFromBuyer(BUYER)
    const second = readDescription(await session.offerToBuyer(told)).audio.rtpPort
    assert.notEqual(first, second)
    assert.equal(freeswitch.live.length, 2)
    assert.equal(await session.answerFromBuyer(description(40_004)), told)
    assert.equal(freeswitch.live[0]!.bridgedTo, freeswitch.live[1])
  })

  it('makes the offer where the caller leaves it to us, and joins when it is answered', async () => {
    const session = await create(null)
    await session.offerToBuyer(null)
    const offer = readDescription(await session.answerFromBuyer(BUYER))
    assert.equal(freeswitch.channels[0]!.bridgedTo, null)
    assert.ok(offer.audio.codecs.length > 1)
    await session.answerFrom('caller', CALLER)
    assert.equal(freeswitch.channels[0]!.bridgedTo, freeswitch.channels[1])
  })

  it('hands a hold on, and FreeSWITCH hears of it with the answer', async () => {
    const session = await talking()
    const [caller, buyer] = freeswitch.channels
    const offer = await session.reoffer('caller', description(40_006, ['a=sendonly']))
    assert.equal(readDescription(offer).audio.direction, 'sendonly')
    assert.equal(readDescription(caller!.remoteSdp).audio.rtpPort, 40_000)
    const answer = await session.reanswer('caller', description(40_008, ['a=recvonly'], '8 101'))
    assert.equal(readDescription(answer).audio.direction, 'recvonly')
    assert.equal(readDescription(caller!.remoteSdp).audio.rtpPort, 40_006)
    assert.equal(readDescription(buyer!.remoteSdp).audio.rtpPort, 40_008)
  })

  it('refuses an offer that FreeSWITCH has no codec for, and an answer', async () => {
    await assert.rejects(create(description(40_000, [], '18')), UnacceptableMedia)
    const session = await create()
    await session.offerToBuyer(null)
    await assert.rejects(session.answerFromBuyer(description(40_002, [], '18')), UnacceptableMedia)
    assert.match(await session.answerFromBuyer(BUYER), /m=audio/) // The next answer is heard all the same.
  })

  it('refuses a description with a variable in it before FreeSWITCH sees it', async () => {
    const offer = description(40_000, ['a=fmtp:101 0-15;${system touch x}'])
    await assert.rejects(create(offer), UnacceptableMedia)
    assert.equal(freeswitch.channels.length, 0)
  })

  it('gives a side to somebody else', async () => {
    const session = await talking()
    const [caller, buyer] = freeswitch.channels
    const offer = readDescription(await session.offerReplacement('buyer'))
    await session.takeReplacement(description(40_020))
    const newcomer = freeswitch.live.find((each) => each !== caller)!
    assert.equal(offer.audio.rtpPort, readDescription(newcomer.localSdp).audio.rtpPort)
    assert.ok(!buyer!.isUp)
    assert.equal(caller!.bridgedTo, newcomer)
  })

  it('introduces a newcomer with an offer of its own before it takes the place', async () => {
    const session = await talking()
    const [caller, buyer] = freeswitch.channels
    const offer = await session.introduceReplacement('caller', description(40_020))
    assert.equal(readDescription(offer).audio.rtpPort, readDescription(buyer!.localSdp).audio.rtpPort)
    await session.answerReplacement(BUYER)
    assert.equal(caller!.bridgedTo, buyer)
    await session.seatReplacement()
    assert.ok(!caller!.isUp)
    assert.notEqual(buyer!.bridgedTo, null)
  })

  it('drops a newcomer who does not come', async () => {
    const session = await talking()
    await session.offerReplacement('buyer')
    assert.equal(freeswitch.live.length, 3)
    session.dropReplacement()
    await eventually(() => freeswitch.live.length === 2)
  })

  it('reads the figures of both, with their fractions, and gives them again after the end', async () => {
    const session = await talking()
    const [caller] = freeswitch.channels
    for (const [name, value] of [
      ['in_packet_count', '500'],
      ['in_flaw_total', '3'],
      ['in_raw_bytes', '86000'],
      ['in_jitter_max_variance', '6.25'],
    ] as const)
      caller!.variables.set(`rtp_audio_${name}`, value)
    const expected = { packetsReceived: 500, packetsLost: 3, octetsReceived: 86_000, jitterMs: 2.5 }
    assert.deepEqual((await session.stats()).caller, expected)
    assert.deepEqual((await session.close()).caller, expected)
    assert.deepEqual((await session.close()).caller, expected)
  })

  it('ends every channel and every dialog with the session', async () => {
    const session = await talking()
    await session.offerReplacement('caller')
    await session.close()
    assert.equal(freeswitch.live.length, 0)
    assert.equal(engine.sessionCount, 0)
    await eventually(async () => (await stage.server.handle.stats()).dialogs === 0)
    await assert.rejects(session.offerToBuyer(null), MediaUnavailable)
  })

  it('fails, once, when FreeSWITCH dies, and leaves no dialog behind', async () => {
    const session = await talking()
    const failed = once(session, 'failed')
    await freeswitch.die()
    assert.match(String((await failed)[0]), /channel of FreeSWITCH ended/)
    await session.close()
    assert.equal(engine.sessionCount, 1, 'who writes the record does not wait for BYEs to the dead')
    await assert.rejects(session.tools.play('caller', { kind: 'silence', ms: 10 }), MediaUnavailable)
    await eventually(() => engine.sessionCount === 0)
    await eventually(() => !engine.isUp)
    await assert.rejects(create(), MediaUnavailable)
    await eventually(async () => (await stage.server.handle.stats()).dialogs === 0)
  })

  it('tells of a channel that went before anybody listened, and ends the other', async () => {
    const session = await create()
    await session.offerToBuyer(null)
    await session.answerFromBuyer(BUYER)
    freeswitch.channels[1]!.end('DESTINATION_OUT_OF_ORDER')
    await eventually(() => freeswitch.live.length === 0)
    const failed = once(session, 'failed')
    session.established()
    assert.match(String((await failed)[0]), /DESTINATION_OUT_OF_ORDER/)
  })

  it('notices a side that has stopped sending, but not one on hold', async () => {
    const quick = await stage.engine([freeswitch], { rtpTimeoutMs: 90 })
    const session = await quick.createSession({ callId, callerOffer: CALLER })
    await session.offerToBuyer(null)
    await session.answerFromBuyer(description(40_002, ['a=inactive']))
    const silent: string[] = []
    session.on('rtpTimeout', (side) => silent.push(side))
    session.established()
    await new Promise((resolve) => void setTimeout(resolve, 300))
    assert.deepEqual(silent, [])
    await session.reoffer('buyer', description(40_002))
    await session.reanswer('buyer', CALLER)
    await eventually(() => silent.length > 0)
  })
})

describe('A FreeSWITCH channel that does not come', () => {
  let stage: FreeSwitchStage

  beforeEach(async () => {
    stage = await FreeSwitchStage.open()
  })
  afterEach(() => stage.close())

  it('is given up after the deadline, and hung up when it comes after all', async () => {
    const freeswitch = await stage.freeswitch()
    const engine = await stage.engine([freeswitch], { commandTimeoutMs: 200 })
    freeswitch.habits.connectBackAfterMs = 500
    await assert.rejects(engine.createSession({ callId, callerOffer: CALLER }), /did not make a channel within 200 ms/)
    assert.equal(engine.sessionCount, 0)
    await eventually(() => freeswitch.live.length === 0)
  })

  it('is a refusal of the engine when FreeSWITCH has no room', async () => {
    const freeswitch = await stage.freeswitch()
    const engine = await stage.engine([freeswitch])
    freeswitch.habits.refuseWith = 503
    await assert.rejects(engine.createSession({ callId, callerOffer: CALLER }), (error) => {
      assert.ok(error instanceof MediaUnavailable)
      assert.match(error.message, /503/)
      return true
    })
  })

  it('is told of when a command is never answered', async () => {
    const freeswitch = await stage.freeswitch()
    const engine = await stage.engine([freeswitch], { commandTimeoutMs: 200 })
    const session = await engine.createSession({ callId, callerOffer: CALLER })
    await session.offerToBuyer(null)
    freeswitch.habits.silentTo.add('uuid_bridge')
    await assert.rejects(session.answerFromBuyer(BUYER), /did not join two channels within 200 ms/)
  })
})
