import type { Account } from './account.ts'
import type { Micros } from './money.ts'

/** What a buyer can still buy with. `paused`: with nothing; its campaigns are passed over until money comes in. */
export const FUNDS_STATES = ['ok', 'low', 'paused'] as const
export type FundsState = (typeof FUNDS_STATES)[number]

/** A buyer's funds have crossed a line. `before` is null for one that was never looked at. */
export interface FundsChange {
  readonly account: Pick<Account, 'id' | 'currency' | 'creditLimitMicros'> & {
    readonly lowBalanceMicros: Micros | null
  }
  readonly balanceMicros: Micros
  readonly before: FundsState | null
  readonly after: FundsState
}
