import type { NonBidCode } from './bid.ts'
import type { AccountId, AuctionId, AwardId, BidId, CallId, CampaignId, NumberId, TargetId } from './ids.ts'
import type { Currency, Micros } from './money.ts'
import type { PriceRule } from './trunk.ts'

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
  /** What ranked it: amount × quality, in micros × thousandths. */
  readonly score: bigint
  /** Whole cents, never above `amountMicros`. */
  readonly priceMicros: Micros
  /** Seconds. */
  readonly billableAfter: number
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
  /** Best first. Empty: no sale. */
  readonly awards: readonly Award[]
  readonly nonBids: readonly NonBid[]
  /** Candidates the index never produced (other vertical, state or hour) are counted, not listed, past this many. */
  readonly nonBidsOmitted: number
  readonly decidedAt: Date
}
