import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { isRtcp, isRtcpType, isRtp, RTP_PACKET_LIMIT_BYTES } from '../../../media/relay/rtp-packet.ts'
import { rtcp, rtp } from './rtp-party.ts'

/** An RTP packet with this first byte. */
function headed(first: number, size: number, lastByte = 0): Buffer {
  const packet = rtp({ sequence: 1, size })
  packet[0] = first
  packet[size - 1] = lastByte
  return packet
}

describe('isRtp', () => {
  it('takes packets with extension, CSRCs and padding when they fit (RFC 3550 §A.1)', () => {
    assert.ok(isRtp(rtp({ sequence: 1 })))
    assert.ok(isRtp(rtp({ sequence: 1, size: 12 })), 'an empty payload')
    assert.ok(isRtp(headed(0x8f, 72)), 'fifteen CSRCs')
    assert.ok(isRtp(headed(0x90, 16)), 'an empty extension')
    assert.ok(isRtp(headed(0xa0, 16, 4)), 'padding only')
    assert.ok(isRtp(rtp({ sequence: 1, size: RTP_PACKET_LIMIT_BYTES })))
  })

  it('refuses what is too short, too long, of another version or says more than it holds', () => {
    const bad = [
      Buffer.alloc(0),
      rtp({ sequence: 1, size: 12 }).subarray(0, 11),
      rtp({ sequence: 1, size: RTP_PACKET_LIMIT_BYTES + 1 }),
      headed(0x00, 172),
      headed(0x40, 172),
      headed(0xc0, 172),
      headed(0x8f, 71),
      headed(0x90, 15),
      Buffer.concat([headed(0x90, 12), Buffer.from([0xbe, 0xde, 0xff, 0xff])]),
      headed(0xa0, 16, 5),
      headed(0xa0, 16, 0),
    ]
    for (const packet of bad) assert.equal(isRtp(packet), false, packet.subarray(0, 16).toString('hex'))
  })

  it('judges any bytes without throwing', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 64 }),
        (bytes) => typeof isRtp(bytes) === 'boolean' && typeof isRtcp(bytes) === 'boolean',
      ),
    )
  })
})

describe('isRtcp', () => {
  it('tells reports from audio on a shared port (RFC 5761 §4)', () => {
    assert.ok(isRtcp(rtcp(1)))
    assert.equal(isRtcp(rtp({ sequence: 1 })), false)
    assert.equal(isRtcp(rtcp(1).subarray(0, 7)), false)
    assert.deepEqual([191, 192, 223, 224].map(isRtcpType), [false, true, true, false])
  })
})
