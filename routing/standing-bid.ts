import type { Account } from '../model/account.ts'
import type { Bid, Campaign, Criteria, NonBidCode } from '../model/bid.ts'
import type { AccountId, NumberId, TargetId } from '../model/ids.ts'
import { expectedMicros } from '../model/tracking.ts'
import type { Target } from '../model/trunk.ts'
import { areaOf, type Area, type CallerPlace } from './area.ts'
import type { Candidate } from './auction.ts'
import type { CallCounter } from './call-counter.ts'
import type { CallerHistory } from './caller-history.ts'
import type { CampaignUsage } from './campaign-usage.ts'
import type { Factors } from '../model/auction.ts'
import type { Opening, WallClock, WallClocks } from './opening.ts'
import type { Pacing } from './pacing.ts'
import { NEUTRAL_QUALITY, type Outcomes } from './quality.ts'
import { traitsOf, type CallTags, type Traits } from './traits.ts'

/** Where a part is among the inputs of the decision that it was last kept with: each is kept once. */
export interface Kept {
  by: number
  as: number
}

/** A buyer or seller as the book has it; a buyer's is shared by its bids. */
export interface AccountState {
  account: Account | null
  readonly usage: CallCounter
  /** Who has called, while a campaign of the buyer has a frequency rule. */
  readonly callers: CallerHistory
  /** What is available, read once per auction; `seenBy` says in which. */
  availableMicros: number
  seenBy: number
  /** Which decision it was kept with last, and at which place. */
  readonly kept: Kept
  readonly targets: Set<TargetId>
  readonly bids: Set<StandingBid>
}

/** A target as the book has it, shared by the bids that ring it. */
export interface TargetState {
  target: Target | null
  /** Why nobody answers there at present, as far as is known without ringing. */
  unreachable: NonBidCode | null
  /** What became of its calls; null: none of late. */
  outcomes: Outcomes | null
  readonly kept: Kept
  readonly usage: CallCounter
  readonly bids: Set<StandingBid>
}

/** A campaign as the book has it, its criteria made ready once for all its bids. */
export interface CampaignState {
  campaign: Campaign | null
  conditions: Conditions
  schedule: Opening | null
  readonly usage: CampaignUsage
  /** Null: its budget is spent as calls come. */
  pacing: Pick<Pacing, 'offer' | 'count' | 'configure'> | null
  /** What it makes of the auction numbered `pacedIn`: asked once for all bids of the campaign. */
  pacingFactor: number
  pacedIn: number
  readonly kept: Kept
  readonly bids: Set<StandingBid>
}

/** Criteria made ready for the auction. */
export interface Conditions {
  /** Null: any. */
  readonly verticals: ReadonlySet<string> | null
  readonly area: Area | null
  readonly opening: Opening | null
  /** Of the seller and the tags; null when nothing is asked of them. */
  readonly traits: Traits | null
}

export const NO_CONDITIONS: Conditions = { verticals: null, area: null, opening: null, traits: null }

export function conditionsOf(criteria: Criteria, clocks: WallClocks): Conditions {
  return {
    verticals: criteria.verticals.length === 0 ? null : new Set(criteria.verticals.map(verticalKey)),
    area: areaOf(criteria.geography),
    opening: criteria.timeWindow === null ? null : clocks.openingOf(criteria.timeWindow),
    traits: traitsOf(criteria),
  }
}

/** Verticals are compared without regard to case or surrounding blanks. */
export function verticalKey(vertical: string): string {
  return vertical.trim().toLowerCase()
}

/** What of a call the standing conditions are judged by. */
export interface CallFacts {
  readonly vertical: string
  readonly caller: CallerPlace
  readonly currency: string
  readonly maxBillableAfter: number
  readonly reserveMicros: number
  readonly atMs: number
  readonly sellerId: AccountId
  readonly numberId: NumberId
  readonly tags: CallTags
  /** False: its price is asked, and it may never come. */
  readonly isCall: boolean
}

/**
 * One bid made ready for the auction: itself, its campaign, its buyer and its target, all already at hand. Fields that the
 * ranking reads are plain numbers; the last six are written by each auction that considers the bid.
 */
