import { strict as assert } from 'node:assert'
import type { Award } from '../model/auction.ts'
import type { ConversionSale, SoldTerms } from '../model/cdr.ts'
import type { AccountId, CallId, PostingId } from '../model/ids.ts'
import type { Hold, Posting } from '../model/ledger.ts'
import { ceilToCent, floorToCent, type Micros } from '../model/money.ts'
import { mostOfMinutes } from '../model/per-minute.ts'
import type { TrackedEvent } from '../model/tracking.ts'
import { createPosting, mergeEntries } from './ledger.ts'
import { payoutOf, settledPayout } from './settlement.ts'

/** What the buyer owes for a call, and the seller is due, all told. */
export interface Owed {
  readonly priceMicros: Micros
  readonly payoutMicros: Micros
}

type Reported = Pick<
  TrackedEvent,
  'id' | 'type' | 'transactionId' | 'amountMicros' | 'accountId' | 'role' | 'receivedAt'
>

/**
 * What a call sold by conversion costs by what was reported of it: a function of the set of events, so neither their order nor
 * when they were counted changes it. Only the buyer's reports and the operator's count, and none received after `until` but for
 * refunds by the operator, who may take money back at any time.
 *
 * A fixed price is owed once, however often the event comes, and no more once a refund has. Of a share, refunds are taken from
 * what was sold; one without an amount takes back all. A transaction is sold once and refunded once, whoever says so: the first
 * report of it counts. Never more than the terms' price.
 */
export function owedFor(terms: SoldTerms, events: readonly Reported[], until: Date): Owed {
  const { conversion } = terms
  assert(conversion !== undefined, 'the call was not sold by conversion')
  const counted = events.filter(
    ({ role, type, accountId, receivedAt }) =>
      (role === 'admin' || accountId === terms.buyerId) &&
      (receivedAt <= until || (role === 'admin' && type === 'refund')),
  )
  const priceMicros =
    conversion.type === 'conversion'
      ? priceOfEvent(terms, counted)
      : shareOfSales(terms.priceMicros, conversion.shareMillionths, counted)
  // By the minute it was settled with the call's end: the time has no more to say.
  return { priceMicros, payoutMicros: payoutOf(terms.payout, priceMicros, 0) }
}

function priceOfEvent({ conversion, priceMicros }: SoldTerms, events: readonly Reported[]): Micros {
  const wanted = conversion?.type === 'conversion' ? conversion.event : null
  const isRefunded = events.some(({ type }) => type === 'refund')
  return !isRefunded && events.some(({ type }) => type === wanted) ? priceMicros : 0n
}

function shareOfSales(mostMicros: Micros, shareMillionths: number, events: readonly Reported[]): Micros {
  let soldMicros = 0n
  for (const { type, amountMicros } of firstOfEach(events)) {
    if (type === 'sale') soldMicros += amountMicros ?? 0n
    else if (type === 'refund') {
      if (amountMicros === null) return 0n
      soldMicros -= amountMicros
    }
  }
  if (soldMicros <= 0n) return 0n
  const shareMicros = floorToCent((soldMicros * BigInt(shareMillionths)) / 1_000_000n)
  return shareMicros < mostMicros ? shareMicros : mostMicros
}

/** Of reports of one type and transaction the earliest, then the one with the lowest id; those without a transaction stand for themselves. */
function firstOfEach(events: readonly Reported[]): Reported[] {
  const firsts = new Map<string, Reported>()
  for (const event of events) {
    const key = event.transactionId === null ? `id ${event.id}` : `${event.type} ${event.transactionId}`
    const first = firsts.get(key)
    if (first === undefined || isBefore(event, first)) firsts.set(key, event)
  }
  return [...firsts.values()]
}

function isBefore(one: Reported, other: Reported): boolean {
  const ms = one.receivedAt.getTime() - other.receivedAt.getTime()
  return ms < 0 || (ms === 0 && one.id < other.id)
}

/** The posting that brings a call from what has been charged and paid of it to what is owed; null when nothing moves. */
export function postConversion(input: {
  readonly postingId: PostingId
  readonly callId: CallId
  readonly terms: Pick<SoldTerms, 'buyerId' | 'sellerId' | 'currency'>
  readonly operatorId: AccountId
  readonly from: Owed
  readonly to: Owed
  /** Which posting of this call it is, from 1: the same one is made once. */
  readonly nth: number
  readonly at: Date
}): Posting | null {
  const { terms, from, to, callId } = input
  const chargeMicros = to.priceMicros - from.priceMicros
  const payMicros = to.payoutMicros - from.payoutMicros
  const entries = mergeEntries([
    { accountId: terms.buyerId, amountMicros: -chargeMicros },
    { accountId: terms.sellerId, amountMicros: payMicros },
    { accountId: input.operatorId, amountMicros: chargeMicros - payMicros },
  ])
  if (entries.length === 0) return null
  return createPosting({
    id: input.postingId,
    kind: 'conversion',
    callId,
    currency: terms.currency,
    reference: `conversion ${input.nth} of call ${callId}`,
    entries,
    postedAt: input.at,
  })
}

const HOUR_MS = 3_600_000

/** A call that was billable for `billableMs` as it is written down with its end; null when it is not paid by conversion. */
export function saleByConversion(
  terms: SoldTerms,
  hold: Hold,
  endedAt: Date,
  billableMs: number,
): ConversionSale | null {
  const { conversion, payout } = terms
  if (!conversion) return null
  const until = new Date(endedAt.getTime() + conversion.windowHours * HOUR_MS)
  return { terms: { ...terms, payout: settledPayout(payout, billableMs) }, hold, endedAt, until }
}

/**
 * The most a call can cost the buyer of this award. By a fixed price per conversion that is what comes to the auction's price at
 * the rate the auction went by, rounded up to the cent and never above the amount; of a share, the amount; by the minute, the price of
 * the longest call that is paid for.
 */
export function mostOf({ conversion, minutes, priceMicros, amountMicros }: Award): Micros {
  if (minutes) return mostOfMinutes(minutes.rateMicros, minutes)
  if (!conversion) return priceMicros
  if (conversion.type === 'sale_share' || conversion.rateMillionths === null) return amountMicros
  const rate = BigInt(conversion.rateMillionths)
  const wanted = ceilToCent((priceMicros * 1_000_000n + rate - 1n) / rate)
  return wanted < amountMicros ? wanted : floorToCent(amountMicros)
}
