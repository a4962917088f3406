import type { NonBidCode } from './bid.ts'
import type { DecisionInputs } from './decision.ts'
import type { AccountId, AuctionId, AwardId, BidId, CallId, CampaignId, NumberId, TargetId } from './ids.ts'
import type { Currency, Micros } from './money.ts'
import type { MinuteTerms } from './per-minute.ts'
import type { ConversionPricing } from './tracking.ts'
import type { Strategy } from './routing-plan.ts'
import type { PriceRule } from './trunk.ts'

/** What a buyer had its amount multiplied by, in thousandths; 1000 changes nothing. */
export interface Factors {
  /** Its own modifiers for the place, the hour and the tags: 0 to 2000. */
  readonly modifier: number
  /** How calls of this seller have turned out for the campaign, against all its calls: 500 to 1500. */
  readonly performance: number
  /** What calls like this one have sold for, at first price: 500 to 1000. */
  readonly competition: number
  /** How far the campaign is ahead of its day: 500 to 1000. */
  readonly pacing: number
}

export const NO_FACTORS: Factors = { modifier: 1000, performance: 1000, competition: 1000, pacing: 1000 }

/** What a bid comes to in one auction: never more than its amount. */
export interface Effective {
  readonly micros: Micros
  readonly factors: Factors
}

/** A target that may be rung, in order, with the price it clears at. */
export interface Award {
  readonly id: AwardId
  /** 1 is the winner; later ones are reached only by failover. */
  readonly rank: number
  readonly bidId: BidId
  readonly campaignId: CampaignId
  readonly buyerId: AccountId
  readonly targetId: TargetId
  readonly amountMicros: Micros
  /** What the buyer's own factors made of the amount; absent when it has turned none on. */
  readonly effective?: Effective
  /** Of its target's calls, thousandths; of `predictive` the chance drawn. Absent: 1000. */
  readonly quality?: number
  /** What ranked it: effective amount × quality, in micros × thousandths; by other strategies whatever they go by, the highest first. */
  readonly score: bigint
  /** Whole cents, never above the effective amount. */
  readonly priceMicros: Micros
  /** Seconds. */
  readonly billableAfter: number
  /** Paid by what becomes of the call: `priceMicros` is then what it is expected to bring. */
  readonly conversion?: ConversionPricing
  /** Paid by the minute: `priceMicros` is then what it is expected to bring. */
  readonly minutes?: MinuteTerms
}

export interface NonBid {
  readonly bidId: BidId
  readonly campaignId: CampaignId
  readonly buyerId: AccountId
  readonly code: NonBidCode
}

/** One call's sale, as decided: enough to explain it to everyone it touched. */
export interface Auction {
  readonly id: AuctionId
  readonly callId: CallId
  readonly numberId: NumberId
  readonly vertical: string
  readonly currency: Currency
  readonly reservePriceMicros: Micros
  readonly priceRule: PriceRule
  /** Absent: `auction`. What it drew by lot it drew from `seedOf(id)`. */
  readonly strategy?: Strategy
  /** Best first. Empty: no sale. */
  readonly awards: readonly Award[]
  readonly nonBids: readonly NonBid[]
  /** Candidates the index never produced (other vertical, state or hour) are counted, not listed, past this many. */
  readonly nonBidsOmitted: number
  readonly decidedAt: Date
  /** What it was decided by, to be written down; absent where that is not kept, and once it is. */
  readonly inputs?: DecisionInputs
}
