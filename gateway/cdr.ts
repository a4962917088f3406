import type { CallRecord } from '../model/cdr.ts'
import type { Call } from './live-call.ts'

/** The call as it is kept and shown: its CDR once it has ended. Only for a call whose trunk is known. */
export function recordOf(call: Call): CallRecord {
  const { facts } = call
  if (!facts) throw new Error('a call of no trunk has no record')
  const award = call.soldAttempt?.award ?? null
  return {
    id: call.id,
    state: call.state,
    // Until its media and its money are settled, an ending call reads as it was: 'ended' promises the whole CDR.
    outcome: call.state === 'ended' ? call.outcome : null,
    ani: facts.ani,
    dnis: facts.dnis,
    trunkId: facts.trunk.id,
    sellerId: facts.seller.id,
    numberId: facts.number?.id ?? null,
    buyerId: award?.buyerId ?? null,
    campaignId: award?.campaignId ?? null,
    bidId: award?.bidId ?? null,
    targetId: award?.targetId ?? null,
    auctionId: call.auction?.id ?? null,
    vertical: facts.number?.vertical ?? null,
    trafficType: facts.number?.trafficType ?? null,
    receivedAt: call.receivedAt,
    ringingAt: call.ringingAt,
    answeredAt: call.answeredAt,
    aliveAt: call.aliveAt,
    endedAt: call.endedAt,
    durationMs: call.durationMs,
    billableMs: call.billableMs,
    currency: facts.seller.currency,
    priceMicros: call.priceMicros,
    payoutMicros: call.payoutMicros,
    sipStatus: call.caller.finalStatus,
    endReason: call.endReason,
    hungUpBy: call.hungUpBy,
    legs: call.legs(),
    checks: call.checks,
    trace: call.trace,
  }
}
