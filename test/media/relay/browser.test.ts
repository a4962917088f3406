import assert from 'node:assert/strict'
import { once } from 'node:events'
import { DTLS_LIMIT_MS } from '../../../media/relay/browser-guard.ts'
import { ICE_PATHS_LIMIT, IceLite } from '../../../media/relay/ice-lite.ts'
import { UnacceptableMedia, type MediaServer, type MediaSession, type Sdp } from '../../../media/media-server.ts'
import { newId, type CallId } from '../../../model/ids.ts'
import { BrowserParty } from './browser-party.ts'
import { untilStats, withRelay } from './relayed-call.ts'
import { audioPort, rtp, RtpParty } from './rtp-party.ts'

interface BrowserCall {
  readonly session: MediaSession
  readonly browser: BrowserParty
  readonly phone: RtpParty
  readonly answer: Sdp
  readonly offer: Sdp
  readonly close: () => Promise<void>
}

/** A browser that calls a plain phone, described and answered; nothing has been sent. */
async function browserCall(relay: MediaServer, fingerprint?: string): Promise<BrowserCall> {
  const [browser, phone] = [await BrowserParty.open(), await RtpParty.open()]
  const callerOffer = browser.describe(fingerprint === undefined ? {} : { fingerprint })
  const session = await relay.createSession({ callId: newId<CallId>(), callerOffer })
  const offer = await session.offerToBuyer(null)
  const answer = await session.answerFromBuyer(phone.describe({ payloads: '0', mux: true }))
  const close = async (): Promise<void> => {
    await session.close()
    browser.party.close()
    phone.close()
  }
  return { session, browser, phone, answer, offer, close }
}

const refusal = (reason: RegExp) => (error: unknown) => error instanceof UnacceptableMedia && reason.test(error.message)

/** The next packet that is neither ICE's nor DTLS's. */
async function nextAudio(party: RtpParty): Promise<Buffer> {
  for (;;) {
    const { packet } = await party.next()
    if (packet[0]! >= 128) return packet
  }
}

