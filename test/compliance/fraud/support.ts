import type { ArrivingCall, EndedCall } from '../../../compliance/fraud/fraud-call.ts'
import type { AccountId, CallId, NumberId, TargetId, TrunkId } from '../../../model/ids.ts'
import type { PhoneNumber } from '../../../model/phone-number.ts'

/** Monday, 10:00 in New York. */
export const MONDAY_MS = Date.parse('2026-11-16T15:00:00Z')

/** An honest call, but for what is said of it. */
export function arriving(
  said: Partial<Omit<ArrivingCall, 'id' | 'ani'>> & { id?: string; ani?: string | null },
): ArrivingCall {
  return {
    atMs: MONDAY_MS,
    dnis: '+18005550199' as PhoneNumber,
    trunkId: 'trunk' as TrunkId,
    sellerId: 'seller' as AccountId,
    numberId: 'number' as NumberId,
    vertical: 'insurance',
    trafficType: 'inbound',
    sourceAddress: '192.0.2.7',
    userAgent: 'carrier-sbc/9',
    attestation: 'A',
    numberStates: ['NY'],
    saidState: null,
    codecs: ['PCMU', 'telephone-event'],
    ...said,
    ani: (said.ani === undefined ? '+12125550123' : said.ani) as PhoneNumber | null,
    id: (said.id ?? 'call') as CallId,
  }
}

/** An answered call of two minutes that was paid for, but for what is said of it. */
export function ended(said: Partial<Omit<EndedCall, 'id'>> & { id?: string }): EndedCall {
  return {
    endedAtMs: MONDAY_MS + 120_000,
    outcome: 'answered',
    targetId: 'target' as TargetId,
    buyerId: 'buyer' as AccountId,
    durationMs: 120_000,
    pddMs: 900,
    billableAfter: 60,
    isBilled: true,
    hungUpBy: 'caller',
    audioFault: null,
    ...said,
    id: (said.id ?? 'call') as CallId,
  }
}
