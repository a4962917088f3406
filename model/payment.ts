import type { AccountId } from './ids.ts'
import type { Currency, Micros } from './money.ts'

/** What a payment provider tells of a payment. Any of it may come twice, late, or before what it follows. */
export type PaymentNews = { readonly paymentId: string; readonly currency: Currency; readonly amountMicros: Micros } & (
  | { readonly kind: 'paid'; readonly accountId: AccountId }
  /** Money on its way back to the payer; `isFailed`: it did not get there. */
  | { readonly kind: 'refund'; readonly refundId: string; readonly isFailed: boolean }
  /** The payer's bank takes it back (`isWithdrawn`), and may give it back again (`isReinstated`). */
  | {
      readonly kind: 'dispute'
      readonly disputeId: string
      readonly isWithdrawn: boolean
      readonly isReinstated: boolean
    }
)

/** What is known of a payment. Adding news twice, or in another order, makes the same. */
export interface PaymentFacts {
  readonly paidMicros: Micros
  readonly refunds: Readonly<Record<string, { readonly micros: Micros; readonly isFailed: boolean }>>
  readonly disputes: Readonly<
    Record<string, { readonly micros: Micros; readonly isWithdrawn: boolean; readonly isReinstated: boolean }>
  >
}

export interface Payment extends PaymentFacts {
  readonly provider: string
  readonly paymentId: string
  /** Null: only its refunds or disputes were heard of. */
  readonly accountId: AccountId | null
  readonly currency: Currency
  /** What the ledger has of it. */
  readonly postedMicros: Micros
  /** Why it is not credited, or not all of it. */
  readonly fault: string | null
  readonly createdAt: Date
}

export const NO_FACTS: PaymentFacts = { paidMicros: 0n, refunds: {}, disputes: {} }

/** The facts with one more piece of news: a larger amount wins, and what has happened does not unhappen. */
export function withNews(facts: PaymentFacts, news: PaymentNews): PaymentFacts {
  switch (news.kind) {
    case 'paid':
      return { ...facts, paidMicros: larger(facts.paidMicros, news.amountMicros) }
    case 'refund': {
      const before = facts.refunds[news.refundId]
      const micros = larger(before?.micros ?? 0n, news.amountMicros)
      const isFailed = (before?.isFailed ?? false) || news.isFailed
      return { ...facts, refunds: { ...facts.refunds, [news.refundId]: { micros, isFailed } } }
    }
    case 'dispute': {
      const before = facts.disputes[news.disputeId]
      const dispute = {
        micros: larger(before?.micros ?? 0n, news.amountMicros),
        isWithdrawn: (before?.isWithdrawn ?? false) || news.isWithdrawn,
        isReinstated: (before?.isReinstated ?? false) || news.isReinstated,
      }
      return { ...facts, disputes: { ...facts.disputes, [news.disputeId]: dispute } }
    }
  }
}

export function refundedMicros({ refunds }: PaymentFacts): Micros {
  return Object.values(refunds).reduce((sum, { micros, isFailed }) => (isFailed ? sum : sum + micros), 0n)
}

export function disputedMicros({ disputes }: PaymentFacts): Micros {
  return Object.values(disputes).reduce(
    (sum, { micros, isWithdrawn, isReinstated }) => (isWithdrawn && !isReinstated ? sum + micros : sum),
    0n,
  )
}

/** What of a payment is the account's: never less than nothing, whatever else the provider takes from the house. */
export function creditMicros(facts: PaymentFacts): Micros {
  const left = facts.paidMicros - refundedMicros(facts) - disputedMicros(facts)
  return left > 0n ? left : 0n
}

function larger(one: Micros, other: Micros): Micros {
  return one > other ? one : other
}
