import assert from 'node:assert/strict'
import { once, EventEmitter } from 'node:events'
import type { LegSide } from '../../../model/call.ts'
import type { MediaServer, MediaSession } from '../../../media/media-server.ts'
import { eventPayload } from '../../../media/relay/digits.ts'
import { shareOf } from '../../support/tones.ts'
import { TO_LINEAR } from '../../../media/relay/g711.ts'
import { pass, withRelay } from './relayed-call.ts'
import { audioPort, rtp, RtpParty } from './rtp-party.ts'

const EVENTS = 101

/** What is told of one side's keys, in order; `next` resolves with all of it when there is more. */
class Ear extends EventEmitter<{ told: [] }> {
  readonly told: string[] = []

  constructor(session: MediaSession, side: LegSide) {
    super()
    session.tools!.onKeys(side, {
      down: (digit) => this.#tell(`down ${digit}`),
      up: (digit, durationMs) => this.#tell(`up ${digit} ${durationMs}`),
    })
  }

  async next(count: number): Promise<readonly string[]> {
    while (this.told.length < count) await once(this, 'told')
    return this.told
  }

  #tell(what: string): void {
    this.told.push(what)
    this.emit('told')
  }
}

interface Press {
  readonly sequence: number
  readonly timestamp: number
  readonly payload?: number
  readonly isUp?: boolean
}

function keyPackets(
  digit: string,
  { sequence, timestamp, payload = EVENTS, isUp = true }: Press = { sequence: 1, timestamp: 1000 },
): Buffer[] {
  const bodies = [160, 320].map((duration) => eventPayload(digit, duration, false))
  if (isUp) for (let i = 0; i < 3; i++) bodies.push(eventPayload(digit, 480, true))
  return bodies.map((body, i) =>
    Buffer.concat([rtp({ sequence: sequence + i, timestamp, payload, ssrc: 7, size: 12 }), body]),
  )
}

