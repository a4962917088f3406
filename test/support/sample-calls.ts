import type { Auction, Award } from '../../model/auction.ts'
import type { AudioQuality, CallRecord } from '../../model/cdr.ts'
import { newId, type AccountId } from '../../model/ids.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'

/** A call that was answered and sold for $2.50, unless `changes` say otherwise. */
export function sampleCall(sellerId: AccountId, changes: Partial<CallRecord> = {}): CallRecord {
  const receivedAt = new Date()
  return {
    id: newId(),
    state: 'ended',
    outcome: 'answered',
    ani: '+12125550123' as PhoneNumber,
    dnis: '+18005550100',
    trunkId: newId(),
    sellerId,
    numberId: newId(),
    buyerId: null,
    campaignId: null,
    bidId: null,
    targetId: null,
    auctionId: null,
    vertical: 'home_services',
    trafficType: 'inbound',
    receivedAt,
    ringingAt: receivedAt,
    answeredAt: receivedAt,
    aliveAt: null,
    endedAt: receivedAt,
    durationMs: 65_000,
    billableMs: 65_000,
    currency: 'USD',
    priceMicros: 2_500_000n,
    payoutMicros: 2_000_000n,
    sipStatus: 200,
    endReason: 'caller_hung_up',
    hungUpBy: 'caller',
    legs: [leg('caller'), leg('buyer')],
    checks: [
      { check: 'hours', effect: 'advisory', rule: 'federal_hours', source: '47 CFR 64.1200', detail: '03:10 in TX' },
    ],
    trace: [{ atMs: 0.4, step: 'auction', detail: 'Acme bid 3.00' }],
    ...changes,
  }
}

export const SAMPLE_QUALITY: AudioQuality = {
  packetsOutOfOrder: 2,
  packetsDuplicate: 0,
  jitterMaxMs: 3.5,
  roundTripMs: 42.5,
  reportedLost: null,
  mosMin: 3.875,
  mosMean: 4.25,
  fault: 'no_audio',
  faultMs: 12_000,
}

function leg(side: 'caller' | 'buyer'): CallRecord['legs'][number] {
  const at = new Date()
  const times = { invitedAt: at, ringingAt: at, answeredAt: at, endedAt: at }
  const links = { awardId: null, bidId: null, targetId: null, trunkId: null, sipCallIds: ['a@b'] }
  // As a relay judges it, and as an engine that does not.
  const quality = side === 'caller' ? { quality: SAMPLE_QUALITY } : {}
  const media = { packetsReceived: 100, packetsLost: 1, octetsReceived: 16_000, jitterMs: 0.5, ...quality }
  return { side, sipCallId: 'a@b', uri: `sip:${side}@example.com`, ...links, ...times, sipStatus: 200, media }
}

/** An auction won by the first of `buyers`, the others ranked below it, `losers` not taking part. */
export function sampleAuction(
  call: CallRecord,
  buyers: readonly AccountId[],
  losers: readonly AccountId[] = [],
): Auction {
  const awards = buyers.map((buyerId, index): Award => ({
    id: newId(),
    rank: index + 1,
    bidId: index === 0 && call.bidId ? call.bidId : newId(),
    campaignId: newId(),
    buyerId,
    targetId: newId(),
    amountMicros: BigInt(3 - index) * 1_000_000n,
    score: BigInt(3 - index) * 1_000_000_000n,
    priceMicros: BigInt(3 - index) * 1_000_000n - 500_000n,
    billableAfter: 30,
  }))
  return {
    id: call.auctionId ?? newId(),
    callId: call.id,
    numberId: newId(),
    vertical: 'home_services',
    currency: 'USD',
    reservePriceMicros: 500_000n,
    priceRule: 'second',
    awards,
    nonBids: losers.map((buyerId) => ({ bidId: newId(), campaignId: newId(), buyerId, code: 'location_mismatch' })),
    nonBidsOmitted: 0,
    decidedAt: new Date(),
  }
}
