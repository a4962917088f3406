import type { Frequency } from './bid.ts'
import type { Caps } from './caps.ts'
import type { AccountId, HoldId } from './ids.ts'
import type { PhoneNumber } from './phone-number.ts'

/** One counter that an award takes a place in: its limits as they are now, and the periods the call falls into. */
export interface CounterClaim {
  /** Among those of one buyer or seller: `account`, `campaign:ID`, `target:ID`, `bid:ID`. */
  readonly name: string
  readonly caps: Caps
  readonly dailyMicros: number | null
  readonly totalMicros: number | null
  /** Numbers that grow, in the counter's own timezone. */
  readonly hour: number
  readonly day: number
  readonly month: number
}

/** A call of a caller, as frequency rules count it. */
export interface ContactClaim {
  readonly ani: PhoneNumber
  readonly campaignId: string
  readonly targetId: string
  /** How long any rule of the buyer looks back; 0: nobody asks, and nothing is kept. */
  readonly keepMs: number
  readonly rule: Frequency | null
}

/** What one award takes of its buyer, and of the seller: places, funds, a call in every cap. The hold names it. */
export interface Claim {
  readonly id: HoldId
  readonly buyerId: AccountId
  /** In the order in which they are judged: bid, target, campaign, account. */
  readonly counters: readonly CounterClaim[]
  readonly contact: ContactClaim | null
  /** What budgets count. */
  readonly priceMicros: number
  /** What is held of the balance: the most it can cost. */
  readonly fundsMicros: number
  /** How far below zero the buyer's balance may go. */
  readonly creditMicros: number
  readonly atMs: number
  readonly seller: { readonly id: AccountId; readonly counter: CounterClaim } | null
}

/**
 * How far a claim has come. `reserved`: rung. `answered`: it stays a call though its process dies. `settled`: its places are free, and its
 * price is what is billed. `orphaned`: its process has died, or its call is over; its money waits for the ledger.
 */
export type ClaimState = 'reserved' | 'answered' | 'settled' | 'orphaned'

/** What a counter had counted when it was rebuilt: calls and money in total, and of its latest two hours, days and months. */
export interface CounterTotals {
  readonly name: string
  readonly calls: number
  readonly micros: number
  readonly hours: readonly PeriodTotals[]
  readonly days: readonly PeriodTotals[]
  readonly months: readonly PeriodTotals[]
}

interface PeriodTotals {
  readonly period: number
  readonly calls: number
  readonly micros: number
}

/** Beyond it a number of micros is no longer exact where counters are shared (2^53, and room to add). */
export const MOST_SHARED_MICROS = 4_000_000_000_000_000
