import type { AccountId, CampaignId } from './ids.ts'

/** Bids that compliance takes out of one call's auction: those of both a named buyer and a named campaign; an empty list is all. */
export interface Exclusion {
  readonly buyers: readonly AccountId[]
  readonly campaigns: readonly CampaignId[]
  /** What the bids are told; absent: that it is a rule. */
  readonly reason?: ExclusionReason
}

export type ExclusionReason = 'compliance_rule' | 'buyer_do_not_call'

/** Why the bids of this buyer's campaign are taken out; null: they are not. */
export function exclusionOf(
  exclusions: readonly Exclusion[],
  buyer: AccountId,
  campaign: CampaignId,
): ExclusionReason | null {
  const found = exclusions.find(
    ({ buyers, campaigns }) =>
      (buyers.length === 0 || buyers.includes(buyer)) && (campaigns.length === 0 || campaigns.includes(campaign)),
  )
  return found === undefined ? null : (found.reason ?? 'compliance_rule')
}
