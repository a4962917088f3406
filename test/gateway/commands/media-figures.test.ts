import assert from 'node:assert/strict'
import { describeMedia } from '../../../gateway/commands/media-figures.ts'
import { SAMPLE_QUALITY } from '../../support/sample-calls.ts'

const COUNTED = { packetsReceived: 1500, packetsLost: 3, octetsReceived: 258_000, jitterMs: 2.06 }

describe('the figures of a leg’s audio', () => {
  it('are a line, of what is worth saying', () => {
    assert.equal(
      describeMedia({ ...COUNTED, quality: SAMPLE_QUALITY }),
      '1500 packets, 3 lost, 2 out of order, jitter 2.1 ms (worst 3.5), round trip 42.5 ms, MOS 4.25 (worst 3.88), NO AUDIO for 12 s',
    )
  })

  it('are fewer where the engine tells no more, or there was nothing to judge', () => {
    assert.equal(describeMedia(COUNTED), '1500 packets, 3 lost, jitter 2.1 ms')
    const nothing = { roundTripMs: null, mosMin: null, mosMean: null, fault: null, faultMs: 0, packetsOutOfOrder: 0 }
    assert.equal(
      describeMedia({ ...COUNTED, quality: { ...SAMPLE_QUALITY, ...nothing, reportedLost: 7, packetsDuplicate: 1 } }),
      '1500 packets, 3 lost, 1 twice, 7 lost on the way to it, as its phone says, jitter 2.1 ms (worst 3.5)',
    )
  })
})
