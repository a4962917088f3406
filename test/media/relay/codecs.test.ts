import assert from 'node:assert/strict'
import { newId, type CallId } from '../../../model/ids.ts'
import { UnacceptableMedia, type Sdp } from '../../../media/media-server.ts'
import { pass, withRelay } from './relayed-call.ts'
import { audioPort, rtcp, rtp, RtpParty } from './rtp-party.ts'

const BROWSER_LIKE = [
  'a=rtpmap:111 opus/48000/2',
  'a=fmtp:111 minptime=10;useinbandfec=1',
  'a=rtpmap:126 telephone-event/48000',
]

function payloadsIn(sdp: Sdp): string {
  return /^m=audio \d+ \S+ ([\d ]+)\r$/m.exec(sdp)![1]!
}

describe('the relay’s offers', function () {
  this.timeout(90_000)
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

  for (const [name, payload, events] of [
    ['Opus', 111, 126],
    ['G.722', 9, 101],
    ['G.729', 18, 101],
  ] as const)
    it(`pass ${name} and its key presses through, byte for byte`, async () => {
      await withRelay({}, async (relay) => {
        const callerOffer = caller.describe({ payloads: '111 9 18 0 8 126 101', lines: BROWSER_LIKE })
        const session = await relay.createSession({ callId: newId<CallId>(), callerOffer })
        const offer = await session.offerToBuyer(null)
        assert.equal(payloadsIn(offer), '111 9 18 0 8 126 101')
        assert.match(offer, /a=fmtp:111 minptime=10;useinbandfec=1\r\n/)
        const payloads = `${payload} ${events}`
        const answer = await session.answerFromBuyer(buyer.describe({ payloads, lines: BROWSER_LIKE }))
        assert.equal(payloadsIn(answer), payloads)
        for (const packet of [rtp({ sequence: 1, payload, size: 61 }), rtp({ sequence: 2, payload: events, size: 16 })])
          assert.deepEqual(await pass(caller, buyer, audioPort(answer), packet), packet)
        const back = rtp({ sequence: 1, payload, size: 20 })
        assert.deepEqual(await pass(buyer, caller, audioPort(offer), back), back)
        await session.close()
      })
    })

  it('have the policy’s codecs in its order, from the first offer to a re-INVITE', async () => {
    await withRelay({ codecs: ['PCMA', 'opus', 'PCMU'] }, async (relay) => {
      const described = caller.describe({ payloads: '111 18 0 8 101', lines: BROWSER_LIKE })
      const session = await relay.createSession({ callId: newId<CallId>(), callerOffer: described })
      assert.equal(payloadsIn(await session.offerToBuyer(null)), '8 111 0 101')
      await assert.rejects(session.answerFromBuyer(buyer.describe({ payloads: '18' })), UnacceptableMedia)
      assert.equal(payloadsIn(await session.answerFromBuyer(buyer.describe({ payloads: '0 8 101' }))), '0 8 101')
      assert.equal(payloadsIn(await session.reoffer('caller', described)), '8 111 0 101')
      await session.close()
      const late = await relay.createSession({ callId: newId<CallId>(), callerOffer: null })
      assert.equal(payloadsIn(await late.offerToBuyer(null)), '8 0 101')
      await late.close()
    })
  })

  it('are refused before anybody is rung when the policy leaves nothing to speak with', async () => {
    await withRelay({ codecs: ['opus'] }, async (relay) => {
      for (const callerOffer of [caller.describe(), null])
        await assert.rejects(relay.createSession({ callId: newId<CallId>(), callerOffer }), UnacceptableMedia)
    })
  })

  it('pass ptime and maxptime on, both ways and in re-INVITEs', async () => {
    await withRelay({}, async (relay) => {
      const [wished, taken] = [
        ['a=ptime:30', 'a=maxptime:60'],
        ['a=ptime:20', 'a=maxptime:40'],
      ]
      const callerOffer = caller.describe({ lines: wished })
      const session = await relay.createSession({ callId: newId<CallId>(), callerOffer })
      assert.match(await session.offerToBuyer(null), /a=ptime:30\r\na=maxptime:60\r\n/)
      const answer = await session.answerFromBuyer(buyer.describe({ lines: taken }))
      assert.match(answer, /a=ptime:20\r\na=maxptime:40\r\n/)
      assert.match(await session.reoffer('buyer', buyer.describe({ lines: ['a=ptime:10'] })), /a=ptime:10\r\n/)
      assert.match(await session.reanswer('caller', caller.describe({ lines: wished })), /a=ptime:30\r\n/)
      await session.close()
    })
  })

  it('send RTCP where a=rtcp says, at another address too, and move it with a re-INVITE (RFC 3605)', async () => {
    await withRelay({}, async (relay) => {
      const elsewhere = await RtpParty.open('127.0.0.2')
      const { port } = elsewhere.rtcp.address()
      const named = buyer.describe().replace(/a=rtcp:\d+/, `a=rtcp:${port} IN IP4 127.0.0.2`)
      const session = await relay.createSession({ callId: newId<CallId>(), callerOffer: caller.describe() })
      await session.offerToBuyer(null)
      const answer = await session.answerFromBuyer(named)
      let heard = elsewhere.nextRtcp()
      caller.sendRtcp(rtcp(1), audioPort(answer) + 1)
      assert.deepEqual((await heard).packet, rtcp(1))
      await session.reoffer('buyer', buyer.describe())
      await session.reanswer('caller', caller.describe())
      heard = buyer.nextRtcp()
      caller.sendRtcp(rtcp(2), audioPort(answer) + 1)
      assert.deepEqual((await heard).packet, rtcp(2))
      await session.close()
      elsewhere.close()
    })
  })
})
