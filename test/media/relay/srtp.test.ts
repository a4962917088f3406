import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import { RtpHeader, SrtcpSession, SrtpSession } from 'werift'
import { HmacSha1 } from '../../../media/relay/hmac-sha1.ts'
import { REPLAY_WINDOW, Srtp, SRTP_SOURCES_LIMIT } from '../../../media/relay/srtp.ts'
import { rtcp, rtp } from './rtp-party.ts'

const SUITE = 'AES_CM_128_HMAC_SHA1_80'
const [A, B] = [randomBytes(30), randomBytes(30)]

/** Two ends of one association. */
function pair(suite: 'AES_CM_128_HMAC_SHA1_80' | 'AES_CM_128_HMAC_SHA1_32' = SUITE): [Srtp, Srtp] {
  return [new Srtp({ suite, send: A, receive: B }), new Srtp({ suite, send: B, receive: A })]
}

/** The same keys in another's implementation. */
function weriftKeys() {
  return {
    keys: {
      localMasterKey: A.subarray(0, 16),
      localMasterSalt: A.subarray(16),
      remoteMasterKey: B.subarray(0, 16),
      remoteMasterSalt: B.subarray(16),
    },
    profile: 1 as const,
  }
}

describe('HmacSha1', () => {
  it('agrees with node:crypto, whatever the length', () => {
    for (let size = 0; size < 260; size++) {
      const [key, bytes] = [randomBytes(20), randomBytes(size)]
      const tag = Buffer.alloc(20)
      new HmacSha1(key).compute(bytes, size, 0x01020384).forEach((word, i) => tag.writeInt32BE(word, 4 * i))
      const expected = createHmac('sha1', key)
        .update(bytes)
        .update(Buffer.from([1, 2, 3, 0x84]))
      assert.deepEqual(tag, expected.digest(), `${size} bytes`)
    }
  })
})

