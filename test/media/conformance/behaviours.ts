import assert from 'node:assert/strict'
import { once } from 'node:events'
import { MediaUnavailable, UnacceptableMedia } from '../../../media/media-server.ts'
import { audioPort } from '../relay/rtp-party.ts'
import { digitHeard, TONE_PACKETS, toneHeard } from './tone-party.ts'

import { MONITORING } from './monitoring.ts'
import { browserCalls, throughTwo } from './secured.ts'
import { TOOL_BEHAVIOURS } from './tools.ts'
import {
  answered,
  assertOffers,
  assertPackets,
  bothHear,
  hear,
  notHeard,
  open,
  ready,
  TONES,
  type Behaviour,
} from './stage.ts'

export const BEHAVIOURS: readonly Behaviour[] = [
  {
    name: 'carries audio both ways',
    async run(stage) {
      const talk = await answered(stage)
      await bothHear(stage, talk)
      await talk.session.close()
    },
  },
  {
    name: 'names its own address only',
    async run(stage) {
      const lines = ['a=x-secret:203.0.113.9', 'a=candidate:1 1 udp 1 203.0.113.9 9 typ host']
      const session = await open(
        stage,
        stage.caller.describe({ lines }).replace('o=phone', 'o=secret').replace('s=-', 's=secret'),
      )
      const offer = await session.offerToBuyer(null)
      const answer = await session.answerFromBuyer(stage.buyer.describe({ lines }).replace('o=phone', 'o=secret'))
      for (const text of [offer, answer]) {
        assert.doesNotMatch(text, /secret|203\.0\.113/)
        assert.ok(!text.includes(` ${stage.caller.port} `) && !text.includes(` ${stage.buyer.port} `), text)
        assert.ok(text.endsWith('\r\n'))
      }
      await session.close()
    },
  },
  {
    name: 'passes key presses (RFC 4733)',
    async run(stage) {
      const { session, callerPort, buyerPort } = await answered(stage)
      await hear(stage.caller, callerPort, TONES.caller, stage.buyer)
      assert.deepEqual(await digitHeard(stage.caller, callerPort, 7, stage.buyer), [7])
      assert.deepEqual(await digitHeard(stage.buyer, buyerPort, 11, stage.caller), [11])
      await session.close()
    },
  },
  {
    name: 'lets nobody hear a target that has not answered',
    async run(stage) {
      const session = await open(stage, stage.caller.describe())
      const offer = await session.offerToBuyer(null)
      await notHeard(stage.buyer, audioPort(offer), TONES.buyer, stage.caller)
      await session.answerFromBuyer(stage.buyer.describe())
      await hear(stage.buyer, audioPort(offer), TONES.buyer, stage.caller)
      await session.close()
    },
  },
  {
    name: 'carries early media, then the answer of another place',
    async run(stage) {
      const { session, callerPort, buyerPort, told } = await answered(stage)
      await hear(stage.buyer, buyerPort, TONES.buyer, stage.caller)
      const answer = await session.answerFromBuyer(stage.third.describe())
      assert.equal(audioPort(answer), audioPort(told), 'the caller goes on sending where it was told')
      await ready(stage)
      await hear(stage.third, buyerPort, TONES.third, stage.caller)
      await hear(stage.caller, callerPort, TONES.caller, stage.third)
      await session.close()
    },
  },
  {
    name: 'gives each target a port of its own, and forgets the former',
    async run(stage) {
      const { session, buyerPort } = await answered(stage)
      const offer = await session.offerToBuyer(null)
      assert.notEqual(audioPort(offer), buyerPort)
      const answer = await session.answerFromBuyer(stage.third.describe())
      await ready(stage)
      const [former] = await toneHeard(stage.buyer, buyerPort, TONES.buyer, [stage.caller])
      assert.deepEqual(former, [])
      await hear(stage.third, audioPort(offer), TONES.third, stage.caller)
      await hear(stage.caller, audioPort(answer), TONES.caller, stage.third)
      await session.close()
    },
  },
  {
    name: 'says the answer the caller has had again, for a later target',
    async run(stage) {
      // Between the two, an engine would speak G.722 with the caller.
      const payloads = stage.running.isBetween ? '0 101' : '9 0 101'
      const session = await open(stage, stage.caller.describe({ payloads }))
      const first = await session.offerToBuyer(null)
      const told = await session.answerFromBuyer(stage.buyer.describe({ payloads: '0 9 101', lines: ['a=sendonly'] }))
      const offer = await session.offerToBuyer(told)
      assertOffers(stage, offer, 0, /^0( 8)? 101$/)
      await notHeard(stage.third, audioPort(offer), TONES.third, stage.caller)
      if (!stage.running.isBetween)
        await assert.rejects(session.answerFromBuyer(stage.third.describe({ payloads: '9 101' })), UnacceptableMedia)
      assert.equal(await session.answerFromBuyer(stage.third.describe({ payloads: '0 101' })), told)
      assert.equal(session.callerHeardOtherwise, true, 'the first one only spoke')
      await ready(stage)
      await hear(stage.third, audioPort(offer), TONES.third, stage.caller)
      await hear(stage.caller, audioPort(told), TONES.caller, stage.third)
      await notHeard(stage.buyer, audioPort(first), TONES.buyer, stage.caller)
      await session.close()
    },
  },
  {
    name: 'offers a later target what the caller was told, though the caller makes another offer meanwhile',
    async run(stage) {
      const { session, told } = await answered(stage)
      const [answer, offer] = await Promise.all([
        session.renew('caller', stage.caller.describe({ payloads: '8 101' })),
        session.offerToBuyer(told),
      ])
      assert.match(answer, /m=audio \d+ RTP\/AVP 8 101\r/)
      assertOffers(stage, offer, 0, /^0( 8)? 101$/)
      await session.close()
    },
  },
  {
    name: 'makes the offer where the caller made none',
    async run(stage) {
      const session = await open(stage, null)
      const toBuyer = await session.offerToBuyer(null)
      assertOffers(stage, toBuyer, 0, /^0 8 101/)
      const toCaller = await session.answerFromBuyer(stage.buyer.describe())
      assertOffers(stage, toCaller, 0, /^0( 8)?( 101)?$/)
      await assert.rejects(session.answerFrom('caller', stage.caller.describe({ payloads: '18' })), UnacceptableMedia)
      await session.answerFrom('caller', stage.caller.describe())
      await ready(stage)
      await bothHear(stage, { session, told: toCaller, callerPort: audioPort(toCaller), buyerPort: audioPort(toBuyer) })
      await session.close()
    },
  },
  {
    name: 'follows a re-INVITE to another port',
    async run(stage) {
      const { session, callerPort, buyerPort } = await answered(stage)
      await hear(stage.buyer, buyerPort, TONES.buyer, stage.caller)
      const offer = await session.reoffer('buyer', stage.third.describe())
      assert.equal(audioPort(offer), callerPort)
      const answer = await session.reanswer('caller', stage.caller.describe())
      assert.equal(audioPort(answer), buyerPort)
      await hear(stage.caller, callerPort, TONES.caller, stage.third)
      await hear(stage.third, buyerPort, TONES.third, stage.caller)
      await session.close()
    },
  },
  {
    name: 'leaves the call as it was when a re-INVITE is refused',
    async run(stage) {
      const talk = await answered(stage)
      await talk.session.reoffer('buyer', stage.third.describe())
      await bothHear(stage, talk)
      await assert.rejects(talk.session.reoffer('buyer', 'v=0'), UnacceptableMedia)
      await bothHear(stage, talk)
      await talk.session.close()
    },
  },
  {
    name: 'holds and resumes',
    async run(stage) {
      const talk = await answered(stage)
      const { session } = talk
      const hold = await session.reoffer('caller', stage.caller.describe({ lines: ['a=sendonly'] }))
      assert.match(hold, /a=sendonly/)
      assert.match(await session.reanswer('buyer', stage.buyer.describe({ lines: ['a=recvonly'] })), /a=recvonly/)
      await hear(stage.caller, talk.callerPort, TONES.caller, stage.buyer)
      const old = await session.reoffer('caller', stage.caller.describe({ address: '0.0.0.0' })) // RFC 2543's way.
      assert.match(old, /a=sendonly/)
      assert.match(old, /c=IN IP4 127\.0\.0\.1/)
      await session.reanswer('buyer', stage.buyer.describe({ lines: ['a=recvonly'] }))
      assert.match(await session.reoffer('caller', stage.caller.describe()), /a=sendrecv/)
      const resumed = await session.reanswer('buyer', stage.buyer.describe())
      assert.match(resumed, /a=sendrecv/)
      await bothHear(stage, { ...talk, callerPort: audioPort(resumed) })
      await session.close()
    },
  },
  {
    name: 'answers a caller’s new offer before the call is answered (RFC 3311)',
    async run(stage) {
      const talk = await answered(stage)
      const answer = await talk.session.renew('caller', stage.third.describe())
      await hear(stage.third, audioPort(answer), TONES.third, stage.buyer)
      await hear(stage.buyer, talk.buyerPort, TONES.buyer, stage.third)
      await talk.session.close()
    },
  },
  {
    name: 'offers a side what is agreed, and moves to where its answer says',
    async run(stage) {
      const talk = await answered(stage)
      const offer = await talk.session.offerTo('caller')
      assertOffers(stage, offer, 0, /^0 8 101$/)
      assert.match(offer, /a=sendrecv/)
      assert.equal(audioPort(offer), talk.callerPort)
      await talk.session.answerFrom('caller', stage.third.describe())
      await ready(stage)
      await hear(stage.buyer, talk.buyerPort, TONES.buyer, stage.third)
      await talk.session.close()
    },
  },
  {
    name: 'refuses what nobody could serve (488)',
    async run(stage) {
      for (const offer of [
        '',
        'v=0',
        'hello',
        stage.caller.describe({ payloads: '101' }),
        stage.caller.describe().replace('m=audio', 'm=video'),
      ])
        await assert.rejects(open(stage, offer), UnacceptableMedia, offer)
      const session = await open(stage, stage.caller.describe({ payloads: '0 101' }))
      await session.offerToBuyer(null)
      await assert.rejects(session.answerFromBuyer(stage.buyer.describe({ payloads: '18 101' })), UnacceptableMedia)
      await session.close()
    },
  },
  {
    name: 'raises the version of its descriptions with each change and only then (RFC 3264 §8)',
    async run(stage) {
      const { session, told } = await answered(stage)
      const [id, version] = /^o=\S+ (\d+) (\d+) /m.exec(told)!.slice(1).map(Number)
      assert.equal(await session.answerFromBuyer(stage.buyer.describe()), told)
      const held = await session.answerFromBuyer(stage.buyer.describe({ lines: ['a=sendonly'] }))
      assert.match(held, new RegExp(`^o=\\S+ ${id} ${version! + 1} `, 'm'))
      await session.close()
    },
  },
  {
    name: 'tells both sides’ packets and octets',
    async run(stage) {
      const talk = await answered(stage)
      await bothHear(stage, talk)
      await hear(stage.caller, talk.callerPort, TONES.caller, stage.buyer)
      const stats = await talk.session.stats()
      const { packetsReceived, octetsReceived } = stats.caller
      assertPackets(stage, packetsReceived, 2 * TONE_PACKETS)
      assertPackets(stage, stats.buyer.packetsReceived, TONE_PACKETS)
      assert.equal(octetsReceived, packetsReceived * 172)
      assert.deepEqual([stats.caller.packetsLost, stats.buyer.packetsLost], [0, 0])
      assert.equal((await talk.session.close()).caller.packetsReceived, packetsReceived)
      assert.equal((await talk.session.stats()).caller.packetsReceived, packetsReceived, 'and after the end')
    },
  },
  {
    name: 'closes once, and passes nothing any more',
    async run(stage) {
      const { session, callerPort } = await answered(stage)
      assert.equal(stage.engine.sessionCount, 1)
      const [one, two] = await Promise.all([session.close(), session.close()])
      assert.deepEqual(one, two)
      await session.close()
      assert.equal(stage.engine.sessionCount, 0)
      await notHeard(stage.caller, callerPort, TONES.caller, stage.buyer)
      await assert.rejects(session.offerToBuyer(null), MediaUnavailable)
    },
  },
  {
    name: 'tells a silence once, on an answered call that is not on hold',
    async run(stage) {
      const { session, callerPort, buyerPort } = await answered(stage)
      const told: string[] = []
      session.on('rtpTimeout', (side) => told.push(side))
      session.established()
      await hear(stage.caller, callerPort, TONES.caller, stage.buyer)
      await hear(stage.buyer, buyerPort, TONES.buyer, stage.caller)
      const [side] = await once(session, 'rtpTimeout', { signal: AbortSignal.timeout(20_000) })
      assert.ok(side === 'caller' || side === 'buyer')
      await session.close()
      assert.equal(told.length, 1)
    },
  },
  {
    name: 'lets somebody else take a side’s place',
    needs: 'replace',
    async run(stage) {
      const { session, callerPort, buyerPort } = await answered(stage)
      const offer = await session.offerReplacement('buyer')
      assert.notEqual(audioPort(offer), buyerPort)
      await hear(stage.caller, callerPort, TONES.caller, stage.buyer)
      await session.takeReplacement(stage.third.describe())
      const again = audioPort(await session.offerTo('caller'))
      await session.answerFrom('caller', stage.caller.describe())
      await ready(stage)
      await hear(stage.caller, again, TONES.caller, stage.third)
      await hear(stage.third, audioPort(offer), TONES.third, stage.caller)
      await session.close()
    },
  },
  {
    name: 'goes on as it was when nobody takes the place',
    needs: 'replace',
    async run(stage) {
      const talk = await answered(stage)
      await talk.session.offerReplacement('buyer')
      await talk.session.offerReplacement('caller')
      talk.session.dropReplacement()
      talk.session.dropReplacement()
      await bothHear(stage, talk)
      await talk.session.close()
    },
  },
  {
    name: 'seats a newcomer who brings its own offer (RFC 3891)',
    needs: 'replace',
    async run(stage) {
      const { session, callerPort } = await answered(stage)
      const toCaller = await session.introduceReplacement('buyer', stage.third.describe())
      const toThird = await session.answerReplacement(stage.caller.describe())
      await session.seatReplacement()
      await hear(stage.third, audioPort(toThird), TONES.third, stage.caller)
      await hear(stage.caller, audioPort(toCaller), TONES.caller, stage.third)
      const again = await session.offerTo('caller')
      assert.equal(audioPort(again), audioPort(toCaller))
      await notHeard(stage.caller, callerPort === audioPort(toCaller) ? 9 : callerPort, TONES.caller, stage.buyer)
      await session.close()
    },
  },
  ...TOOL_BEHAVIOURS,
  {
    name: 'speaks G.711 A-law with one and µ-law with the other',
    needs: 'transcode-g711',
    async run(stage) {
      const offer = stage.caller.describe({ payloads: '0 101' })
      const { session, callerPort, buyerPort } = await answered(
        stage,
        offer,
        stage.buyer.describe({ payloads: '8 101' }),
      )
      await hear(stage.caller, callerPort, TONES.caller, stage.buyer)
      assert.equal(stage.buyer.heard.at(-1)!.packet[1]! & 0x7f, 8)
      await hear(stage.buyer, buyerPort, TONES.buyer, stage.caller, 8)
      assert.equal(stage.caller.heard.at(-1)!.packet[1]! & 0x7f, 0)
      assert.deepEqual(await digitHeard(stage.caller, callerPort, 5, stage.buyer), [5])
      await session.close()
    },
  },
  ...MONITORING,
  {
    name: 'offers and answers SRTP by keys in the description (RFC 4568)',
    needs: 'sdes',
    run: (stage) => throughTwo(stage, 'sdes', /m=audio \d+ RTP\/SAVP 0[^]*a=crypto:\d+ /),
  },
  {
    name: 'offers and answers as browsers do: ICE, DTLS-SRTP, rtcp-mux (RFC 8834)',
    needs: 'webrtc',
    async run(stage) {
      const session = await open(stage, stage.caller.describe())
      const asked = await session.offerToBuyer(null, 'webrtc')
      await session.close()
      // Two that only answer checks (RFC 8445 §2.5) never find each other: a browser of ours calls those.
      if (asked.includes('a=ice-lite')) return browserCalls(stage)
      return throughTwo(stage, 'webrtc', /m=audio \d+ UDP\/TLS\/RTP\/SAVPF 0[^]*a=fingerprint:/)
    },
  },
  {
    name: 'tells live calls that its program has died, and refuses new ones at once',
    kills: true,
    async run(stage) {
      const { session } = await answered(stage)
      session.established()
      const failed = once(session, 'failed', { signal: AbortSignal.timeout(20_000) })
      await stage.running.kill!()
      assert.match(String((await failed)[0]), /down|died/)
      assert.equal(stage.engine.isUp, false)
      await assert.rejects(open(stage, stage.caller.describe()), MediaUnavailable)
      await session.close()
      assert.equal(stage.engine.sessionCount, 0)
    },
  },
]
