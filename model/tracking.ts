import type { Role } from './account.ts'
import type { AccountId, CallId, Id } from './ids.ts'
import type { Currency, Micros } from './money.ts'
import type { MinutePricing } from './per-minute.ts'

export type TrackingId = Id<'tracking'>

/** What may be reported of a call after it was sold. `refund` takes a conversion or a sale back. */
export const TRACKING_TYPES = ['qualified', 'appointment', 'conversion', 'sale', 'refund'] as const
export type TrackingType = (typeof TRACKING_TYPES)[number]

/** The types that a call can be paid by. */
export const PAYING_TYPES = ['qualified', 'appointment', 'conversion', 'sale'] as const
export type PayingType = (typeof PAYING_TYPES)[number]

/** One report of what became of a call. */
export interface TrackedEvent {
  /** Made of what tells it from others: a report that comes again has the same. */
  readonly id: TrackingId
  readonly callId: CallId
  /** Who reported it, and as what. */
  readonly accountId: AccountId
  readonly role: Role
  readonly type: TrackingType
  /** As the reporter numbers its reports; null: it does not. */
  readonly eventId: string | null
  readonly transactionId: string | null
  readonly amountMicros: Micros | null
  /** Null exactly when there is no amount. */
  readonly currency: Currency | null
  /** When it happened, as the reporter says. */
  readonly occurredAt: Date | null
  /** When it reached us: what windows go by. */
  readonly receivedAt: Date
  readonly tags: Readonly<Record<string, string>>
}

/** Why an event is kept and does not count. */
export type TrackingRefusal = keyof typeof TRACKING_REFUSALS

export const TRACKING_REFUSALS = {
  unknown_call: 'there is no such call',
  not_yours: 'the call was neither sold to this account nor by it',
  wrong_currency: 'the amount is in another currency than the call',
} as const

export interface StoredTracking extends TrackedEvent {
  readonly refused: TrackingRefusal | null
}

/**
 * How a campaign pays: a fixed price once the call has become what `event` says, or a share of what it sold for. What the buyer
 * reports within `windowHours` of the call's end counts.
 */
export type ConversionPricing = {
  readonly windowHours: number
  /**
   * What share of its amount a call is expected to bring, in millionths: auctions compare bids by that. Set by the operator;
   * null: the campaign takes no part in auctions yet.
   */
  readonly rateMillionths: number | null
} & (
  | { readonly type: 'conversion'; readonly event: PayingType }
  | { readonly type: 'sale_share'; readonly shareMillionths: number }
)

/** How a campaign pays, where not by the call. */
export type Pricing = ConversionPricing | MinutePricing

/** What a call is expected to bring of a bid's amount, in micros: by the rate where it pays by conversion, else all of it. */
export function expectedMicros(amountMicros: Micros, pricing: ConversionPricing | null | undefined): number {
  return Number(pricing ? (amountMicros * BigInt(pricing.rateMillionths ?? 0)) / 1_000_000n : amountMicros)
}

/** What a call sold by conversion has been, from its end until its window is over. */
export interface ConversionFigures {
  readonly calls: number
  /** Whose window is over: what a rate can be measured by. */
  readonly callsOver: number
  /** Calls that have been paid for. */
  readonly converted: number
  readonly convertedOver: number
  readonly chargedMicros: Micros
  readonly chargedOverMicros: Micros
  readonly mostOverMicros: Micros
}