export class StandingBid implements Candidate {
  readonly id: string
  readonly buyerId: AccountId
  readonly campaign: CampaignState
  readonly buyer: AccountState
  readonly target: TargetState
  bid: Bid
  createdAtMs: number
  conditions: Conditions
  /** Of its modifiers' zone; null without modifiers by the hour. */
  modifierClock: WallClock | null
  /** When it last changed: an older auction is not explained by what the bid says now. */
  changedAtMs: number
  /** Calls on this bid, from INVITE to the end of the leg. Kept apart, so that a bid rewritten in mid-call goes on counting. */
  readonly places: { inUse: number }
  /** The bid's amount, or what is expected of it by conversion; `amountMicros` is what it comes to in the auction that is being held. */
  wholeMicros: number
  amountMicros: number
  factors: Factors | null = null
  quality = NEUTRAL_QUALITY
  rankKey = 0
  payableMicros = 0
  payableBy: NonBidCode = 'insufficient_credit'

  constructor(
    bid: Bid,
    parts: { campaign: CampaignState; buyer: AccountState; target: TargetState },
    conditions: Conditions,
    modifierClock: WallClock | null,
    changedAtMs: number,
    places = { inUse: 0 },
  ) {
    this.id = bid.id
    this.buyerId = bid.accountId
    this.campaign = parts.campaign
    this.buyer = parts.buyer
    this.target = parts.target
    this.bid = bid
    this.createdAtMs = bid.createdAt.getTime()
    this.wholeMicros = expectedMicros(bid.amountMicros, parts.campaign.campaign?.pricing)
    this.amountMicros = this.wholeMicros
    this.conditions = conditions
    this.modifierClock = modifierClock
    this.changedAtMs = changedAtMs
    this.places = places
  }

  /** Its amount has changed, or what a call is expected to bring of it. */
  weigh(): void {
    this.wholeMicros = expectedMicros(this.bid.amountMicros, this.campaign.campaign?.pricing)
  }

  /** Why it stands for no call at all at present; null when it does. What the book has not heard of yet is not active. */
  get standstill(): NonBidCode | null {
    if (this.bid.status !== 'active') return 'bid_paused'
    if (this.campaign.campaign?.status !== 'active') return 'campaign_paused'
    if (this.buyer.account?.status !== 'active') return 'account_inactive'
    if (this.campaign.campaign.pricing?.rateMillionths === null) return 'not_rated'
    return this.target.target === null ? 'target_unavailable' : this.target.unreachable
  }

  /** Why the campaign's or its own vertical leaves this call out. */
  judgeVertical(vertical: string): NonBidCode | null {
    const own = this.conditions.verticals
    const campaigns = this.campaign.conditions.verticals
    if (own !== null && !own.has(vertical)) return 'vertical_mismatch'
    if (campaigns !== null && !campaigns.has(vertical)) return 'vertical_mismatch'
    return null
  }

  /** Why the place or the hour leaves this call out. */
  judgePlaceAndTime(caller: CallerPlace, atMs: number): NonBidCode | null {
    const { area, opening } = this.conditions
    const { conditions, schedule } = this.campaign
    const place = area?.judge(caller) ?? conditions.area?.judge(caller) ?? null
    if (place !== null) return place
    if (opening !== null && !opening.isOpen(atMs)) return 'outside_time_window'
    if (conditions.opening !== null && !conditions.opening.isOpen(atMs)) return 'outside_time_window'
    if (schedule !== null && !schedule.isOpen(atMs)) return 'outside_schedule'
    return null
  }

  /** Why the seller or the tags are not what it asks for, or it does not fit the terms the number is sold on. */
  judgeTerms(facts: CallFacts): NonBidCode | null {
    const { traits } = this.conditions
    const code = traits?.judge(facts.sellerId, facts.tags) ?? null
    if (code !== null) return code
    const campaigns = this.campaign.conditions.traits
    if (campaigns !== null) {
      const campaignsCode = campaigns.judge(facts.sellerId, facts.tags)
      if (campaignsCode !== null) return campaignsCode
    }
    if (this.buyer.account?.currency !== facts.currency) return 'currency_mismatch'
    if (this.bid.billableAfter > facts.maxBillableAfter) return 'duration_above_limit'
    return null
  }
}