describe('the relay’s key presses', () => {
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

  async function called(relay: MediaServer, callers: string, buyers: string) {
    const strip = (sdp: string): string => sdp.replace('a=rtpmap:101 telephone-event/8000\r\n', '')
    const says = (party: RtpParty, payloads: string): string => {
      const sdp = party.describe({ payloads })
      return payloads.includes('101') ? sdp : strip(sdp)
    }
    const session = await relay.createSession({ callId: 'c' as never, callerOffer: says(caller, callers) })
    const offer = await session.offerToBuyer(null)
    const answer = await session.answerFromBuyer(says(buyer, buyers))
    return { session, offer, answer, callerSide: audioPort(answer), buyerSide: audioPort(offer), says }
  }

  it('are offered to a buyer though the caller has none, and kept from the caller, but told', async () => {
    await withRelay({}, async (relay) => {
      const { session, offer, answer, buyerSide } = await called(relay, '0', '0 101')
      assert.match(offer, /m=audio \d+ RTP\/AVP 0 8 101\r[^]*a=rtpmap:101 telephone-event\/8000\r[^]*a=fmtp:101 0-15\r/)
      assert.match(answer, /m=audio \d+ RTP\/AVP 0\r/)
      const { tools } = session
      assert.deepEqual([tools!.keyWay('caller'), tools!.keyWay('buyer')], ['none', 'sent'])
      const ear = new Ear(session, 'buyer')
      await session.stats() // The thread listens by now.
      for (const packet of keyPackets('5')) buyer.send(packet, buyerSide)
      assert.deepEqual(await ear.next(2), ['down 5', 'up 5 60'])
      await pass(buyer, caller, buyerSide, rtp({ sequence: 50 }))
      assert.equal(caller.heard.length, 1, 'no events of which it knows nothing')
      await tools!.sendDigits('buyer', '7')
      assert.deepEqual([...new Set(buyer.heard.map(({ packet }) => [packet[1]! & 0x7f, packet[12]].join()))], ['101,7'])
      await session.close()
    })
  })

  it('are answered to a caller though the buyer has none', async () => {
    await withRelay({}, async (relay) => {
      const { session, answer, callerSide } = await called(relay, '0 101', '0')
      assert.match(answer, /m=audio \d+ RTP\/AVP 0 101\r[^]*a=rtpmap:101 telephone-event\/8000\r/)
      assert.deepEqual([session.tools!.keyWay('caller'), session.tools!.keyWay('buyer')], ['sent', 'none'])
      const ear = new Ear(session, 'caller')
      await session.stats()
      for (const packet of keyPackets('D')) caller.send(packet, callerSide)
      assert.deepEqual(await ear.next(2), ['down D', 'up D 60'])
      assert.equal(buyer.heard.length, 0)
      await session.close()
    })
  })

  it('pass untouched where both have agreed to them, and are told of when somebody watches', async () => {
    await withRelay({}, async (relay) => {
      const { session, callerSide } = await called(relay, '0 101', '0 101')
      const { tools } = session
      assert.deepEqual([tools!.keyWay('caller'), tools!.keyWay('buyer')], ['passed', 'passed'])
      const ear = new Ear(session, 'caller')
      await session.stats()
      const [first, ...rest] = keyPackets('1', { sequence: 1, timestamp: 1000 })
      const passed = await pass(caller, buyer, callerSide, first!)
      assert.deepEqual(passed, first)
      for (const packet of rest) await pass(caller, buyer, callerSide, packet)
      assert.deepEqual(ear.told, [])
      assert.equal(tools!.watchKeys('caller'), true)
      assert.deepEqual(await ear.next(2), ['down 1', 'up 1 60'], 'the one of a moment ago')
      const [down] = keyPackets('2', { sequence: 10, timestamp: 3000, isUp: false })
      caller.send(down!, callerSide)
      assert.deepEqual((await ear.next(3)).slice(2), ['down 2'], 'while it is down')
      assert.deepEqual((await ear.next(4)).slice(3), ['up 2 20'], 'its end was lost')
      await session.close()
    })
  })

  it('have numbers of their own on each side', async () => {
    await withRelay({}, async (relay) => {
      const session = await relay.createSession({
        callId: 'c' as never,
        callerOffer: caller.describe({ payloads: '0 101' }),
      })
      const offer = await session.offerToBuyer(null)
      const other = buyer.describe({ payloads: '0 96', lines: ['a=rtpmap:96 telephone-event/8000'] })
      const answer = await session.answerFromBuyer(other)
      assert.match(answer, /RTP\/AVP 0 101\r/)
      assert.deepEqual([session.tools!.keyWay('caller'), session.tools!.keyWay('buyer')], ['sent', 'sent'])
      const ear = new Ear(session, 'buyer')
      await session.stats() // The thread listens by now.
      for (const packet of keyPackets('3', { sequence: 1, timestamp: 1000, payload: 96 }))
        buyer.send(packet, audioPort(offer))
      assert.deepEqual(await ear.next(2), ['down 3', 'up 3 60'])
      await session.tools!.sendDigits('buyer', '4')
      assert.equal(buyer.heard[0]!.packet[1]! & 0x7f, 96)
      await session.close()
    })
  })

  it('are not sent to a side that listens to nothing now, and are again when it does', async () => {
    await withRelay({}, async (relay) => {
      const { session } = await called(relay, '0 101', '0 101')
      await session.reoffer('buyer', buyer.describe({ payloads: '0 101', lines: ['a=sendonly'] }))
      await session.reanswer('caller', caller.describe({ payloads: '0 101', lines: ['a=recvonly'] }))
      assert.deepEqual([session.tools!.keyWay('caller'), session.tools!.keyWay('buyer')], ['passed', 'none'])
      await session.reoffer('buyer', buyer.describe({ payloads: '0 101' }))
      await session.reanswer('caller', caller.describe({ payloads: '0 101' }))
      assert.equal(session.tools!.keyWay('buyer'), 'passed')
      await session.close()
      assert.equal(session.tools!.keyWay('buyer'), 'none')
    })
  })

  it('keep their number through later offers, and leave no other codec’s', async () => {
    await withRelay({}, async (relay) => {
      const lines = ['a=rtpmap:101 opus/48000/2']
      const offered = caller.describe({ payloads: '0 101', lines }).replace('a=rtpmap:101 telephone-event/8000\r\n', '')
      const session = await relay.createSession({ callId: 'c' as never, callerOffer: offered })
      assert.match(await session.offerToBuyer(null), /RTP\/AVP 0 101 8 96\r[^]*a=rtpmap:96 telephone-event\/8000\r/)
      const answered = buyer.describe({ payloads: '0 96', lines: ['a=rtpmap:96 telephone-event/8000'] })
      await session.answerFromBuyer(answered)
      assert.match(await session.offerTo('buyer'), /RTP\/AVP 0 8 96\r/)
      await session.close()
    })
  })

  it('are pressed between what is played, which goes on where it was', async () => {
    await withRelay({}, async (relay) => {
      const { session } = await called(relay, '0 101', '0 101')
      const tools = session.tools!
      const played = tools.play('buyer', { kind: 'tone', hertz: [1000], onMs: 600, offMs: 0 })
      await buyer.next()
      await tools.sendDigits('buyer', '12')
      const began = tools.sendDigits('buyer', '3')
      const second = tools.play('caller', { kind: 'tone', hertz: [1000], onMs: 100, offMs: 0 })
      await Promise.all([played, began, second])
      const kinds = buyer.heard.map(({ packet }) => packet[1]! & 0x7f)
      assert.ok(kinds.filter((kind) => kind === 0).length > 20, 'all of the tone, but for frames of a busy moment')
      assert.ok(kinds.indexOf(EVENTS) < kinds.lastIndexOf(0), 'the tone goes on after the keys')
      const digits = new Set(buyer.heard.flatMap(({ packet }) => ((packet[1]! & 0x7f) === EVENTS ? [packet[12]] : [])))
      assert.deepEqual([...digits], [1, 2, 3])
      const audio = buyer.heard.filter(({ packet }) => (packet[1]! & 0x7f) === 0)
      assert.ok(
        shareOf(
          1000,
          audio.flatMap(({ packet }) => Array.from(packet.subarray(12), (byte) => TO_LINEAR.u[byte]!)),
        ) > 0.95,
      )
      await session.close()
    })
  })

  it('on their way are not cut off by what begins to play', async () => {
    await withRelay({}, async (relay) => {
      const { session } = await called(relay, '0 101', '0 101')
      const tools = session.tools!
      const dialled = tools.sendDigits('buyer', '0123')
      await buyer.next()
      await tools.play('buyer', { kind: 'tone', hertz: [1000], onMs: 100, offMs: 0 })
      await dialled
      const kinds = buyer.heard.map(({ packet }) => packet[1]! & 0x7f)
      assert.equal(new Set(buyer.heard.slice(0, kinds.indexOf(0)).map(({ packet }) => packet[12])).size, 4)
      assert.ok(kinds.includes(0))
      await session.close()
    })
  })

  it('cannot be told to a side with neither events nor G.711', async () => {
    await withRelay({}, async (relay) => {
      const { session } = await called(relay, '18', '18')
      assert.equal(session.tools!.watchKeys('caller'), false)
      await assert.rejects(session.tools!.sendDigits('buyer', '1'), /neither key presses nor G\.711/)
      await session.close()
    })
  })
})
