import assert from 'node:assert/strict'
import { newId, type CallId } from '../../../model/ids.ts'
import { UnacceptableMedia } from '../../../media/media-server.ts'
import { connect, logged, pass, prove, relayStats, SMALL_RANGE, untilStats, withRelay } from './relayed-call.ts'
import { audioPort, rtcp, rtp, RtpParty } from './rtp-party.ts'

describe('relay', () => {
  let caller: RtpParty
  let buyer: RtpParty
  let stranger: RtpParty

  beforeEach(async () => {
    caller = await RtpParty.open()
    buyer = await RtpParty.open()
    stranger = await RtpParty.open()
  })

  afterEach(() => {
    for (const party of [caller, buyer, stranger]) party.close()
  })

  it('passes audio both ways, byte for byte', async () => {
    await withRelay({}, async (relay) => {
      const call = await connect(relay, { caller, buyer })
      const there = rtp({ sequence: 1, mark: 7 })
      assert.deepEqual(await pass(caller, buyer, call.callerSide, there), there)
      const back = rtp({ sequence: 9, mark: 8 })
      assert.deepEqual(await pass(buyer, caller, call.buyerSide, back), back)
      const extended = Buffer.concat([
        rtp({ sequence: 2, size: 12 }),
        Buffer.from('bede0003000000000000000000000000', 'hex'),
        Buffer.alloc(160, 3),
      ])
      extended[0] = 0x90
      assert.deepEqual(await pass(caller, buyer, call.callerSide, extended), extended)
      const stats = await call.session.close()
      assert.equal(stats.caller.packetsReceived, 2)
      assert.equal(stats.caller.octetsReceived, 172 + extended.length)
      assert.equal(stats.buyer.packetsReceived, 1)
      assert.equal(stats.buyer.packetsLost, 0)
    })
  })

  it('takes even ports for RTP and sends from the port it told', async () => {
    await withRelay({}, async (relay) => {
      const call = await connect(relay, { caller, buyer })
      assert.equal(call.callerSide % 2, 0)
      assert.equal(call.buyerSide % 2, 0)
      const heard = buyer.next()
      caller.send(rtp({ sequence: 1 }), call.callerSide)
      assert.equal((await heard).from.port, call.buyerSide)
      await call.session.close()
    })
  })

  it('passes RTCP on ports of its own', async () => {
    await withRelay({}, async (relay) => {
      const call = await connect(relay, { caller, buyer })
      const heard = buyer.nextRtcp()
      caller.sendRtcp(rtcp(5), call.callerSide + 1)
      const { packet, from } = await heard
      assert.deepEqual(packet, rtcp(5))
      assert.equal(from.port, call.buyerSide + 1)
      const stats = await call.session.close()
      assert.equal(stats.caller.packetsReceived, 0, 'RTCP is not counted as audio')
    })
  })

  it('passes RTCP between a side that shares its port and one that does not (RFC 5761)', async () => {
    await withRelay({}, async (relay) => {
      const session = await relay.createSession({
        callId: newId<CallId>(),
        callerOffer: caller.describe({ mux: true }),
      })
      const offer = await session.offerToBuyer(null)
      assert.match(offer, /a=rtcp-mux/)
      const answer = await session.answerFromBuyer(buyer.describe({ mux: false }))
      assert.match(answer, /a=rtcp-mux/)
      const atBuyer = buyer.nextRtcp()
      caller.send(rtcp(5), audioPort(answer))
      assert.deepEqual((await atBuyer).packet, rtcp(5))
      const atCaller = caller.next()
      buyer.sendRtcp(rtcp(6), audioPort(offer) + 1)
      assert.deepEqual((await atCaller).packet, rtcp(6))
      await session.close()
    })
  })

  it('offers a buyer for a caller who offers nothing, and the caller one codec of the buyer’s answer, in both laws', async () => {
    await withRelay({}, async (relay) => {
      const session = await relay.createSession({ callId: newId<CallId>(), callerOffer: null })
      const toBuyer = await session.offerToBuyer(null)
      assert.match(toBuyer, /m=audio \d+ RTP\/AVP 0 8 101/)
      const toCaller = await session.answerFromBuyer(buyer.describe())
      assert.match(toCaller, /m=audio \d+ RTP\/AVP 0 8 101\r/)
      await assert.rejects(session.answerFrom('caller', caller.describe({ payloads: '18 101' })), UnacceptableMedia)
      await session.answerFrom('caller', caller.describe())
      await pass(caller, buyer, audioPort(toCaller), rtp({ sequence: 1 }))
      await pass(buyer, caller, audioPort(toBuyer), rtp({ sequence: 1 }))
      await session.close()
    })
  })

  it('says the answer the caller has had again when a later buyer answers, and offers that buyer no other codec but the one it translates', async () => {
    await withRelay({}, async (relay) => {
      const callerOffer = caller.describe({ payloads: '9 0 101' })
      const session = await relay.createSession({ callId: newId<CallId>(), callerOffer })
      await session.offerToBuyer(null)
      const told = await session.answerFromBuyer(buyer.describe({ payloads: '0 9 101', lines: ['a=sendonly'] }))
      const offer = await session.offerToBuyer(told)
      assert.match(offer, /m=audio \d+ RTP\/AVP 0 8 101\r/)
      await assert.rejects(session.answerFromBuyer(buyer.describe({ payloads: '9 101' })), UnacceptableMedia)
      assert.equal(session.callerHeardOtherwise, false)
      assert.equal(await session.answerFromBuyer(buyer.describe({ payloads: '0' })), told)
      assert.equal(session.callerHeardOtherwise, true, 'the first one only spoke')
      assert.match(await session.offerTo('caller'), /RTP\/AVP 0 8 101\r[^]*a=sendrecv/)
      await pass(caller, buyer, audioPort(told), rtp({ sequence: 1 }))
      await pass(buyer, caller, audioPort(offer), rtp({ sequence: 1 }))
      assert.equal(await session.answerFromBuyer(buyer.describe({ payloads: '0', lines: ['a=sendonly'] })), told)
      assert.equal(session.callerHeardOtherwise, false)
      await session.close()
    })
  })

  it('offers a later buyer what the caller was told, though the caller makes another offer meanwhile', async () => {
    await withRelay({}, async (relay) => {
      const callerOffer = caller.describe({ payloads: '0 8 101' })
      const session = await relay.createSession({ callId: newId<CallId>(), callerOffer })
      await session.offerToBuyer(null)
      const told = await session.answerFromBuyer(buyer.describe({ payloads: '0 8 101' }))
      const [answer, offer] = await Promise.all([
        session.renew('caller', caller.describe({ payloads: '8 101' })),
        session.offerToBuyer(told),
      ])
      assert.match(answer, /m=audio \d+ RTP\/AVP 8 101\r/)
      assert.match(offer, /m=audio \d+ RTP\/AVP 0 8 101\r/)
      await session.close()
    })
  })

  it('offers a side what is agreed, and moves to where its answer says', async () => {
    await withRelay({}, async (relay) => {
      const call = await connect(relay, { caller, buyer })
      const offer = await call.session.offerTo('caller')
      assert.match(offer, /a=sendrecv/)
      assert.equal(audioPort(offer), call.callerSide)
      await call.session.answerFrom('caller', stranger.describe())
      await pass(buyer, stranger, call.buyerSide, rtp({ sequence: 1 }))
      await call.session.close()
    })
  })

  it('lets somebody else take a side’s place, who was offered one beside it', async () => {
    await withRelay({}, async (relay) => {
      const { session, callerSide, buyerSide } = await connect(relay, { caller, buyer })
      const offer = await session.offerReplacement('buyer')
      assert.notEqual(audioPort(offer), buyerSide)
      await pass(caller, buyer, callerSide, rtp({ sequence: 1 }))
      await session.takeReplacement(stranger.describe())
      const again = await session.offerTo('caller')
      assert.equal(audioPort(again), callerSide)
      await session.answerFrom('caller', caller.describe())
      await pass(caller, stranger, callerSide, rtp({ sequence: 2 }))
      await pass(stranger, caller, audioPort(offer), rtp({ sequence: 1 }))
      await session.close()
    })
  })

  it('goes on as it was when the place is not taken', async () => {
    await withRelay({}, async (relay) => {
      const call = await connect(relay, { caller, buyer })
      await call.session.offerReplacement('buyer')
      await call.session.offerReplacement('buyer') // The next one, before the first is dropped.
      await assert.rejects(
        call.session.takeReplacement(stranger.describe().replace(/RTP\/AVP [^\r]*/, 'RTP/AVP 18')),
        UnacceptableMedia,
      )
      call.session.dropReplacement()
      call.session.dropReplacement()
      await pass(caller, buyer, call.callerSide, rtp({ sequence: 1 }))
      await pass(buyer, caller, call.buyerSide, rtp({ sequence: 1 }))
      await call.session.close()
    })
  })

  it('drops and counts packets from another source once latched', async () => {
    await withRelay({}, async (relay) => {
      const call = await connect(relay, { caller, buyer })
      await pass(caller, buyer, call.callerSide, rtp({ sequence: 1 }))
      stranger.send(rtp({ sequence: 2, mark: 66 }), call.callerSide)
      await pass(caller, buyer, call.callerSide, rtp({ sequence: 2, mark: 1 }))
      assert.ok(!buyer.heard.some(({ packet }) => packet[171] === 66))
      const stats = relayStats(await call.session.close())
      assert.equal(stats.caller.dropped.foreign, 1)
      assert.equal(stats.caller.packetsReceived, 2)
      assert.ok(logged.includes('packets from other sources than the party were dropped'))
    })
  })

  it('sends to where a party behind NAT sends from, whatever its description says', async () => {
    await withRelay({}, async (relay) => {
      const callerOffer = caller.describe({ address: '192.0.2.1' })
      const session = await relay.createSession({ callId: newId<CallId>(), callerOffer })
      const offer = await session.offerToBuyer(null)
      const answer = await session.answerFromBuyer(buyer.describe())
      await prove(caller, buyer, audioPort(answer))
      const back = rtp({ sequence: 1, mark: 3 })
      assert.deepEqual(await pass(buyer, caller, audioPort(offer), back), back)
      await session.close()
    })
  })

  it('believes no other address than the description’s when strict', async () => {
    await withRelay({ latching: 'strict' }, async (relay) => {
      const callerOffer = caller.describe({ address: '192.0.2.1' })
      const session = await relay.createSession({ callId: newId<CallId>(), callerOffer })
      const offer = await session.offerToBuyer(null)
      const answer = await session.answerFromBuyer(buyer.describe())
      caller.send(rtp({ sequence: 1 }), audioPort(answer))
      buyer.send(rtp({ sequence: 1 }), audioPort(offer))
      const stats = await untilStats(session, (s) => s.caller.dropped.foreign === 1 && s.buyer.packetsReceived === 1)
      assert.equal(stats.caller.packetsReceived, 0)
      assert.equal(buyer.heard.length, 0)
      await session.close()
    })
  })

  it('gives somebody who scans its ports nothing, though parties behind NAT have not spoken yet', async () => {
    await withRelay({}, async (relay) => {
      const session = await relay.createSession({
        callId: newId<CallId>(),
        callerOffer: caller.describe({ address: '192.0.2.1' }),
      })
      const offer = await session.offerToBuyer(null)
      const answer = await session.answerFromBuyer(buyer.describe({ address: '192.0.2.2' }))
      for (let port = SMALL_RANGE.from; port <= SMALL_RANGE.to; port++) {
        stranger.send(rtp({ sequence: 1, ssrc: 99, mark: 66 }), port)
        stranger.send(rtcp(99), port)
      }
      await untilStats(session, (s) => s.caller.dropped.foreign === 2 && s.buyer.dropped.foreign === 2)
      for (const sequence of [1, 2, 3]) caller.send(rtp({ sequence }), audioPort(answer))
      await untilStats(session, (s) => s.caller.packetsReceived === 1)
      await prove(buyer, caller, audioPort(offer))
      await pass(caller, buyer, audioPort(answer), rtp({ sequence: 4 }))
      assert.equal(stranger.heard.length, 0)
      assert.ok(![...caller.heard, ...buyer.heard].some(({ packet }) => packet[171] === 66))
      const stats = relayStats(await session.close())
      assert.deepEqual([stats.caller.dropped.foreign, stats.buyer.dropped.foreign], [2, 2], 'a proof is no stranger')
    })
  })

  it('believes RTCP of a party behind NAT once its RTP has proved where it is', async () => {
    await withRelay({}, async (relay) => {
      const callerOffer = caller.describe({ address: '192.0.2.1' })
      const session = await relay.createSession({ callId: newId<CallId>(), callerOffer })
      const offer = await session.offerToBuyer(null)
      const answer = await session.answerFromBuyer(buyer.describe())
      caller.sendRtcp(rtcp(5), audioPort(answer) + 1)
      await untilStats(session, (s) => s.caller.dropped.foreign === 1)
      await prove(caller, buyer, audioPort(answer))
      const atBuyer = buyer.nextRtcp()
      caller.sendRtcp(rtcp(6), audioPort(answer) + 1)
      assert.deepEqual((await atBuyer).packet, rtcp(6))
      const atCaller = caller.nextRtcp()
      buyer.sendRtcp(rtcp(7), audioPort(offer) + 1)
      assert.deepEqual((await atCaller).packet, rtcp(7))
      await session.close()
    })
  })

  it('drops and counts what is not RTP', async () => {
    await withRelay({}, async (relay) => {
      const call = await connect(relay, { caller, buyer })
      for (const junk of [
        Buffer.from('x'),
        Buffer.alloc(0),
        Buffer.alloc(172, 0x41),
        rtp({ sequence: 1, size: 5000 }),
      ]) {
        caller.send(junk, call.callerSide)
      }
      caller.sendRtcp(Buffer.from('hello, world'), call.callerSide + 1)
      const stats = await untilStats(call.session, (s) => s.caller.dropped.invalid === 5)
      assert.equal(stats.caller.packetsReceived, 0)
      await pass(caller, buyer, call.callerSide, rtp({ sequence: 1 }))
      await call.session.close()
    })
  })

  it('carries early media, then the answer of another place', async () => {
    await withRelay({}, async (relay) => {
      const call = await connect(relay, { caller, buyer })
      await pass(buyer, caller, call.buyerSide, rtp({ sequence: 1, mark: 1 }))
      const answer = await call.session.answerFromBuyer(stranger.describe())
      assert.equal(audioPort(answer), call.callerSide)
      const late = rtp({ sequence: 1, mark: 2, ssrc: 77 })
      assert.deepEqual(await pass(stranger, caller, call.buyerSide, late), late)
      assert.ok(await pass(caller, stranger, call.callerSide, rtp({ sequence: 1 })))
      await call.session.close()
    })
  })

  it('gives each target its own port, so that a former one is not heard', async () => {
    await withRelay({}, async (relay) => {
      const call = await connect(relay, { caller, buyer })
      await pass(buyer, caller, call.buyerSide, rtp({ sequence: 1, mark: 1 }))
      const offer = await call.session.offerToBuyer(null)
      assert.notEqual(audioPort(offer), call.buyerSide)
      await call.session.answerFromBuyer(stranger.describe())
      buyer.send(rtp({ sequence: 2, mark: 66 }), call.buyerSide)
      await pass(stranger, caller, audioPort(offer), rtp({ sequence: 1, mark: 2 }))
      assert.ok(!caller.heard.some(({ packet }) => packet[171] === 66))
      const stats = await call.session.close()
      assert.equal(stats.buyer.packetsReceived, 1, 'the figures are the last target’s')
    })
  })

  it('follows a re-INVITE to another port', async () => {
    await withRelay({}, async (relay) => {
      const call = await connect(relay, { caller, buyer })
      await pass(buyer, caller, call.buyerSide, rtp({ sequence: 1 }))
      const offer = await call.session.reoffer('buyer', stranger.describe())
      assert.equal(audioPort(offer), call.callerSide)
      const answer = await call.session.reanswer('caller', caller.describe())
      assert.equal(audioPort(answer), call.buyerSide)
      assert.ok(await pass(caller, stranger, call.callerSide, rtp({ sequence: 1 })))
      assert.ok(await pass(stranger, caller, call.buyerSide, rtp({ sequence: 2 })))
      await call.session.close()
    })
  })

  it('passes nothing of a target that has not answered', async () => {
    await withRelay({}, async (relay) => {
      const session = await relay.createSession({ callId: newId<CallId>(), callerOffer: caller.describe() })
      const offer = await session.offerToBuyer(null)
      buyer.send(rtp({ sequence: 1 }), audioPort(offer))
      await untilStats(session, (stats) => stats.buyer.dropped.foreign === 1)
      assert.equal(caller.heard.length, 0)
      await session.close()
    })
  })

  it('leaves the call as it was when a re-INVITE is refused', async () => {
    await withRelay({}, async (relay) => {
      const call = await connect(relay, { caller, buyer })
      await call.session.reoffer('buyer', stranger.describe())
      assert.ok(await pass(caller, buyer, call.callerSide, rtp({ sequence: 1 })))
      await assert.rejects(call.session.reoffer('buyer', 'v=0'), UnacceptableMedia)
      await assert.rejects(call.session.answerFromBuyer(buyer.describe({ payloads: '9' })), UnacceptableMedia)
      assert.ok(await pass(buyer, caller, call.buyerSide, rtp({ sequence: 1 })))
      await call.session.close()
    })
  })

  it('refuses a party that names a host when strict, and waits to hear it when not', async () => {
    const callerOffer = caller.describe({ address: 'phone.example' })
    await withRelay({ latching: 'strict' }, async (relay) => {
      await assert.rejects(relay.createSession({ callId: newId<CallId>(), callerOffer }), /names a host/)
    })
    await withRelay({}, async (relay) => {
      const session = await relay.createSession({ callId: newId<CallId>(), callerOffer })
      await session.offerToBuyer(null)
      const answer = await session.answerFromBuyer(buyer.describe())
      await prove(caller, buyer, audioPort(answer))
      await session.close()
    })
  })

  it('meets a caller on IPv6 where it has such an address, and refuses it where it has not', async function () {
    const six = await RtpParty.open('::1').catch(() => this.skip()) // A machine without IPv6 cannot tell.
    try {
      await withRelay({}, async (relay) => {
        const asked = relay.createSession({ callId: newId<CallId>(), callerOffer: six.describe() })
        await assert.rejects(asked, /over IPv6, and this leg is on IPv4/)
      })
      await withRelay({ address6: '::1' }, async (relay) => {
        const call = await connect(relay, { caller: six, buyer })
        const heard = buyer.next()
        six.send(rtp({ sequence: 1, mark: 6 }), call.callerSide, '::1')
        assert.equal((await heard).packet[171], 6)
        const back = rtp({ sequence: 1, mark: 4 })
        assert.deepEqual(await pass(buyer, six, call.buyerSide, back), back)
        await assert.rejects(call.session.answerFromBuyer(six.describe()), UnacceptableMedia)
        await call.session.close()
      })
    } finally {
      six.close()
    }
  })
})
