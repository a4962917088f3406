import type { Auction } from '../model/auction.ts'
import type { NonBidCode } from '../model/bid.ts'
import type { AccountId, CampaignId } from '../model/ids.ts'

/** Codes by which a campaign has used up what it may: no call until its next hour, day or month, or until its buyer allows more. */
const USED_UP: ReadonlySet<NonBidCode> = new Set(['budget_exhausted', 'campaign_cap'])
/** Between two announcements of one campaign, ms: a budget that is nearly spent covers one call and not the next. */
const AGAIN_AFTER_MS = 600_000
/** Campaigns remembered; beyond it the one announced first is forgotten, and may be announced again. */
const MAX_REMEMBERED = 10_000

export interface Exhausted {
  readonly campaignId: CampaignId
  readonly buyerId: AccountId
  readonly reason: NonBidCode
}

/**
 * Which campaigns an auction shows to have used up a budget or cap, each named once: again only when it has been able to buy
 * since, and not within ten minutes.
 */
export class ExhaustedCampaigns {
  /** When each was named, and whether it has been able to buy since. */
  readonly #named = new Map<CampaignId, { readonly atMs: number; isBack: boolean }>()

  /** `nowMs` is the monotonic clock's. */
  seenIn({ awards, nonBids }: Auction, nowMs: number): Exhausted[] {
    let found: Map<CampaignId, Exhausted> | null = null
    for (const { campaignId, buyerId, code } of nonBids)
      if (USED_UP.has(code)) (found ??= new Map()).set(campaignId, { campaignId, buyerId, reason: code })
    if (found === null && this.#named.size === 0) return []
    // One that could buy by another of its bids has not used up anything.
    for (const { campaignId } of awards) this.#couldBuy(campaignId, found)
    for (const { campaignId, code } of nonBids) if (code === 'outbid') this.#couldBuy(campaignId, found)
    return [...(found?.values() ?? [])].filter(({ campaignId }) => this.#isNew(campaignId, nowMs))
  }

  #couldBuy(id: CampaignId, found: Map<CampaignId, Exhausted> | null): void {
    found?.delete(id)
    const named = this.#named.get(id)
    if (named) named.isBack = true
  }

  #isNew(id: CampaignId, nowMs: number): boolean {
    const named = this.#named.get(id)
    if (named && (!named.isBack || nowMs - named.atMs < AGAIN_AFTER_MS)) return false
    this.#named.delete(id)
    this.#named.set(id, { atMs: nowMs, isBack: false })
    if (this.#named.size > MAX_REMEMBERED) this.#named.delete(this.#named.keys().next().value!)
    return true
  }
}