describe('a browser’s leg', function () {
  this.timeout(90_000)

  it('is answered as an ICE-lite agent: passive, muxed, its audio bundled and its video refused', () =>
    withRelay({}, async (relay) => {
      const { answer, offer, close } = await browserCall(relay)
      for (const line of [/^a=ice-lite$/m, /^a=group:BUNDLE first$/m, /^a=setup:passive$/m, /^a=rtcp-mux$/m])
        assert.match(answer, line)
      assert.match(answer, /^m=audio \d+ UDP\/TLS\/RTP\/SAVPF 0 126\r\na=mid:first\r$/m)
      assert.match(answer, /^m=video 0 UDP\/TLS\/RTP\/SAVPF 96\r\na=mid:second\r$/m)
      assert.match(answer, /^a=fingerprint:sha-256 (?:[\dA-F]{2}:){31}[\dA-F]{2}\r$/m)
      assert.match(answer, new RegExp(`^a=candidate:1 1 udp \\d+ 127.0.0.1 ${audioPort(answer)} typ host\r$`, 'm'))
      assert.ok(answer.indexOf('a=ice-lite') < answer.indexOf('m=audio'), 'at session level (RFC 8839 §5.3)')
      assert.match(offer, /^m=audio \d+ RTP\/AVP 0 8 126\r$/m)
      assert.doesNotMatch(offer, /ice|fingerprint|mid|candidate/)
      await close()
    }))

  it('carries audio both ways with a plain phone, after its checks and its handshake', () =>
    withRelay({}, async (relay) => {
      const { browser, phone, answer, offer, close } = await browserCall(relay)
      const found = await browser.find(answer)
      assert.equal(found.readUInt16BE(0), 0x0101)
      const srtp = await browser.shakeHands(answer)
      const packet = rtp({ sequence: 1, mark: 5 })
      const heard = nextAudio(phone)
      browser.party.send(srtp.protect(packet)!, audioPort(answer))
      assert.deepEqual(await heard, packet)
      const back = nextAudio(browser.party)
      phone.send(rtp({ sequence: 9, mark: 6 }), audioPort(offer))
      assert.deepEqual(srtp.unprotect(await back), rtp({ sequence: 9, mark: 6 }))
      await close()
    }))

  it('is offered to a buyer’s agent, and moves with an ICE restart, keys and all', () =>
    withRelay({}, async (relay) => {
      const [browser, phone] = [await BrowserParty.open(), await RtpParty.open()]
      const callerOffer = phone.describe({ payloads: '0' })
      const session = await relay.createSession({ callId: newId<CallId>(), callerOffer })
      const offer = await session.offerToBuyer(null, 'webrtc')
      assert.match(offer, /^a=group:BUNDLE 0\r$/m)
      assert.match(offer, /^a=setup:actpass\r$/m)
      await assert.rejects(
        session.answerFromBuyer(phone.describe()),
        refusal(/was offered, and answered with RTP\/AVP/),
      )
      await assert.rejects(session.answerFromBuyer(browser.describe({ setup: 'passive' })), refusal(/a=setup:passive/))
      const answer = await session.answerFromBuyer(browser.describe({ setup: 'active' }))
      await browser.find(offer)
      const srtp = await browser.shakeHands(offer)

      const moved = await BrowserParty.open()
      const { fingerprint } = /^a=fingerprint:sha-256 (?<fingerprint>\S+)/m.exec(browser.describe())!.groups!
      await session.reoffer('buyer', moved.describe({ fingerprint: fingerprint! }))
      const again = await session.reanswer('caller', phone.describe({ payloads: '0' }))
      assert.notEqual(/ice-ufrag:\S+/.exec(again)![0], /ice-ufrag:\S+/.exec(offer)![0])
      await moved.find(again)
      const heard = nextAudio(moved.party)
      phone.send(rtp({ sequence: 3 }), audioPort(answer))
      assert.deepEqual(srtp.unprotect(await heard), rtp({ sequence: 3 }))
      await session.close()
      for (const party of [browser.party, moved.party, phone]) party.close()
    }))

  it('shakes hands though junk came before, and so do all others: one thread has the handshakes of every call', () =>
    withRelay({}, async (relay) => {
      const { session, browser, answer, close } = await browserCall(relay)
      let failed: string | null = null
      session.once('failed', (reason) => (failed = reason))
      await browser.find(answer)
      // Shorter than its header, which werift reads without a look at the length.
      for (let size = 1; size < 13; size++) browser.party.send(Buffer.alloc(size, 22), audioPort(answer))
      assert.ok(await browser.shakeHands(answer))
      assert.equal(failed, null)
      await close()
    }))

  it('ends when the certificate is not the one that was described', () =>
    withRelay({}, async (relay) => {
      const { session, browser, answer, close } = await browserCall(
        relay,
        Array.from({ length: 32 }, () => 'AA').join(':'),
      )
      session.established()
      await browser.find(answer)
      const failed = once(session, 'failed')
      await browser.shakeHands(answer)
      const [reason, kind] = await failed
      assert.match(String(reason), /^the caller: the DTLS handshake failed: .*not the one its description names/)
      assert.equal(kind, 'insecure')
      await close()
    }))

  it('ends when somebody shows the certificate that was described, and has not its key', () =>
    withRelay({}, async (relay) => {
      const { session, browser, answer, close } = await browserCall(relay)
      session.established()
      await browser.find(answer)
      const failed = once(session, 'failed')
      await (await BrowserParty.imitate(browser)).shakeHands(answer)
      assert.match(String((await failed)[0]), /^the caller: the DTLS handshake failed: the peer’s signature/)
      await close()
    }))

  it(`ends when no handshake is done within ${DTLS_LIMIT_MS} ms of the answer`, () =>
    withRelay({}, async (relay) => {
      const { session, browser, answer, close } = await browserCall(relay)
      session.established()
      await browser.find(answer)
      browser.party.send(Buffer.alloc(60, 22), audioPort(answer)) // Something like a handshake.
      assert.match(String((await once(session, 'failed'))[0]), /^the caller: the DTLS handshake was not done within/)
      await close()
    }))

  it('is silent when its checks have stopped, and alive by them alone', () =>
    withRelay({ rtpTimeoutMs: 600 }, async (relay) => {
      const { session, browser, phone, answer, offer, close } = await browserCall(relay)
      await browser.find(answer)
      const srtp = await browser.shakeHands(answer)
      session.established()
      let silent: string | null = null
      session.once('rtpTimeout', (side) => (silent = side))
      const talk = setInterval(() => phone.send(rtp({ sequence: 1 }), audioPort(offer)), 50)
      for (let i = 0; i < 12; i++) {
        await browser.find(answer)
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
      assert.equal(silent, null)
      assert.ok(srtp)
      assert.deepEqual(await once(session, 'rtpTimeout'), ['caller'])
      clearInterval(talk)
      await close()
    }))

  it('answers no stranger: wrong password, junk, or media before anybody was found', () =>
    withRelay({}, async (relay) => {
      const { session, browser, answer, close } = await browserCall(relay)
      const port = audioPort(answer)
      const junk = [
        browser.check(answer, { pwd: 'wrong' }),
        Buffer.alloc(28),
        Buffer.alloc(60, 22),
        rtp({ sequence: 1 }),
      ]
      for (const packet of [...junk, Buffer.alloc(1), Buffer.from([200])]) browser.party.send(packet, port)
      await untilStats(session, ({ caller }) => caller.dropped.unauthentic === 6)
      assert.equal(browser.party.heard.length, 0)
      await close()
    }))

  it('is refused in words when something is missing', () =>
    withRelay({}, async (relay) => {
      const browser = await BrowserParty.open()
      for (const [lines, reason] of [
        [/^a=ice-pwd.*\r\n/m, /DTLS-SRTP without ICE/],
        [/^a=rtcp-mux\r\n/m, /without rtcp-mux/],
        [/^a=fingerprint.*\r\n/m, /without a=fingerprint/],
      ] as const) {
        const callerOffer = browser.describe({ lines: (text) => text.replace(lines, '') })
        await assert.rejects(relay.createSession({ callId: newId<CallId>(), callerOffer }), refusal(reason))
      }
      const sha1 = browser.describe({ lines: (text) => text.replace('sha-256', 'sha-1') })
      await assert.rejects(
        relay.createSession({ callId: newId<CallId>(), callerOffer: sha1 }),
        refusal(/sha-256 or longer/),
      )
      const passive = browser.describe({ setup: 'passive' })
      await assert.rejects(
        relay.createSession({ callId: newId<CallId>(), callerOffer: passive }),
        refusal(/setup:passive/),
      )
      browser.party.close()
    }))
})

describe('IceLite', () => {
  it(`remembers ${ICE_PATHS_LIMIT} addresses of a peer, and the one in use`, async () => {
    const browser = await BrowserParty.open()
    const ice = new IceLite({ ufrag: 'ours', pwd: 'password' }, browser.ufrag)
    const sdp = 'a=ice-ufrag:ours\r\na=ice-pwd:password\r\n'
    const from = (port: number, address = '192.0.2.1') => ({ address, port })
    assert.ok(ice.answer(browser.check(sdp), from(1)))
    for (let port = 2; port <= ICE_PATHS_LIMIT + 2; port++)
      assert.ok(ice.answer(browser.check(sdp, { nominate: false }), from(port)))
    assert.ok(ice.accepts('192.0.2.1', 1), 'in use')
    assert.ok(!ice.accepts('192.0.2.1', 2))
    assert.equal(ice.toPort, 1)
    for (const [address, mapped] of [
      ['2001:db8::5', '20010db8000000000000000000000005'],
      ['::ffff:192.0.2.9', '00000000000000000000ffffc0000209'],
    ] as const) {
      const check = browser.check(sdp)
      const answer = ice.answer(check, from(9, address))!
      const bytes = answer.subarray(28, 44).map((byte, i) => byte ^ check[4 + i]!)
      assert.equal(Buffer.from(bytes).toString('hex'), mapped)
    }
    browser.party.close()
  })
})
