import assert from 'node:assert/strict'
import { arrange, readOffer, withMatchingClocks } from '../../media/codec-policy.ts'
import { UnacceptableMedia } from '../../media/media-server.ts'
import { OWN_OFFER } from '../../media/own-offer.ts'
import { readDescription } from '../../media/sdp-reading.ts'
import { DescriptionWriter, termsToAnswer, termsToOffer } from '../../media/sdp.ts'

const BROWSER_LIKE = [
  'a=rtpmap:111 opus/48000/2',
  'a=fmtp:111 minptime=10;useinbandfec=1',
  'a=rtpmap:126 telephone-event/48000',
  'a=rtpmap:101 telephone-event/8000',
]

function sdp(payloads: string, lines: readonly string[] = []): string {
  const head = ['v=0', 'o=- 1 1 IN IP4 192.0.2.1', 's=-', 'c=IN IP4 192.0.2.1', 't=0 0']
  return [...head, `m=audio 4000 RTP/AVP ${payloads}`, ...lines, ''].join('\r\n')
}

function offered(payloads: string, policy: readonly string[], lines: readonly string[] = BROWSER_LIKE): string {
  const text = new DescriptionWriter(1).write(
    termsToOffer(readOffer(sdp(payloads, lines), policy).audio, false),
    '203.0.113.1',
    12_000,
  )
  return /^m=audio \d+ RTP\/AVP (.*)$/m.exec(text)![1]!.trim()
}

describe('codec policy', () => {
  it('leaves an offer as it is where there is none', () => {
    assert.equal(offered('18 111 9 0 8 126 101', []), '18 111 9 0 8 126 101')
  })

  it('orders codecs as it names them, whatever their case, and leaves out the others', () => {
    assert.equal(offered('18 111 9 0 8 101', ['OPUS', 'g722', 'pcma', 'pcmu']), '111 9 8 0 101')
    assert.equal(offered('18 0 101', ['G729']), '18 101')
  })

  it('keeps key presses and comfort noise of the clocks that are left (RFC 4733, RFC 3389)', () => {
    assert.equal(offered('111 0 13 126 101', ['PCMU']), '0 13 101')
    assert.equal(offered('111 0 126 101', ['opus']), '111 126')
    assert.equal(offered('111 0 126 101', ['opus', 'PCMU']), '111 0 126 101')
    assert.equal(offered('111 101', ['opus']), '111 101', 'the only key presses there are')
    assert.equal(offered('9 0 126 101', ['G722']), '9 101', 'G.722 counts in 8,000ths (RFC 3551 §4.5.2)')
  })

  it('answers with key presses of the clock that was agreed on', () => {
    const { audio } = readDescription(sdp('111 0 126 101', BROWSER_LIKE))
    const names = (payloads: string): string[] =>
      termsToAnswer(audio, readDescription(sdp(payloads, BROWSER_LIKE)).audio).codecs.map(
        ({ name, hertz }) => `${name}/${hertz}`,
      )
    assert.deepEqual(names('0 126 101'), ['PCMU/8000', 'telephone-event/8000'])
    assert.deepEqual(names('111 126 101'), ['opus/48000', 'telephone-event/48000'])
    assert.deepEqual(withMatchingClocks([]), [])
  })

  it('refuses with Warning 305 what leaves nothing to speak with, our own offer too', () => {
    for (const attempt of [() => readOffer(sdp('18 101', BROWSER_LIKE), ['PCMU']), () => arrange(OWN_OFFER, ['opus'])])
      assert.throws(attempt, (error) => {
        assert.ok(error instanceof UnacceptableMedia)
        assert.equal(error.warning, 305)
        assert.match(error.message, /none of the codecs offered \(.*telephone-event\) is one of ours: /)
        return true
      })
    assert.deepEqual(
      arrange(OWN_OFFER, ['PCMA', 'PCMU']).audio.codecs.map(({ name }) => name),
      ['PCMA', 'PCMU', 'telephone-event'],
    )
  })

  it('passes formats, ptime and maxptime with what is kept', () => {
    const lines = [...BROWSER_LIKE, 'a=ptime:30', 'a=maxptime:60']
    const { audio } = readOffer(sdp('0 111 126', lines), ['opus'])
    const text = new DescriptionWriter(1).write(termsToOffer(audio, false), '203.0.113.1', 12_000)
    for (const line of ['a=fmtp:111 minptime=10;useinbandfec=1', 'a=ptime:30', 'a=maxptime:60'])
      assert.ok(text.includes(`${line}\r\n`), line)
    assert.doesNotMatch(text, /rtpmap:0 |rtpmap:101/)
  })
})
