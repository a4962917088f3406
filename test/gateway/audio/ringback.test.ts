import assert from 'node:assert/strict'
import { ownAnswer } from '../../../gateway/audio/ringback.ts'

const offer = (...lines: string[]): string =>
  ['v=0', 'o=- 1 1 IN IP4 192.0.2.1', 's=-', 'c=IN IP4 192.0.2.1', 't=0 0', ...lines, ''].join('\r\n')

describe('our own answer to an offer of ours', () => {
  it('takes the first G.711 and the key presses of 8000 Hz', () => {
    const answer = ownAnswer(
      offer(
        'm=audio 10000 RTP/AVP 111 8 0 96 101',
        'a=rtpmap:111 opus/48000/2',
        'a=rtpmap:96 telephone-event/48000',
        'a=rtpmap:101 telephone-event/8000',
      ),
    )
    assert.match(answer!, /m=audio 9 RTP\/AVP 8 101\r\na=rtpmap:8 PCMA\/8000\r\na=rtpmap:101 telephone-event\/8000\r\n/)
    assert.match(answer!, /^c=IN IP4 192\.0\.2\.1\r$/m)
  })
  it('does without key presses', () => {
    assert.match(ownAnswer(offer('m=audio 10000 RTP/AVP 0'))!, /RTP\/AVP 0\r\n/)
  })
  for (const [what, line] of [
    ['no G.711', 'm=audio 10000 RTP/AVP 111'],
    ['keys', 'm=audio 10000 RTP/SAVP 0'],
    ['no audio', 'm=video 10000 RTP/AVP 0'],
  ] as const)
    it(`is none to an offer with ${what}`, () => assert.equal(ownAnswer(offer(line)), null))
})
