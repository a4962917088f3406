import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { Srtp } from '../../../media/relay/srtp.ts'
import { UnacceptableMedia, type Sdp } from '../../../media/media-server.ts'
import type { SrtpSuiteName } from '../../../media/srtp-suites.ts'
import { newId, type CallId } from '../../../model/ids.ts'
import { connect, pass, untilStats, withRelay } from './relayed-call.ts'
import { audioPort, rtcp, rtp, RtpParty } from './rtp-party.ts'

const SUITE = 'AES_CM_128_HMAC_SHA1_80'

/** A phone's description with keys, in the profile that makes them a must or another one. */
function secured(phone: RtpParty, key: Buffer, profile = 'RTP/SAVP', suite: string = SUITE, tag = 1): Sdp {
  const lines = [`a=crypto:${tag} ${suite} inline:${key.toString('base64')}|2^31`]
  return phone.describe({ lines }).replace('RTP/AVP', profile)
}

/** The keys of our description. */
function keysIn(sdp: Sdp): { tag: number; suite: SrtpSuiteName; key: Buffer; protocol: string }[] {
  const protocol = /^m=audio \d+ (\S+)/m.exec(sdp)![1]!
  return [...sdp.matchAll(/^a=crypto:(\d+) (\S+) inline:(\S+)/gm)].map(([, tag, suite, key]) => ({
    tag: Number(tag),
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what it is, is asserted by use.
    suite: suite as SrtpSuiteName,
    key: Buffer.from(key!, 'base64'),
    protocol,
  }))
}

function srtpOf(theirs: Buffer, ours: { suite: SrtpSuiteName; key: Buffer }, former?: Srtp): Srtp {
  return new Srtp({ suite: ours.suite, send: theirs, receive: ours.key }, former)
}

async function openPhones(): Promise<{ caller: RtpParty; buyer: RtpParty; close: () => void }> {
  const [caller, buyer] = [await RtpParty.open(), await RtpParty.open()]
  return {
    caller,
    buyer,
    close: () => {
      caller.close()
      buyer.close()
    },
  }
}

const refusal = (reason: RegExp) => (error: unknown) =>
  error instanceof UnacceptableMedia && reason.test(error.message) && error.warning === 302

