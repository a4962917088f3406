import type { Stored } from './account.ts'
import type { AccountId, CampaignId, NumberId, RuleId } from './ids.ts'
import type { Attestation } from './stir.ts'
import type { TrafficType } from './trunk.ts'

export type { Attestation }

/**
 * What follows when a rule speaks against a call: it is refused; it is sold and the record warns; it is only noted; it is
 * refused unless the consumer's consent is on record.
 */
export const RULE_EFFECTS = ['block', 'warn', 'log', 'require_consent'] as const
export type RuleEffect = (typeof RULE_EFFECTS)[number]

/** Minutes of a day in which calls may be made, the end exclusive; null: none that day. */
export type RuleHours = { readonly startMinute: number; readonly endMinute: number } | null

/** What a rule asks; each speaks against a call in its own way. */
export type RuleTerms =
  /** Against outside these hours, Monday first, at any place the consumer may be. */
  | { readonly type: 'calling_hours'; readonly week: readonly RuleHours[]; readonly callsOnHolidays: boolean }
  /** Against a consumer on any of these lists: `internal`, `blocked`, or the name of a list of numbers. */
  | { readonly type: 'dnc'; readonly lists: readonly string[] }
  /** Against a call without a consent on record, or one older than so many hours. */
  | { readonly type: 'consent'; readonly maxAgeHours: number | null; readonly needsCertificate: boolean }
  /** Against a consumer who may be in one of the states (`in`), or outside all of them (`outside`, an unknown place included). */
  | { readonly type: 'geography'; readonly against: 'in' | 'outside'; readonly states: readonly string[] }
  /** Against a caller attested to less; `missing`: whether no attestation at all is less. */
  | { readonly type: 'attestation'; readonly minimum: Attestation; readonly missing: boolean }
  /** Against a consumer's call after so many within so many hours: of any kind, of the same vertical, seller or number. */
  | {
      readonly type: 'frequency'
      readonly calls: number
      readonly hours: number
      readonly per: 'consumer' | 'vertical' | 'seller' | 'number'
    }
  /** Against a call of which this expression (CEL) is true. */
  | { readonly type: 'expression'; readonly expression: string }

/** Which calls a rule is for: those that every list names; an empty list is for all. */
export interface RuleScope {
  readonly sellers: readonly AccountId[]
  readonly numbers: readonly NumberId[]
  readonly verticals: readonly string[]
  /** Any place the consumer may be. */
  readonly states: readonly string[]
  readonly legs: readonly TrafficType[]
  /** With buyers or campaigns named a rule speaks of the call only to them: their bids are none, and others may buy it. */
  readonly buyers: readonly AccountId[]
  readonly campaigns: readonly CampaignId[]
}

/** One rule of the operator's, beside the law's own. */
export interface ComplianceRule extends Stored {
  readonly id: RuleId
  /** The operator's. */
  readonly accountId: AccountId
  readonly name: string
  /** The statute, contract or decision it stands on. */
  readonly source: string
  readonly effect: RuleEffect
  /** Of several that refuse, the one with the highest is reported; then the oldest. */
  readonly priority: number
  readonly enabled: boolean
  /** In force from then on, and until then, the end exclusive; null: always. */
  readonly validFrom: Date | null
  readonly validUntil: Date | null
  readonly scope: RuleScope
  readonly terms: RuleTerms
  /** Who made its latest change: a user's id or an API key's. */
  readonly changedBy: string
}

/** More rules than this are not kept: each one in scope is asked of every call. */
export const MAX_RULES = 1_000
/** Characters of an expression. */
export const MAX_EXPRESSION = 1_000
/** A rule looks no further back than this. */
export const MAX_FREQUENCY_HOURS = 31 * 24
