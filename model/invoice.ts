import type { AccountId, CallId, InvoiceId } from './ids.ts'
import type { PostingKind } from './ledger.ts'
import type { Currency, Micros } from './money.ts'
import type { BilledMinutes } from './per-minute.ts'

/** What came of one kind of posting in a period. */
export interface InvoiceTotal {
  readonly count: number
  readonly amountMicros: Micros
}

/** One account's money of one month, closed: a buyer's invoice, a seller's statement. It never changes. */
export interface Invoice {
  readonly id: InvoiceId
  /** Counted through the house, without gaps. */
  readonly number: number
  readonly accountId: AccountId
  readonly currency: Currency
  /** The month in the account's zone: `2026-10`. */
  readonly period: string
  readonly from: Date
  /** The first moment that is not in it. */
  readonly until: Date
  readonly issuedAt: Date
  readonly openingMicros: Micros
  readonly closingMicros: Micros
  readonly totals: Readonly<Partial<Record<PostingKind, InvoiceTotal>>>
}

/** One line of an invoice. */
export interface InvoiceLine {
  readonly postedAt: Date
  readonly kind: PostingKind
  readonly amountMicros: Micros
  readonly reference: string
  readonly callId: CallId | null
  /** Of a call: who called, what was dialled, and how long it was billed for. */
  readonly from: string | null
  readonly to: string | null
  readonly billableMs: number | null
  /** By the minute: as billed to the buyer, or paid to the seller; null where this side was not. */
  readonly minutes: BilledMinutes['price']
}

/** A calendar month on an account's clocks. */
export interface BillingMonth {
  /** `2026-10`. */
  readonly period: string
  readonly from: Date
  /** The first moment of the next. */
  readonly until: Date
}

/** An account with entries in none of its invoices yet. */
export interface UnbilledAccount {
  readonly accountId: AccountId
  readonly currency: Currency
  readonly timezone: string
  /** A moment in the first month that is to be closed. */
  readonly since: Date
}
