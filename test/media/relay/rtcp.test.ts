import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { ReportReader, ROUND_TRIP_LIMIT_MS } from '../../../media/relay/rtcp.ts'

/** A sender report without blocks (RFC 3550 §6.4.1) whose NTP time has these middle 32 bits. */
function senderReport(middle: number): Buffer {
  const packet = Buffer.alloc(28)
  packet.set([0x80, 200, 0, 6])
  packet.writeUInt32BE(middle >>> 0, 10)
  return packet
}

/** A receiver report of one block (§6.4.2). */
function receiverReport(block: { lsr: number; dlsrMs: number; lost?: number }): Buffer {
  const packet = Buffer.alloc(32)
  packet.set([0x81, 201, 0, 7])
  packet.writeInt32BE(block.lost ?? 0, 12)
  packet[12] = 0
  packet.writeUInt32BE(block.lsr >>> 0, 24)
  packet.writeUInt32BE(Math.round(block.dlsrMs * 65.536), 28)
  return packet
}

describe('ReportReader', () => {
  it('reckons the way to a party and back from a passed sender report and the answer to it', () => {
    const reader = new ReportReader()
    reader.sent(senderReport(0xdead_beef), 1000)
    reader.heard(receiverReport({ lsr: 0xdead_beef, dlsrMs: 500 }), 1580)
    assert.ok(Math.abs(reader.roundTripMs! - 80) < 0.1, String(reader.roundTripMs))
    reader.sent(senderReport(7), 6000)
    reader.heard(receiverReport({ lsr: 7, dlsrMs: 500 }), 6540)
    assert.ok(Math.abs(reader.roundTripMs! - 40) < 0.1)
    assert.ok(Math.abs(reader.meanRoundTripMs! - 60) < 0.1)
  })

  it('finds reports anywhere in a compound packet, in sender reports as well', () => {
    const reader = new ReportReader()
    const description = Buffer.from([0x81, 202, 0, 2, 0, 0, 0, 1, 1, 1, 0x61, 0])
    reader.sent(Buffer.concat([description, senderReport(9)]), 0)
    const block = receiverReport({ lsr: 9, dlsrMs: 10, lost: 12 }).subarray(8)
    const report = Buffer.concat([senderReport(1), block])
    report.set([0x81, 200, 0, 12])
    reader.heard(Buffer.concat([report, description]), 40)
    assert.ok(Math.abs(reader.roundTripMs! - 30) < 0.1)
    assert.equal(reader.reportedLost, 12)
  })

  it('believes no report of what it never sent, none without LSR, and no absurd time', () => {
    const reader = new ReportReader()
    reader.heard(receiverReport({ lsr: 5, dlsrMs: 0 }), 10)
    reader.sent(senderReport(0), 0)
    reader.heard(receiverReport({ lsr: 0, dlsrMs: 0 }), 10)
    reader.sent(senderReport(6), 0)
    reader.heard(receiverReport({ lsr: 6, dlsrMs: 1000 }), 10)
    reader.heard(receiverReport({ lsr: 6, dlsrMs: 0 }), ROUND_TRIP_LIMIT_MS + 1)
    assert.equal(reader.roundTripMs, null)
    assert.equal(reader.meanRoundTripMs, null)
  })

  it('remembers the last four sender reports', () => {
    const reader = new ReportReader()
    for (let i = 1; i <= 5; i++) reader.sent(senderReport(i), i)
    reader.heard(receiverReport({ lsr: 1, dlsrMs: 0 }), 100)
    assert.equal(reader.roundTripMs, null)
    reader.heard(receiverReport({ lsr: 2, dlsrMs: 0 }), 102)
    assert.equal(reader.roundTripMs, 100)
  })

  it('reads negative loss, which duplicates make, as none', () => {
    const reader = new ReportReader()
    reader.heard(receiverReport({ lsr: 0, dlsrMs: 0, lost: -3 }), 0)
    assert.equal(reader.reportedLost, 0)
  })

  it('survives any bytes', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 8, maxLength: 200 }),
        fc.integer({ min: 200, max: 204 }),
        (bytes, type) => {
          bytes[0] = (bytes[0]! & 0x3f) | 0x80
          bytes[1] = type
          const reader = new ReportReader()
          reader.sent(bytes, 0)
          reader.heard(bytes, 1)
          assert.ok(reader.roundTripMs === null || reader.roundTripMs >= 0)
        },
      ),
    )
  })
})
