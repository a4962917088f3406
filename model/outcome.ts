import type { AccountId, CampaignId, TargetId } from './ids.ts'

/** What may become of a call that a target is rung for. */
export const OUTCOME_KINDS = ['attempted', 'answered', 'billed', 'converted', 'short', 'complained', 'talked'] as const
/**
 * `billed`: by its duration, when it ended. `converted`: what its buyer told of it later was worth the price. A call counts as one of the
 * two at most. `short`: answered, and over within ten seconds. `complained`: its buyer had its money back.
 * `talked`: a whole second of a call that was billed.
 */
export type OutcomeKind = (typeof OUTCOME_KINDS)[number]

/** An answered call that is over sooner is short. */
export const SHORT_CALL_MS = 10_000

/** One thing that became of a call, or of several of the same hours. */
export interface Outcome {
  readonly kind: OutcomeKind
  readonly atMs: number
  readonly targetId: TargetId
  /** Null: of an award that was rung in vain. */
  readonly campaignId: CampaignId | null
  readonly sellerId: AccountId
  /** Absent: one. */
  readonly count?: number
}

/** How a target's calls have gone of late, each call counting for less as it grows older. */
export interface TargetQuality {
  /** Thousandths: 1000 as targets here are on average, 500 to 1500; what its bids are multiplied by in rankings. */
  readonly thousandths: number
  /** False: too few calls to tell, and 1000. */
  readonly isMeasured: boolean
  /** Calls it was rung for, faded. */
  readonly attempts: number
  /** Answered of those; billed or converted of the answered; short of the answered; complained of, of the billed. Null of none. */
  readonly answerRate: number | null
  readonly conversionRate: number | null
  readonly shortRate: number | null
  readonly complaintRate: number | null
}
