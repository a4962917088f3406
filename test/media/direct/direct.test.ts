import assert from 'node:assert/strict'
import { Direct } from '../../../media/direct/direct.ts'
import type { DirectSession } from '../../../media/direct/direct-session.ts'
import { MediaUnavailable, UnacceptableMedia } from '../../../media/media-server.ts'
import { newId, type CallId } from '../../../model/ids.ts'

const described = (host: string, port = 4000, more = 'a=sendrecv'): string =>
  `v=0\r\no=alice 77 5 IN IP4 ${host}\r\ns=Alice's phone\r\nc=IN IP4 ${host}\r\nt=0 0\r\nm=audio ${port} RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\na=x-own:1\r\n${more}\r\n`
const CALLER = '192.0.2.1'
const BUYER = '198.51.100.2'
const NEXT = '203.0.113.3'

const originOf = (sdp: string): RegExpExecArray => /^o=- (\d+) (\d+) (.*)\r$/m.exec(sdp)!
const bodyOf = (sdp: string): string => sdp.slice(sdp.indexOf('s='))

describe('a direct call', () => {
  const direct = new Direct()
  const open = (callerOffer: string | null = described(CALLER)): Promise<DirectSession> =>
    direct.createSession({ callId: newId<CallId>(), callerOffer })

  it('hands each end what the other has said, but for o= and the name of the session', async () => {
    const session = await open()
    const offer = await session.offerToBuyer(null)
    assert.equal(bodyOf(offer), bodyOf(described(CALLER)).replace("s=Alice's phone", 's=-'))
    assert.match(offer, /^v=0\r\no=- \d+ 1 IN IP4 192\.0\.2\.1\r\ns=-\r\n/)
    const answer = await session.answerFromBuyer(described(BUYER))
    assert.match(answer, /^v=0\r\no=- \d+ 1 IN IP4 198\.51\.100\.2\r\ns=-\r\nc=IN IP4 198\.51\.100\.2\r\n/)
    assert.notEqual(originOf(offer)[1], originOf(answer)[1])
    assert.equal(session.callerHeardOtherwise, false)
    await session.close()
  })

  it('says the same again in the 200 as in the 183, letter by letter', async () => {
    const session = await open()
    await session.offerToBuyer(null)
    const early = await session.answerFromBuyer(described(BUYER))
    assert.equal(await session.answerFromBuyer(described(BUYER)), early)
    await session.close()
  })

  it('is one session for the caller through a second buyer, whose words it hears after its ACK (RFC 3264 §8)', async () => {
    const session = await open()
    const first = await session.offerToBuyer(null)
    const told = await session.answerFromBuyer(described(BUYER))
    const second = await session.offerToBuyer(told)
    assert.notEqual(originOf(second)[1], originOf(first)[1], 'another dialog, another session')
    assert.equal(await session.answerFromBuyer(described(NEXT)), told)
    assert.equal(session.callerHeardOtherwise, true)
    const offer = await session.offerTo('caller')
    assert.match(offer, /c=IN IP4 203\.0\.113\.3\r\n/)
    assert.equal(originOf(offer)[1], originOf(told)[1])
    assert.equal(originOf(offer)[2], '2')
    assert.equal(originOf(offer)[3], originOf(told)[3])
    await session.answerFrom('caller', described(CALLER))
    await session.close()
  })

  it('passes hold on, both ways', async () => {
    const session = await open()
    await session.offerToBuyer(null)
    const answer = await session.answerFromBuyer(described(BUYER))
    const held = await session.reoffer('caller', described(CALLER, 4000, 'a=sendonly'))
    assert.match(held, /o=- \d+ 2 [^]*a=sendonly/)
    const agreed = await session.reanswer('caller', described(BUYER, 4000, 'a=recvonly'))
    assert.match(agreed, /a=recvonly/)
    assert.equal(originOf(agreed)[1], originOf(answer)[1])
    assert.equal(originOf(agreed)[2], '2')
    await session.close()
  })

  it('refuses what has no audio, no codec in common or no offer', async () => {
    await assert.rejects(open('v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n'), UnacceptableMedia)
    await assert.rejects(open(null), UnacceptableMedia)
    const session = await open()
    await session.offerToBuyer(null)
    const opus = described(BUYER)
      .replace('RTP/AVP 0 8', 'RTP/AVP 96')
      .replace('rtpmap:0 PCMU/8000', 'rtpmap:96 opus/48000/2')
    await assert.rejects(session.answerFromBuyer(opus), UnacceptableMedia)
    await session.close()
  })

  it('has no tools, no figures, and nobody who could take a place', async () => {
    const session = await open()
    assert.equal(session.tools, null)
    assert.equal(session.isDirect, true)
    await assert.rejects(session.offerReplacement(), MediaUnavailable)
    await assert.rejects(session.renew(), UnacceptableMedia)
    await session.close()
  })

  it('counts its calls, each once', async () => {
    const before = direct.sessionCount
    const session = await open()
    assert.equal(direct.sessionCount, before + 1)
    await session.close()
    await session.close()
    assert.equal(direct.sessionCount, before)
    await assert.rejects(session.offerToBuyer(null), MediaUnavailable)
  })
})