describe('Srtp', () => {
  it('agrees with another’s implementation (werift), both ways, RTP and RTCP', () => {
    const theirs = new SrtpSession(weriftKeys())
    const theirReports = new SrtcpSession(weriftKeys())
    const ours = new Srtp({ suite: SUITE, send: B, receive: A })
    for (const sequence of [65_534, 65_535, 0, 1]) {
      const payload = randomBytes(160)
      const header = new RtpHeader({ ssrc: 7, sequenceNumber: sequence, payloadType: 0, timestamp: 1 })
      const sent = Buffer.from(theirs.encrypt(payload, header))
      assert.deepEqual(ours.unprotect(sent)?.subarray(12), payload, `sequence ${sequence}`)
      const packet = rtp({ sequence, mark: sequence & 0xff })
      assert.deepEqual(Buffer.from(theirs.decrypt(ours.protect(packet)!)), packet)
      const report = Buffer.concat([rtcp(7), randomBytes(24)])
      assert.deepEqual(ours.unprotectRtcp(Buffer.from(theirReports.encrypt(report))), report)
      assert.deepEqual(Buffer.from(theirReports.decrypt(ours.protectRtcp(report)!)), report)
    }
  })

  it('makes the same key stream as another’s, whatever the order, the gaps and the sizes of packets', () => {
    const theirs = new SrtpSession(weriftKeys())
    const [ours, peer] = [new Srtp({ suite: SUITE, send: B, receive: A }), pair()[0]]
    const order: number[] = []
    // Across the turn: runs in order, a pair that overtook each other in each eleven, and now and then a gap.
    for (let n = 65_300; n < 65_900; n += n % 50 === 0 ? 7 : 1) order.push(n)
    for (let i = 0; i + 1 < order.length; i += 11) [order[i], order[i + 1]] = [order[i + 1]!, order[i]!]
    for (const [i, n] of order.entries()) {
      const size = i % 40 < 30 ? 172 : [13, 172, 528, 1200][i % 4]!
      const packet = Buffer.concat([rtp({ sequence: n, size: 12 }), randomBytes(size - 12)])
      const sent = ours.protect(packet)!
      assert.deepEqual(Buffer.from(theirs.decrypt(Buffer.from(sent))), packet, `sequence ${n}`)
      assert.deepEqual(peer.unprotect(sent), packet, `sequence ${n}`)
    }
  })

  it('leaves CSRCs and header extension readable, and the payload not', () => {
    const [a, b] = pair('AES_CM_128_HMAC_SHA1_32')
    const packet = Buffer.concat([rtp({ sequence: 1, size: 12 }), Buffer.alloc(4, 9), Buffer.from([0xbe, 0xde, 0, 1])])
    const whole = Buffer.concat([packet, Buffer.alloc(4, 7), Buffer.alloc(160, 5)])
    whole[0] = 0x91
    const sent = a.protect(whole)!
    assert.equal(sent.length, whole.length + 4)
    assert.deepEqual(sent.subarray(0, 24), whole.subarray(0, 24))
    assert.notDeepEqual(sent.subarray(24, 184), whole.subarray(24))
    assert.deepEqual(b.unprotect(sent), whole)
    whole.writeUInt16BE(500, 18) // An extension longer than the packet.
    assert.equal(a.protect(whole), null)
  })

  it('goes round the sequence numbers more than once, and takes what comes late across the turn', () => {
    const [a, b] = pair()
    let late: Buffer | null = null
    for (let i = 65_000; i < 65_000 + 140_000; i++) {
      const sent = a.protect(rtp({ sequence: i, size: 20 }))!
      if (i === 131_070) late = sent
      else assert.ok(b.unprotect(sent), `packet ${i}`)
      if (i === 131_080) assert.ok(b.unprotect(late!))
    }
  })

  it('passes nothing twice, nothing too late, and nothing that was meddled with', () => {
    const [a, b] = pair()
    const sent = Array.from({ length: REPLAY_WINDOW + 2 }, (_, i) => a.protect(rtp({ sequence: i }))!)
    const again = Buffer.from(sent[5]!)
    const forged = Buffer.from(sent[6]!)
    forged[20]! ^= 1
    assert.equal(b.unprotect(forged), null)
    for (const packet of sent.slice(1)) assert.ok(b.unprotect(packet))
    assert.equal(b.unprotect(again), null, 'there before')
    assert.equal(b.unprotect(sent[0]!), null, 'too late')
    const report = a.protectRtcp(rtcp(1))!
    const copy = Buffer.from(report)
    copy[12]! ^= 1
    assert.equal(b.unprotectRtcp(copy), null)
    const second = Buffer.from(report)
    assert.ok(b.unprotectRtcp(report))
    assert.equal(b.unprotectRtcp(second), null)
    assert.equal(b.unprotect(Buffer.alloc(15)), null)
    assert.equal(b.unprotectRtcp(Buffer.alloc(20)), null)
  })

  it('never makes one key stream twice: a sequence number that was there is not sent again', () => {
    const [a] = pair()
    assert.ok(a.protect(rtp({ sequence: 10, mark: 1 })))
    assert.equal(a.protect(rtp({ sequence: 10, mark: 2 })), null)
    const goesOn = new Srtp({ suite: SUITE, send: A, receive: randomBytes(30) }, a)
    assert.equal(
      goesOn.protect(rtp({ sequence: 10, mark: 3 })),
      null,
      'the other direction’s key changed, ours did not',
    )
    const renewed = new Srtp({ suite: SUITE, send: randomBytes(30), receive: B }, a)
    assert.ok(renewed.protect(rtp({ sequence: 10, mark: 3 })))
  })

  it(`takes ${SRTP_SOURCES_LIMIT} sources and no more, and gives none of them up for a forger`, () => {
    const [a, b] = pair()
    for (let ssrc = 1; ssrc <= SRTP_SOURCES_LIMIT; ssrc++) {
      const forged = Buffer.alloc(182, 1)
      forged.writeUInt32BE(1000 + ssrc, 8)
      assert.equal(b.unprotect(forged), null)
      assert.ok(b.unprotect(a.protect(rtp({ sequence: 1, ssrc }))!), `source ${ssrc}`)
    }
    assert.equal(a.protect(rtp({ sequence: 1, ssrc: 999 })), null)
    const other = new Srtp({ suite: SUITE, send: A, receive: B })
    assert.equal(b.unprotect(other.protect(rtp({ sequence: 1, ssrc: 999 }))!), null)
  })
})
