import { randomUUID } from 'node:crypto'
import { owedFor, postConversion } from '../../accounts/conversion.ts'
import type { ConversionRules, ConvertedCall, GatewayRecord } from '../../gateway/needs.ts'
import { postingEvents, trackedEvent } from '../../gateway/conversions/conversion-events.ts'
import type { CallRecord, ConversionSale } from '../../model/cdr.ts'
import type { DomainEvent } from '../../model/events.ts'
import { newId } from '../../model/ids.ts'
import type { Posting } from '../../model/ledger.ts'
import type { ConversionPricing, TrackedEvent, TrackingId } from '../../model/tracking.ts'
import { OPERATOR_ACCOUNT_ID } from '../../storage/house-accounts.ts'
import { BUYER, callRecord, endedRecord, holdOf, termsOf } from './records.ts'

/** $10.00 for a sale, of which the seller gets 80 %. */
export const BY_SALE: ConversionPricing = {
  type: 'conversion',
  event: 'sale',
  windowHours: 24,
  rateMillionths: 250_000,
}

/** The rules that the running exchange has, and what it was told. */
export function conversionRules() {
  const events: DomainEvent[] = []
  const postings: Posting[] = []
  const converted: ConvertedCall[] = []
  const rules: ConversionRules = {
    now: () => Date.now(),
    owedFor,
    post: (input) => postConversion({ ...input, operatorId: OPERATOR_ACCOUNT_ID }),
    announce: postingEvents,
    announceTracking: trackedEvent,
    tracked: (told) => void events.push(...told),
    converted: (call) => void converted.push(call),
    posted: (posting, told) => {
      postings.push(posting)
      events.push(...told)
    },
  }
  return { rules, events, postings, converted }
}

/** A call sold by conversion as it is written at its end: nothing was charged yet. */
export function endedByConversion(
  pricing: ConversionPricing = BY_SALE,
  changes: Partial<ConversionSale> = {},
  call: CallRecord = callRecord(),
): { call: CallRecord; record: Extract<GatewayRecord, { kind: 'ended' }>; sale: ConversionSale } {
  const hold = holdOf(call)
  const terms = { ...termsOf(call, hold), conversion: pricing, expectedMicros: 2_500_000n }
  const endedAt = new Date()
  const until = new Date(endedAt.getTime() + pricing.windowHours * 3_600_000)
  const sale: ConversionSale = { terms, hold, endedAt, until, ...changes }
  const record = endedRecord(call, { posting: null, conversion: sale })
  return { call, sale, record: { ...record, call: { ...record.call, priceMicros: 0n, payoutMicros: 0n } } }
}

export function trackedOf(call: Pick<CallRecord, 'id'>, changes: Partial<TrackedEvent> = {}): TrackedEvent {
  return {
    id: randomUUID() as TrackingId,
    callId: call.id,
    accountId: BUYER,
    role: 'buyer',
    type: 'sale',
    eventId: newId<string>(),
    transactionId: null,
    amountMicros: 100_000_000n,
    currency: 'USD',
    occurredAt: null,
    receivedAt: new Date(),
    tags: { offer: 'roof' },
    ...changes,
  }
}
