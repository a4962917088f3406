import assert from 'node:assert/strict'
import { NO_QUALITY, type LegRecord } from '../../model/cdr.ts'
import type { AwardId, BidId, TargetId, TrunkId } from '../../model/ids.ts'
import { legRow, readLeg } from '../../storage/leg-rows.ts'

const at = new Date('2026-11-23T18:00:00.250Z')
const counted = { packetsReceived: 500, packetsLost: 1, octetsReceived: 80_000, jitterMs: 0.25 }

/** A caller who was heard no further than its INVITE. */
const bare: LegRecord = {
  side: 'caller',
  sipCallId: 'a@b',
  sipCallIds: ['a@b'],
  trunkId: null,
  awardId: null,
  bidId: null,
  targetId: null,
  uri: 'sip:+18005550100@gateway',
  invitedAt: at,
  ringingAt: null,
  answeredAt: null,
  endedAt: null,
  sipStatus: null,
  media: null,
}

/** Everything there is to say of a leg. */
const whole: LegRecord = {
  ...bare,
  side: 'buyer',
  sipCallIds: ['a@b', 'c@d'],
  trunkId: 'trunk' as TrunkId,
  awardId: 'award' as AwardId,
  bidId: 'bid' as BidId,
  targetId: 'target' as TargetId,
  state: 'FL',
  signature: { attestation: 'A' } as unknown as NonNullable<LegRecord['signature']>,
  ringingAt: at,
  answeredAt: at,
  endedAt: at,
  sipStatus: 200,
  media: {
    ...counted,
    quality: {
      packetsOutOfOrder: 1,
      packetsDuplicate: 2,
      jitterMaxMs: 3,
      roundTripMs: 0,
      reportedLost: 0,
      mosMin: 1.5,
      mosMean: 4.25,
      fault: 'no_audio',
      faultMs: 5000,
    },
  },
  minutes: { price: { rateMicros: 1_000_000n, seconds: 30 }, payout: null },
}

const stored = (leg: LegRecord): string => JSON.stringify(legRow(leg))
const again = (leg: LegRecord): LegRecord => readLeg(JSON.parse(stored(leg)))

describe('a leg in the table of calls', () => {
  it('comes back as it was, whatever there is to say of it', () => {
    const legs = [
      bare,
      whole,
      { ...bare, state: null },
      { ...bare, sipCallIds: [] },
      { ...bare, sipCallIds: ['c@d'] },
      { ...whole, media: counted },
      { ...whole, media: { ...counted, quality: NO_QUALITY } },
      { ...whole, media: { ...counted, quality: { ...NO_QUALITY, reportedLost: 0, roundTripMs: 0 } } },
    ]
    for (const leg of legs) assert.deepEqual(again(leg), leg)
  })

  it('takes no room for what nearly every call has', () => {
    assert.equal(
      stored({ ...bare, media: { ...counted, quality: NO_QUALITY } }),
      '{"side":"caller","uri":"sip:+18005550100@gateway","sipCallId":"a@b","invitedAt":"2026-11-23T18:00:00.250Z",' +
        '"ringingAt":null,"answeredAt":null,"endedAt":null,' +
        '"media":{"packetsReceived":500,"packetsLost":1,"octetsReceived":80000,"jitterMs":0.25,"quality":{}}}',
    )
  })

  it('is read as earlier versions wrote it', () => {
    const { sipCallIds: _ids, trunkId: _trunk, ...earlier } = JSON.parse(JSON.stringify(bare))
    assert.deepEqual(readLeg(earlier), bare)
    const media = { ...counted, quality: NO_QUALITY, dropped: { foreign: 1 } }
    assert.deepEqual(readLeg({ ...earlier, media }), { ...bare, media: { ...counted, quality: NO_QUALITY } })
  })
})
