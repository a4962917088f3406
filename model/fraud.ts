import type { Stored } from './account.ts'
import type { AccountId, CallId, FraudBlockId, NumberId, TrunkId } from './ids.ts'
import type { PhoneNumber } from './phone-number.ts'

/** What follows of a score: nothing; it is noted; somebody should look at it; the call is refused. */
export const FRAUD_ACTIONS = ['allow', 'flag', 'review', 'block'] as const
export type FraudAction = (typeof FRAUD_ACTIONS)[number]

/** Why a call has the score it has: a rule that spoke, or the model. */
export interface FraudReason {
  readonly rule: string
  readonly score: number
  readonly text: string
}

/** What one feature added to the model's margin (log odds), or took from it. */
export interface FraudContribution {
  readonly feature: string
  readonly value: number
  readonly contribution: number
}

/** A call that was scored. */
export interface FraudScore {
  readonly callId: CallId
  readonly at: Date
  readonly ani: PhoneNumber | null
  readonly sellerId: AccountId
  readonly numberId: NumberId
  readonly trunkId: TrunkId
  /** 0 to 1. */
  readonly score: number
  readonly action: FraudAction
  /** False: `block` was not done, since fraud is only reported. */
  readonly isEnforced: boolean
  /** The model's part of it; null: there is none. */
  readonly modelScore: number | null
  /** The strongest first. */
  readonly reasons: readonly FraudReason[]
  /** The largest first; empty without a model. */
  readonly contributions: readonly FraudContribution[]
}

/** What a timed block refuses: calls of one caller, of a block of a thousand numbers (`+1NPANXXX`), to one number, through one trunk. */
export const FRAUD_BLOCK_KINDS = ['caller', 'block', 'number', 'trunk'] as const
export type FraudBlockKind = (typeof FRAUD_BLOCK_KINDS)[number]

/** Refuses calls for some time. */
export interface FraudBlock extends Stored {
  readonly id: FraudBlockId
  readonly accountId: AccountId
  readonly kind: FraudBlockKind
  /** A number in E.164, its first nine characters, or an id. */
  readonly value: string
  /** Of a `caller` or `block`: only their calls through this seller, since a caller's number can be forged; null: through every one. */
  readonly sellerId: AccountId | null
  readonly until: Date
  readonly reason: string
  /** Who made it: a user, an API key, or a rule; a person who has taken it over from a rule. */
  readonly madeBy: string
}

export const FRAUD_LABELS = ['fraud', 'clean'] as const
export type FraudLabel = (typeof FRAUD_LABELS)[number]

/** What an analyst says a call was. */
export interface FraudFeedback {
  readonly callId: CallId
  readonly label: FraudLabel
  readonly note: string
  readonly by: string
  readonly at: Date
}
