import assert from 'node:assert/strict'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { MediaUnavailable, UnacceptableMedia, type MediaSession, type Sdp } from '../../../media/media-server.ts'
import { findPackage } from '../../../media/mediasoup/load.ts'
import { createMediasoup, type Mediasoup } from '../../../media/mediasoup/mediasoup.ts'
import type { MediasoupOptions } from '../../../media/mediasoup/mediasoup-options.ts'
import { isRtcpType, rtpPayloadStart } from '../../../media/relay/rtp-packet.ts'
import { newId, type CallId } from '../../../model/ids.ts'
import { eventually } from '../../support/exchange.ts'
import { MEDIASOUP_WORKER, whyNoMediasoup } from '../../support/mediasoup.ts'
import { BrowserParty } from '../relay/browser-party.ts'
import { needs } from '../relay/relayed-call.ts'
import { audioPort, rtp, RtpParty } from '../relay/rtp-party.ts'

const PACKETS = 20

describe('the media engine mediasoup', function () {
  this.timeout(90_000)
  let server: Mediasoup
  const parties: RtpParty[] = []

  before(function () {
    if (whyNoMediasoup() !== null) this.skip()
  })
  afterEach(async () => {
    await server?.close()
    for (const party of parties.splice(0)) party.close()
  })

  async function start(options: Partial<MediasoupOptions> = {}): Promise<void> {
    server = await createMediasoup(needs, {
      workerPath: MEDIASOUP_WORKER,
      address: '127.0.0.1',
      portRange: { from: 20_600, to: 20_799 },
      portQuietMs: 0,
      ...options,
    })
  }

  async function phone(): Promise<RtpParty> {
    const party = await RtpParty.open()
    parties.push(party)
    return party
  }

  const open = (offer: Sdp): Promise<MediaSession> =>
    server.createSession({ callId: newId<CallId>(), callerOffer: offer })

  interface Call {
    readonly session: MediaSession
    readonly caller: RtpParty
    readonly buyer: RtpParty
    readonly callerPort: number
    readonly buyerPort: number
  }

  async function call(payloads = '0 8 101'): Promise<Call> {
    const [caller, buyer] = [await phone(), await phone()]
    const session = await open(caller.describe({ payloads }))
    const offer = await session.offerToBuyer(null)
    const told = await session.answerFromBuyer(buyer.describe({ payloads }))
    session.established()
    return { session, caller, buyer, callerPort: audioPort(told), buyerPort: audioPort(offer) }
  }

  /** The packets that arrive of so many sent. */
  async function passed(
    from: RtpParty,
    port: number,
    to: RtpParty,
    fields: Partial<Parameters<typeof rtp>[0]> & { first?: number } = {},
  ): Promise<Buffer[]> {
    const before = to.heard.length
    for (let n = 0; n < PACKETS; n++) {
      from.send(rtp({ ...fields, sequence: (fields.first ?? 1000) + n, mark: n }), port)
      await sleep(2)
    }
    await sleep(60)
    return to.heard.slice(before).map(({ packet }) => packet)
  }

  it('ends the calls of a worker that dies, by name, and no others; new calls go to the others until it is back', async () => {
    await start({ workers: 2 })
    const calls: Call[] = []
    for (let n = 0; n < 6; n++) calls.push(await call())
    const failed = new Map<Call, string>()
    for (const each of calls) each.session.on('failed', (reason) => failed.set(each, reason))
    const [killed] = server.workerPids
    process.kill(killed!, 'SIGKILL')
    await eventually(
      async () => (failed.size === 3 ? true : undefined),
      () => `${failed.size} have failed`,
    )
    for (const reason of failed.values()) assert.match(reason, /^a mediasoup worker died: .*SIGKILL/)
    assert.equal(server.isUp, true)
    assert.ok(!server.workerPids.includes(killed!))
    for (const each of calls.filter((one) => !failed.has(one)))
      assert.equal((await passed(each.caller, each.callerPort, each.buyer)).length, PACKETS)
    const meanwhile = await call()
    assert.equal((await passed(meanwhile.caller, meanwhile.callerPort, meanwhile.buyer)).length, PACKETS)
    for (const { session } of failed.keys()) await assert.rejects(session.offerToBuyer(null), MediaUnavailable)
    await eventually(
      async () => (server.workerPids.length === 2 ? true : undefined),
      () => 'it is not started again',
    )
    const later = await call()
    assert.equal((await passed(later.caller, later.callerPort, later.buyer)).length, PACKETS)
    await Promise.all([...calls, meanwhile, later].map(({ session }) => session.close()))
    assert.equal(server.sessionCount, 0)
  })

  it('carries a call between two workers over a pipe, and ends it when either dies', async () => {
    await start({ workers: 2, pipeFrom: 1 })
    const caller = await phone()
    const browser = await BrowserParty.open()
    parties.push(browser.party)
    const session = await open(caller.describe({ payloads: '0' }))
    const offer = await session.offerToBuyer(null, 'webrtc')
    assert.match(offer, /m=audio \d+ UDP\/TLS\/RTP\/SAVPF 0\r[^]*a=setup:actpass\r/)
    const told = await session.answerFromBuyer(browser.describe({ setup: 'active' }))
    await browser.find(offer)
    const srtp = await browser.shakeHands(offer)
    for (let n = 0; n < PACKETS; n++) {
      browser.party.send(srtp.protect(rtp({ sequence: n + 1, mark: n }))!, audioPort(offer))
      await sleep(2)
    }
    await passed(caller, audioPort(told), browser.party)
    assert.deepEqual(
      caller.heard.map(({ packet }) => packet[12]),
      Array.from({ length: PACKETS }, (_, n) => n),
    )
    const heard = browser.party.heard
      .map(({ packet }) => packet)
      .filter((packet) => packet[0]! >= 128 && !isRtcpType(packet[1]!))
      .map((packet) => srtp.unprotect(packet)!)
    assert.deepEqual(
      heard.map((packet) => packet[rtpPayloadStart(packet)]),
      Array.from({ length: PACKETS }, (_, n) => n),
    )
    const stats = await session.stats()
    assert.equal(stats.buyer.packetsReceived, PACKETS)
    assert.equal(stats.caller.packetsReceived, PACKETS)
    session.established()
    const failed = once(session, 'failed', { signal: AbortSignal.timeout(20_000) })
    process.kill(server.workerPids[1]!, 'SIGKILL') // The browser's; the phone is on the first.
    assert.match(String((await failed)[0]), /a mediasoup worker died/)
  })

  it('hears a phone that begins with its second codec and changes its SSRC in mid-call', async () => {
    await start()
    const { caller, buyer, callerPort, session } = await call()
    const first = await passed(caller, callerPort, buyer, { payload: 8, ssrc: 1 })
    const next = await passed(caller, callerPort, buyer, { payload: 0, ssrc: 2, first: 1100 })
    const whole = [...first, ...next]
    assert.equal(whole.length, 2 * PACKETS)
    assert.equal(new Set(whole.map((packet) => packet.readUInt32BE(8))).size, 1)
    assert.deepEqual([first[0]![1], next[0]![1]], [8, 0])
    assert.ok(whole.every((packet) => packet[0] === 0x80 && packet.length === 172, 'without a header extension'))
    await session.close()
  })

  it('passes codecs that mediasoup does not know', async () => {
    await start()
    const { caller, buyer, callerPort, session } = await call('18 101')
    const heard = await passed(caller, callerPort, buyer, { payload: 18, size: 32 })
    assert.equal(heard.length, PACKETS)
    assert.equal(heard[0]![1], 18)
    await session.close()
  })

  it('sends each phone the payload types of the last agreement, though mediasoup has those of the first', async () => {
    await start()
    const { caller, buyer, callerPort, buyerPort, session } = await call('0 101')
    const moved = { payloads: '0 96', lines: ['a=rtpmap:96 telephone-event/8000'] }
    assert.match(await session.reoffer('buyer', buyer.describe(moved)), /RTP\/AVP 0 96\r/)
    assert.match(await session.reanswer('caller', caller.describe(moved)), /RTP\/AVP 0 96\r/)
    await passed(caller, callerPort, buyer)
    const [there] = (await passed(caller, callerPort, buyer, { payload: 96, first: 2000 })).slice(-1)
    assert.equal(there![1], 96)
    await passed(buyer, buyerPort, caller)
    const [back] = (await passed(buyer, buyerPort, caller, { payload: 96, first: 2000 })).slice(-1)
    assert.equal(back![1], 96)
    await session.close()
  })

  it('believes no stranger who sends to a phone’s port', async () => {
    await start()
    const { caller, buyer, callerPort, session } = await call()
    assert.equal((await passed(caller, callerPort, buyer)).length, PACKETS)
    assert.deepEqual(await passed(await phone(), callerPort, buyer, { ssrc: 0x1234, first: 1020 }), [])
    await session.close()
  })

  it('tells how each side sounds, as the E-model has it', async () => {
    await start()
    const { caller, buyer, callerPort, buyerPort, session } = await call()
    for (let n = 0; n < 30; n++) {
      caller.send(rtp({ sequence: n }), callerPort)
      if (n % 10 !== 5) buyer.send(rtp({ sequence: n }), buyerPort)
      await sleep(20)
    }
    const { caller: clean, buyer: lossy } = await session.close()
    assert.equal(clean.packetsLost, 0)
    assert.ok(clean.quality!.mosMean! > 4.3, `${clean.quality!.mosMean}`)
    assert.equal(lossy.packetsLost, 3)
    assert.ok(lossy.quality!.mosMean! < 3.7, `${lossy.quality!.mosMean} with a tenth lost`)
  })

  it('answers an ICE restart with one, and the keys go on', async () => {
    await start()
    const buyer = await phone()
    const browser = await BrowserParty.open()
    parties.push(browser.party)
    const session = await open(browser.describe())
    await session.offerToBuyer(null)
    const told = await session.answerFromBuyer(buyer.describe({ payloads: '0' }))
    await browser.find(told)
    const srtp = await browser.shakeHands(told)
    const restarted = browser.describe({
      lines: (text) =>
        text.replace(`ufrag:${browser.ufrag}`, 'ufrag:another').replace(/pwd:.*/, `pwd:${'p'.repeat(24)}`),
    })
    assert.match(await session.reoffer('caller', restarted), /RTP\/AVP 0 126\r/)
    const again = await session.reanswer('buyer', buyer.describe({ payloads: '0' }))
    const ufrag = (text: Sdp) => /a=ice-ufrag:(\S+)/.exec(text)![1]
    assert.notEqual(ufrag(again), ufrag(told))
    assert.equal(audioPort(again), audioPort(told))
    assert.equal((await browser.find(again)).readUInt16BE(0), 0x0101, 'a check by the new name is answered')
    browser.party.send(srtp.protect(rtp({ sequence: 1, mark: 7 }))!, audioPort(again))
    assert.equal((await buyer.next()).packet[12], 7)
    await session.close()
  })

  it('tells that a browser is silent', async () => {
    await start({ rtpTimeoutMs: 600 })
    const caller = await phone()
    const browser = await BrowserParty.open()
    parties.push(browser.party)
    const session = await open(browser.describe())
    const offer = await session.offerToBuyer(null)
    await session.answerFromBuyer(caller.describe({ payloads: '0' }))
    session.established()
    const talk = setInterval(() => caller.send(rtp({ sequence: (performance.now() / 20) | 0 }), audioPort(offer)), 20)
    const [side] = await once(session, 'rtpTimeout', { signal: AbortSignal.timeout(20_000) }).finally(() =>
      clearInterval(talk),
    )
    assert.equal(side, 'caller')
    await session.close()
  })

  it('refuses in words a browser that nobody could hear, and payload types that moved', async () => {
    await start()
    const browser = await BrowserParty.open()
    parties.push(browser.party)
    const mute = browser.describe({ lines: (text) => text.replace(/a=ssrc.*\r\n/, '') })
    await assert.rejects(open(mute), (error) => error instanceof UnacceptableMedia && /no a=ssrc/.test(error.message))
    const session = await open(browser.describe())
    await session.offerToBuyer(null)
    const answer = await session.answerFromBuyer((await phone()).describe({ payloads: '0 8' }))
    assert.match(answer, /m=audio \d+ UDP\/TLS\/RTP\/SAVPF 0\r[^]*a=setup:passive/)
    const keys = browser.describe({ lines: (text) => text.replaceAll('126', '101') })
    assert.match(await session.reoffer('caller', keys), /RTP\/AVP 0\r/, 'without them it goes on')
    const speech = browser.describe({ lines: (text) => text.replaceAll('SAVPF 0 126', 'SAVPF 100') })
    const moved = speech.replace('a=rtpmap:126 telephone-event', 'a=rtpmap:100 PCMU')
    await assert.rejects(session.reoffer('caller', moved), UnacceptableMedia)
    await session.close()
    assert.equal(server.sessionCount, 0)
  })

  it('has no port left for one leg more than its range has room for, until a call ends', async () => {
    await start({ portRange: { from: 20_600, to: 20_607 } }) // Two pairs a phone.
    const { session, caller } = await call()
    await assert.rejects(open(caller.describe()), (error) => {
      assert.ok(error instanceof MediaUnavailable)
      assert.match(error.message, /no free RTP port/)
      return true
    })
    assert.equal(server.sessionCount, 1)
    await session.close()
    const again = await call()
    await again.session.close()
  })

  it('does not start with a program that is no worker, and says so', async () => {
    // A program outside of any package is spoken to by the installed one, which npm leaves out on a Node older than 22.
    const why = findPackage()
      ? /the worker \/bin\/false does not start with the JavaScript of mediasoup/
      : /the package mediasoup is not installed/
    await assert.rejects(start({ workerPath: '/bin/false' }), why)
    await assert.rejects(start({ workers: 0 }), /workers 0: must be 1 to 64/)
  })

  it('leaves no process behind', async () => {
    await start({ workers: 2 })
    const pids = server.workerPids
    await server.close()
    await eventually(
      async () => (pids.some(isRunning) ? undefined : true),
      () => `of ${pids.join(', ')} one still runs`,
    )
    assert.equal(server.isUp, false)
    await assert.rejects(open((await phone()).describe()), MediaUnavailable)
  })
})

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
