import assert from 'node:assert/strict'
import { once, EventEmitter } from 'node:events'
import type { MediaServer, MediaSession } from '../../../media/media-server.ts'
import { createRtpengine } from '../../../media/rtpengine/rtpengine.ts'
import type { LegSide } from '../../../model/call.ts'
import { newId, type CallId } from '../../../model/ids.ts'
import { TO_LINEAR } from '../../../media/relay/g711.ts'
import { shareOf } from '../../support/tones.ts'
import { RtpengineProcess, rtpengineIsInstalled } from '../../support/rtpengine.ts'
import { digitHeard, toneHeard } from '../conformance/tone-party.ts'
import { needs } from '../relay/relayed-call.ts'
import { audioPort, rtp, RtpParty } from '../relay/rtp-party.ts'

const EVENTS = 101
const RTPMAP = 'a=rtpmap:101 telephone-event/8000\r\n'

describe('rtpengine’s key presses', function () {
  this.timeout(60_000)
  let program: RtpengineProcess
  let engine: MediaServer
  let caller: RtpParty
  let buyer: RtpParty
  const sessions: MediaSession[] = []

  before(async function () {
    if (!rtpengineIsInstalled()) return this.skip()
    program = await RtpengineProcess.start({ rtpPorts: [26_700, 26_899] })
    const engines = [{ host: program.host, port: program.port, weight: 1 }]
    engine = await createRtpengine(needs, { engines, pingIntervalMs: 200 })
  })
  after(async () => {
    await engine?.close()
    await program?.close()
  })
  beforeEach(async () => {
    caller = await RtpParty.open()
    buyer = await RtpParty.open()
  })
  afterEach(async () => {
    for (const session of sessions.splice(0)) await session.close()
    caller.close()
    buyer.close()
  })

  const says = (party: RtpParty, payloads: string): string =>
    payloads.includes('101') ? party.describe({ payloads }) : party.describe({ payloads }).replace(RTPMAP, '')

  async function open(callerOffer: string | null): Promise<MediaSession> {
    const session = await engine.createSession({ callId: newId<CallId>(), callerOffer })
    sessions.push(session)
    return session
  }

  async function called(callers: string, buyers: string) {
    const session = await open(says(caller, callers))
    const offer = await session.offerToBuyer(null)
    const answer = await session.answerFromBuyer(says(buyer, buyers))
    return { session, offer, answer, callerSide: audioPort(answer), buyerSide: audioPort(offer) }
  }

  /** The keys told of one side, once the copy of what it says comes: the first are pressed again until one is told. */
  async function keysTold(session: MediaSession, side: LegSide, press: (event: number) => Promise<unknown>) {
    const told: string[] = []
    const ear = new EventEmitter<{ up: [] }>()
    session.tools!.onKeys(side, {
      down: (digit) => told.push(`down ${digit}`),
      up: (digit) => {
        told.push(`up ${digit}`)
        ear.emit('up')
      },
    })
    session.tools!.watchKeys(side)
    while (told.length === 0) await press(3)
    const next = once(ear, 'up')
    await Promise.all([press(12), next])
    return told.slice(-2)
  }

  async function dialled(session: MediaSession, to: LegSide, digits: string): Promise<(number | undefined)[]> {
    const [from, party] = to === 'buyer' ? [caller, buyer] : [buyer, caller]
    const port = await whereTo(session, from)
    let sequence = 6000
    const speaks = (): void => {
      sequence++
      from.send(rtp({ sequence, timestamp: sequence * 160, mark: 0xd0, ssrc: from.port + 1 }), port)
    }
    const timer = setInterval(speaks, 20)
    try {
      await session.tools!.sendDigits(to, digits)
    } finally {
      clearInterval(timer)
    }
    const events = party.heard.filter(({ packet }) => (packet[1]! & 0x7f) === EVENTS)
    return [...new Set(events.map(({ packet }) => packet[12]))]
  }

  /** Its last offer of ours says where to send. */
  async function whereTo(session: MediaSession, from: RtpParty): Promise<number> {
    return audioPort(await session.offerTo(from === caller ? 'caller' : 'buyer'))
  }

  it('are offered to a buyer though the caller has none, who is answered none', async () => {
    const { session, offer, answer, buyerSide } = await called('0', '0 101')
    assert.match(offer, /m=audio \d+ RTP\/AVP 0 8 101\r[^]*a=rtpmap:101 telephone-event\/8000\r/)
    assert.doesNotMatch(answer, /telephone-event|RTP\/AVP .*101/)
    assert.deepEqual([session.tools!.keyWay('caller'), session.tools!.keyWay('buyer')], ['none', 'passed'])
    assert.equal(session.tools!.watchKeys('caller'), false)
    assert.deepEqual(await dialled(session, 'buyer', '7#'), [7, 11])
    const press = (event: number): Promise<unknown> => digitHeard(buyer, buyerSide, event, caller)
    assert.deepEqual(await keysTold(session, 'buyer', press), ['down A', 'up A'])
  })

  it('are answered to a caller though the buyer has none, who is dialled to by tones', async () => {
    const { session, answer, callerSide } = await called('0 101', '0')
    assert.match(answer, /m=audio \d+ RTP\/AVP 0 101\r[^]*a=rtpmap:101 telephone-event\/8000\r/)
    assert.deepEqual([session.tools!.keyWay('caller'), session.tools!.keyWay('buyer')], ['passed', 'none'])
    const press = (event: number): Promise<unknown> => digitHeard(caller, callerSide, event, buyer)
    assert.deepEqual(await keysTold(session, 'caller', press), ['down A', 'up A'])
    buyer.heard.length = 0
    await session.tools!.sendDigits('buyer', '1')
    const audio = buyer.heard.flatMap(({ packet }) => Array.from(packet.subarray(12), (byte) => TO_LINEAR.u[byte]!))
    const first = audio.slice(0, 800)
    assert.ok(shareOf(697, first) > 0.3 && shareOf(1209, first) > 0.3)
    assert.match(await session.offerTo('buyer'), /telephone-event/, 'it may have them yet')
  })

  it('pass where both have them, and are told of when somebody watches', async () => {
    const { session, callerSide } = await called('0 101', '0 101')
    assert.deepEqual([session.tools!.keyWay('caller'), session.tools!.keyWay('buyer')], ['passed', 'passed'])
    const press = (event: number): Promise<unknown> => digitHeard(caller, callerSide, event, buyer)
    assert.deepEqual(await keysTold(session, 'caller', press), ['down A', 'up A'])
    assert.deepEqual(await press(5), [5])
  })

  it('are offered to a caller who left the offer to us, and to a later buyer, whatever the first has answered', async () => {
    const late = await open(null)
    await late.offerToBuyer(null)
    assert.match(await late.answerFromBuyer(says(buyer, '0')), /telephone-event/)
    const session = await open(says(caller, '0'))
    await session.offerToBuyer(null)
    const told = await session.answerFromBuyer(says(buyer, '0'))
    assert.match(await session.offerToBuyer(told), /telephone-event/)
    assert.equal(await session.answerFromBuyer(says(buyer, '0 101')), told)
    assert.equal(session.tools!.keyWay('buyer'), 'passed')
  })

  it('are dialled between what is played over and over, which goes on', async () => {
    const { session } = await called('0 101', '0 101')
    const stop = new AbortController()
    const music = { kind: 'tone', hertz: [1200], onMs: 1000, offMs: 0 } as const
    const played = session.tools!.play('buyer', music, { repeat: true, signal: stop.signal })
    await buyer.next()
    assert.deepEqual(await dialled(session, 'buyer', '4'), [4])
    buyer.heard.length = 0
    await buyer.next()
    const [heard] = await toneHeard(caller, await whereTo(session, caller), 400, [buyer])
    assert.deepEqual(heard, [1200])
    stop.abort()
    await played
  })

  it('are dialled after what is played once, all of it', async () => {
    const { session } = await called('0 101', '0 101')
    const notice = session.tools!.play('buyer', { kind: 'tone', hertz: [1200], onMs: 600, offMs: 0 })
    const dial = dialled(session, 'buyer', '4')
    await notice
    assert.deepEqual(await dial, [4])
    const kinds = buyer.heard.map(({ packet }) => packet[1]! & 0x7f)
    assert.ok(kinds.slice(0, kinds.indexOf(EVENTS)).filter((kind) => kind === 0).length >= 20)
  })
})
