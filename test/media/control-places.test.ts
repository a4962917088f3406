import assert from 'node:assert/strict'
import { isControlPlace, keepAudioFrom } from '../../media/control-places.ts'
import { UnacceptableMedia } from '../../media/media-server.ts'
import { readDescription } from '../../media/sdp-reading.ts'

const PORT = 22_229

function offer(address: string, port: number, rtcp?: string): string {
  const head = `v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP${address.includes(':') ? 6 : 4} ${address}\r\nt=0 0\r\n`
  return `${head}m=audio ${port} RTP/AVP 0\r\n${rtcp === undefined ? '' : `a=rtcp:${rtcp}\r\n`}`
}

describe('where a media engine takes its orders', () => {
  before(() => {
    keepAudioFrom('127.0.0.1', PORT)
    keepAudioFrom('192.0.2.9', PORT)
  })

  it('nobody has audio sent, by any address of the machine, nor RTCP', () => {
    for (const text of [
      offer('127.0.0.1', PORT),
      offer('127.9.9.9', PORT),
      offer('::1', PORT),
      offer('::ffff:127.0.0.1', PORT),
      offer('192.0.2.9', PORT),
      offer('192.0.2.9', PORT - 1),
      offer('198.51.100.1', 4000, `${PORT} IN IP4 127.0.0.1`),
    ])
      assert.throws(() => readDescription(text), UnacceptableMedia, text)
  })

  it('is no reason to refuse the same port elsewhere, or another there', () => {
    assert.equal(readDescription(offer('198.51.100.1', PORT)).audio.rtpPort, PORT)
    assert.equal(readDescription(offer('127.0.0.1', PORT + 1)).audio.rtpPort, PORT + 1)
    assert.equal(isControlPlace('203.0.113.1', PORT), false)
  })
})
