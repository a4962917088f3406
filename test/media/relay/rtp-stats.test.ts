import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { RtpStats } from '../../../media/relay/rtp-stats.ts'
import { rtp } from './rtp-party.ts'

interface Arrival {
  readonly sequence: number
  readonly timestamp: number
  readonly arrivalMs: number
}

/** The formulas of RFC 3550 as they are written, over a whole list and with numbers that never wrap. */
function naive(arrivals: readonly Arrival[], clockRate: number): { lost: number; jitterMs: number } {
  const sequences = arrivals.map(({ sequence }) => sequence)
  // §A.3: the first packet is the base; what came late from before it was received all the same. What came twice came once.
  const expected = Math.max(...sequences) - sequences[0]! + 1
  let jitter = 0
  for (let i = 1; i < arrivals.length; i++) {
    const [before, now] = [arrivals[i - 1]!, arrivals[i]!]
    const ticks = (ms: number): number => Math.round((ms * clockRate) / 1000)
    const d = ticks(now.arrivalMs) - ticks(before.arrivalMs) - (now.timestamp - before.timestamp)
    jitter += (Math.abs(d) - jitter) / 16
  }
  return { lost: Math.max(0, expected - new Set(sequences).size), jitterMs: (jitter / clockRate) * 1000 }
}

/** Audio with losses, duplicates, some disorder and an uneven network, beginning anywhere (so that counters wrap). */
const stream = fc
  .record({
    firstSequence: fc.integer({ min: 0, max: 0xffff }),
    firstTimestamp: fc.integer({ min: 0, max: 0xffff_ffff }),
    startMs: fc.double({ min: 0, max: 1e9, noNaN: true }),
    steps: fc.array(
      fc.record({ skip: fc.integer({ min: -3, max: 50 }), delayMs: fc.double({ min: 0, max: 200, noNaN: true }) }),
      {
        maxLength: 300,
      },
    ),
  })
  .map(({ firstSequence, firstTimestamp, startMs, steps }) => {
    const arrivals: Arrival[] = [{ sequence: firstSequence, timestamp: firstTimestamp, arrivalMs: startMs }]
    let index = 0
    for (const { skip, delayMs } of steps) {
      index = Math.max(0, index + skip)
      arrivals.push({
        sequence: firstSequence + index,
        timestamp: firstTimestamp + index * 160,
        arrivalMs: startMs + index * 20 + delayMs,
      })
    }
    return arrivals
  })

function count(stats: RtpStats, arrivals: readonly Arrival[], clockRate = 8000): void {
  for (const { sequence, timestamp, arrivalMs } of arrivals)
    stats.count(rtp({ sequence, timestamp: timestamp % 2 ** 32 }), arrivalMs, clockRate)
}

/** `length` packets in a row, 20 ms apart. */
function steady(length: number, firstSequence = 0): Arrival[] {
  return Array.from({ length }, (_, i) => ({ sequence: firstSequence + i, timestamp: i * 160, arrivalMs: i * 20 }))
}

/** Every other packet 8 ms late. */
function uneven(i: number): number {
  return i * 20 + (i % 2) * 8
}

