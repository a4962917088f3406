import type { AccountId, Id, PostingId } from './ids.ts'
import type { Currency, Micros } from './money.ts'

export type PayoutRunId = Id<'payout-run'>
export type PayoutId = Id<'payout'>

/** A calendar day, `2026-11-30`. */
export type BankDay = string

export const HOLDER_TYPES = ['person', 'company'] as const
export const BANK_ACCOUNT_KINDS = ['checking', 'savings'] as const
/** `new`: its prenote is still to be sent; `prenoted`: it is out; `returned`: the bank did not take it. */
export const BANK_ACCOUNT_STATES = ['new', 'prenoted', 'active', 'returned'] as const

/** Where somebody is paid. The number itself is sealed (accounts/bank-vault.ts): nothing but a payout's file ever opens it. */
export interface BankDetails {
  readonly holder: string
  readonly holderType: (typeof HOLDER_TYPES)[number]
  readonly kind: (typeof BANK_ACCOUNT_KINDS)[number]
  /** Nine digits, the last a check digit. */
  readonly routingNumber: string
  readonly numberSealed: string
  /** The end of the number, for people to know it by. */
  readonly last4: string
}

export interface BankAccount extends BankDetails {
  readonly accountId: AccountId
  readonly state: (typeof BANK_ACCOUNT_STATES)[number]
  /** Of a prenoted one: paid to from then on. */
  readonly usableFrom: BankDay | null
  readonly returnCode: string | null
  readonly version: number
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** Sellers paid together: one file for the bank. */
export interface PayoutRun {
  readonly id: PayoutRunId
  readonly number: number
  readonly currency: Currency
  /** `open`: still being written. `ready`: its file can be fetched, and changes no more. */
  readonly state: 'open' | 'ready'
  readonly createdAt: Date
  /** Statements that ended by then are paid. */
  readonly statementsUntil: Date
  /** When the money is to arrive: a banking day. */
  readonly effectiveOn: BankDay
  readonly finishedAt: Date | null
  readonly totals: PayoutTotals
}

export interface PayoutTotals {
  readonly payouts: number
  readonly prenotes: number
  readonly amountMicros: Micros
  readonly settledMicros: Micros
  readonly returnedMicros: Micros
}

/** One seller's part of a run. A prenote moves nothing: it asks the bank whether it knows the account. */
export interface Payout extends BankDetails {
  readonly id: PayoutId
  readonly runId: PayoutRunId
  /** Counts all there have ever been. */
  readonly entry: bigint
  readonly accountId: AccountId
  readonly currency: Currency
  readonly amountMicros: Micros
  readonly state: 'prenote' | 'sent' | 'settled' | 'returned'
  readonly createdAt: Date
  readonly postingId: PostingId | null
  readonly settledAt: Date | null
  readonly returnedAt: Date | null
  readonly returnCode: string | null
}