describe('SRTP by keys in the description', function () {
  this.timeout(90_000)

  for (const suite of [SUITE, 'AES_CM_128_HMAC_SHA1_32']) {
    it(`joins a caller on ${suite} with a plain buyer, RTCP too`, () =>
      withRelay({}, async (relay) => {
        const { caller, buyer, close } = await openPhones()
        const key = randomBytes(30)
        const callerOffer = secured(caller, key, 'RTP/SAVP', suite, 7)
        const session = await relay.createSession({ callId: newId<CallId>(), callerOffer })
        const offer = await session.offerToBuyer(null)
        assert.deepEqual(keysIn(offer), [], 'the buyer is offered plain RTP')
        const answer = await session.answerFromBuyer(buyer.describe())
        const [own, ...more] = keysIn(answer)
        assert.deepEqual([own!.tag, own!.suite, own!.protocol, more], [7, suite, 'RTP/SAVP', []])
        assert.notDeepEqual(own!.key, key)
        const srtp = srtpOf(key, own!)
        const packet = rtp({ sequence: 1, mark: 5 })
        assert.deepEqual(await pass(caller, buyer, audioPort(answer), srtp.protect(packet)!), packet)
        const back = await pass(buyer, caller, audioPort(offer), rtp({ sequence: 9, mark: 6 }))
        assert.notDeepEqual(back.subarray(12, 172), rtp({ sequence: 9, mark: 6 }).subarray(12))
        assert.deepEqual(srtp.unprotect(back), rtp({ sequence: 9, mark: 6 }))
        const report = caller.nextRtcp()
        buyer.sendRtcp(rtcp(3), audioPort(offer) + 1)
        assert.deepEqual(srtp.unprotectRtcp((await report).packet), rtcp(3))
        await session.close()
        close()
      }))
  }

  it('offers a buyer keys it must use, each suite one of its own, and takes the one it chooses', () =>
    withRelay({}, async (relay) => {
      const { caller, buyer, close } = await openPhones()
      const session = await relay.createSession({ callId: newId<CallId>(), callerOffer: caller.describe() })
      const offer = await session.offerToBuyer(null, 'sdes')
      const keys = keysIn(offer)
      assert.deepEqual(
        keys.map(({ tag, suite, protocol }) => [tag, suite, protocol]),
        [
          [1, SUITE, 'RTP/SAVP'],
          [2, 'AES_CM_128_HMAC_SHA1_32', 'RTP/SAVP'],
        ],
      )
      assert.notDeepEqual(keys[0]!.key, keys[1]!.key)
      const key = randomBytes(30)
      await assert.rejects(session.answerFromBuyer(buyer.describe()), refusal(/RTP\/SAVP was offered, and answered/))
      await assert.rejects(
        session.answerFromBuyer(secured(buyer, key, 'RTP/SAVP', SUITE, 2)),
        refusal(/one of the keys/),
      )
      const answer = await session.answerFromBuyer(secured(buyer, key, 'RTP/SAVP', keys[1]!.suite, 2))
      assert.deepEqual(keysIn(answer), [])
      const srtp = srtpOf(key, keys[1]!)
      const heard = await pass(caller, buyer, audioPort(answer), rtp({ sequence: 1 }))
      assert.deepEqual(srtp.unprotect(heard), rtp({ sequence: 1 }))
      await session.close()
      close()
    }))

  for (const [what, uses] of [
    ['uses', true],
    ['leaves', false],
  ] as const) {
    it(`invites a buyer to use keys, which ${what} them (RFC 8643)`, () =>
      withRelay({}, async (relay) => {
        const { caller, buyer, close } = await openPhones()
        const session = await relay.createSession({ callId: newId<CallId>(), callerOffer: caller.describe() })
        const offer = await session.offerToBuyer(null, 'if-it-can')
        const [own] = keysIn(offer)
        assert.equal(own!.protocol, 'RTP/AVP')
        const key = randomBytes(30)
        const answer = await session.answerFromBuyer(uses ? secured(buyer, key, 'RTP/AVP') : buyer.describe())
        const heard = await pass(caller, buyer, audioPort(answer), rtp({ sequence: 1 }))
        assert.deepEqual(uses ? srtpOf(key, own!).unprotect(heard) : heard, rtp({ sequence: 1 }))
        await session.close()
        close()
      }))
  }

  it('goes on with the same keys through a re-INVITE, and begins anew with new ones', () =>
    withRelay({}, async (relay) => {
      const { caller, buyer, close } = await openPhones()
      const key = randomBytes(30)
      const session = await relay.createSession({ callId: newId<CallId>(), callerOffer: secured(caller, key) })
      const offer = await session.offerToBuyer(null)
      const answer = await session.answerFromBuyer(buyer.describe())
      const before = keysIn(answer)[0]!
      const srtp = srtpOf(key, before)
      await pass(caller, buyer, audioPort(answer), srtp.protect(rtp({ sequence: 1 }))!)

      await session.reoffer('caller', secured(caller, key))
      const same = await session.reanswer('buyer', buyer.describe())
      assert.deepEqual(keysIn(same)[0]!.key, before.key)
      await pass(caller, buyer, audioPort(answer), srtp.protect(rtp({ sequence: 2 }))!)

      const newKey = randomBytes(30)
      await session.reoffer('caller', secured(caller, newKey))
      const renewed = keysIn(await session.reanswer('buyer', buyer.describe()))[0]!
      assert.notDeepEqual(renewed.key, before.key)
      caller.send(srtp.protect(rtp({ sequence: 3, mark: 1 }))!, audioPort(answer))
      const next = srtpOf(newKey, renewed)
      const heard = await pass(caller, buyer, audioPort(answer), next.protect(rtp({ sequence: 4, mark: 2 }))!)
      assert.deepEqual(heard, rtp({ sequence: 4, mark: 2 }), 'what the old key protected does not pass')
      assert.deepEqual(
        next.unprotect(await pass(buyer, caller, audioPort(offer), rtp({ sequence: 1 }))),
        rtp({ sequence: 1 }),
      )
      await session.close()
      close()
    }))

  it('believes nobody without the key: what is forged or replayed is counted, and takes no source’s place', () =>
    withRelay({}, async (relay) => {
      const { caller, buyer, close } = await openPhones()
      const thief = await RtpParty.open()
      const key = randomBytes(30)
      const session = await relay.createSession({ callId: newId<CallId>(), callerOffer: secured(caller, key) })
      const offer = await session.offerToBuyer(null)
      const answer = await session.answerFromBuyer(buyer.describe())
      const srtp = srtpOf(key, keysIn(answer)[0]!)
      thief.send(rtp({ sequence: 1 }), audioPort(answer))
      thief.send(Buffer.alloc(3), audioPort(answer))
      await untilStats(session, ({ caller: leg }) => leg.dropped.unauthentic === 2)
      const sent = srtp.protect(rtp({ sequence: 1 }))!
      await pass(caller, buyer, audioPort(answer), sent)
      thief.send(sent, audioPort(answer))
      await untilStats(session, ({ caller: leg }) => leg.dropped.unauthentic === 3)
      await pass(buyer, caller, audioPort(offer), rtp({ sequence: 1 }))
      assert.equal(thief.heard.length, 0)
      await session.close()
      thief.close()
      close()
    }))

  it('is chosen among lines of both kinds, and refused in words when nothing can be done with it', () =>
    withRelay({}, async (relay) => {
      const { caller, buyer, close } = await openPhones()
      const key = randomBytes(30)
      const line = `m=audio ${caller.port} RTP/SAVP 0\r\na=crypto:1 ${SUITE} inline:${key.toString('base64')}\r\n`
      const session = await relay.createSession({ callId: newId<CallId>(), callerOffer: caller.describe() + line })
      await session.offerToBuyer(null)
      const answer = await session.answerFromBuyer(buyer.describe({ payloads: '0' }))
      assert.match(answer, /^m=audio 0 RTP\/AVP .*\r\n(.*\r\n)*?m=audio \d+ RTP\/SAVP 0\r\n/m)
      await session.close()
      for (const bad of [
        secured(caller, key, 'RTP/SAVP', 'F8_128_HMAC_SHA1_80'),
        secured(caller, randomBytes(29)),
        secured(caller, key).replace('|2^31', '|2^31|1:4'),
        secured(caller, key).replace('|2^31', '|2^31 UNENCRYPTED_SRTP'),
        caller.describe().replace('RTP/AVP', 'RTP/SAVPF'),
      ]) {
        const refused = relay.createSession({ callId: newId<CallId>(), callerOffer: bad })
        await assert.rejects(refused, refusal(/without a=crypto of a suite we have: AES_CM/), bad)
      }
      close()
    }))

  it('costs a plain call nothing: no keys, no guard, packets untouched', () =>
    withRelay({}, async (relay) => {
      const { caller, buyer, close } = await openPhones()
      const call = await connect(relay, { caller, buyer })
      assert.deepEqual(await pass(caller, buyer, call.callerSide, rtp({ sequence: 1 })), rtp({ sequence: 1 }))
      await call.session.close()
      close()
    }))
})