describe('RtpStats', () => {
  it('agrees with the formulas of RFC 3550 §A.3 and §A.8, wrapping or not', () => {
    fc.assert(
      fc.property(stream, (arrivals) => {
        const stats = new RtpStats()
        count(stats, arrivals)
        const expected = naive(arrivals, 8000)
        const { packetsReceived, packetsLost, jitterMs } = stats.read()
        assert.equal(packetsReceived, arrivals.length)
        assert.equal(packetsLost, expected.lost)
        assert.ok(Math.abs(jitterMs - expected.jitterMs) < 1e-6, `${jitterMs} is not ${expected.jitterMs}`)
      }),
    )
  })

  it('starts at nothing', () => {
    const nothing = { packetsReceived: 0, packetsLost: 0, octetsReceived: 0, jitterMs: 0 }
    assert.deepEqual(new RtpStats().read(), { ...nothing, packetsOutOfOrder: 0, packetsDuplicate: 0 })
  })

  it('counts whole cycles of sequence numbers', () => {
    const stats = new RtpStats()
    count(stats, steady(200_000))
    assert.equal(stats.read().packetsLost, 0)
    assert.equal(stats.read().octetsReceived, 200_000 * 172)
  })

  it('keeps the loss of a stream that another SSRC follows', () => {
    const stats = new RtpStats()
    for (const sequence of [1, 2, 5]) stats.count(rtp({ sequence, ssrc: 1 }), 0, 8000)
    for (const sequence of [60_000, 60_002]) stats.count(rtp({ sequence, ssrc: 2 }), 0, 8000)
    assert.equal(stats.read().packetsLost, 3)
    assert.equal(stats.read().packetsReceived, 5)
  })

  it('takes two packets in a row elsewhere for a restart, and one for a stray (§A.1)', () => {
    const stats = new RtpStats()
    count(stats, steady(10))
    count(stats, [{ sequence: 30_000, timestamp: 1600, arrivalMs: 200 }])
    assert.equal(stats.read().packetsLost, 0)
    count(stats, steady(10, 40_000))
    // The stray and the restart's first packet belong to no stream; nothing is called lost for them.
    assert.equal(stats.read().packetsLost, 0)
    assert.equal(stats.read().packetsReceived, 21)
  })

  it('never calls duplicates negative loss', () => {
    const stats = new RtpStats()
    count(stats, [...steady(3), ...steady(3)])
    assert.equal(stats.read().packetsLost, 0)
  })

  it('tells late packets from repeated ones, across a wrap of the numbers, and lets neither hide a loss', () => {
    const stats = new RtpStats()
    for (const sequence of [65_533, 65_535, 65_534, 65_535, 2, 0, 0, 2, 4]) stats.count(rtp({ sequence }), 0, 8000)
    const { packetsOutOfOrder, packetsDuplicate, packetsLost } = stats.read()
    assert.deepEqual([packetsOutOfOrder, packetsDuplicate, packetsLost], [2, 3, 2])
  })

  it('takes a packet from more than 32 back for a late one', () => {
    const stats = new RtpStats()
    count(stats, [...steady(40), ...steady(1)])
    const { packetsOutOfOrder, packetsDuplicate } = stats.read()
    assert.deepEqual([packetsOutOfOrder, packetsDuplicate], [1, 0])
  })

  it('counts no loss and no jitter for comfort noise and the silence after it (RFC 3389)', () => {
    const stats = new RtpStats()
    count(stats, steady(50))
    stats.count(rtp({ sequence: 50, timestamp: 8000, payload: 13, size: 13 }), 1000, 8000)
    for (let i = 0; i < 50; i++)
      stats.count(rtp({ sequence: 51 + i, timestamp: 8000 + 40_000 + i * 160 }), 6000 + i * 20, 8000)
    const { packetsLost, jitterMs } = stats.read()
    assert.deepEqual([packetsLost, jitterMs], [0, 0])
  })

  it('leaves telephone-event out of jitter: its timestamp stands still (RFC 4733 §2.2)', () => {
    const stats = new RtpStats()
    count(stats, steady(5))
    for (let i = 0; i < 50; i++) stats.count(rtp({ sequence: 5 + i, timestamp: 800, payload: 101 }), 100 + i * 50, 0)
    assert.equal(stats.read().jitterMs, 0)
    assert.equal(stats.read().packetsLost, 0)
  })

  it('reads jitter in milliseconds of the payload’s own clock, across a change of clock (RFC 7160)', () => {
    const stats = new RtpStats()
    for (let i = 0; i < 200; i++) stats.count(rtp({ sequence: i, timestamp: i * 160 }), uneven(i), 8000)
    const before = stats.read().jitterMs
    assert.ok(Math.abs(before - 8) < 0.1, String(before))
    for (let i = 200; i < 400; i++) stats.count(rtp({ sequence: i, timestamp: i * 960 }), uneven(i), 48_000)
    assert.ok(Math.abs(stats.read().jitterMs - 8) < 0.1, String(stats.read().jitterMs))
  })
})
