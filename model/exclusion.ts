import type { AccountId, CampaignId } from './ids.ts'

/** Bids that a compliance rule takes out of one call's auction: those of both a named buyer and a named campaign; an empty list is all. */
export interface Exclusion {
  readonly buyers: readonly AccountId[]
  readonly campaigns: readonly CampaignId[]
}

/** Whether any of them takes out the bids of this buyer's campaign. */
export function isExcluded(exclusions: readonly Exclusion[], buyer: AccountId, campaign: CampaignId): boolean {
  return exclusions.some(
    ({ buyers, campaigns }) =>
      (buyers.length === 0 || buyers.includes(buyer)) && (campaigns.length === 0 || campaigns.includes(campaign)),
  )
}
