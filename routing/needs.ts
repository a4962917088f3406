import type { AccountId, TargetId } from '../model/ids.ts'
import type { Micros } from '../model/money.ts'

/** What routing asks of others; main.ts supplies it. Everything here is memory: the auction waits for nothing. */
export interface RoutingNeeds {
  /** balance + credit limit − holds of a buyer, never below 0; 0 for an unknown account. */
  availableMicros(buyerId: AccountId): Micros
  /** False for a target that is known not to answer: it is rung only when there is no other. Absent: all are up. */
  isTargetUp?(targetId: TargetId): boolean
  clock: { now(): number }
  /** An id for each auction and award. */
  newId<T extends string>(): T
}
