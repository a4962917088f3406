import type { GivenConsent } from './consent.ts'
import type { Exclusion } from './exclusion.ts'
import type { Account } from './account.ts'
import type { Bid, Campaign, NonBidCode } from './bid.ts'
import type { AccountId, BidId, CallId, CampaignId, TargetId } from './ids.ts'
import type { Currency } from './money.ts'
import type { Place, ZipPlace } from './places.ts'
import type { Attestation } from './stir.ts'
import type { DialledNumber, Target } from './trunk.ts'

/**
 * The number of the rules that auctions are decided by. It grows with every change to `routing/` that may decide a stored auction
 * otherwise: a rerun under other rules than the stored ones says so.
 */
export const DECISION_RULES = 1

/** What a counter had counted of the periods the call fell into, in its own zone. */
export interface UsageThen {
  /** In progress. */
  readonly inUse: number
  readonly hourCalls: number
  readonly dayCalls: number
  readonly dayMicros: number
  readonly monthCalls: number
  readonly totalCalls: number
  readonly totalMicros: number
}

/** A call that the buyer had been sold from the same caller. */
export interface ContactThen {
  readonly atMs: number
  readonly campaignId: CampaignId
  readonly targetId: TargetId | null
  readonly isConverted: boolean
}

export interface AccountThen {
  readonly account: Account
  /** Null: it had no caps, and was not asked. */
  readonly usage: UsageThen | null
  /** A buyer's; null for the seller's side. */
  readonly availableMicros: number | null
  readonly contacts: readonly ContactThen[]
}

export interface TargetThen {
  readonly target: Target
  /** Null: it had no caps, and was not asked. */
  readonly usage: UsageThen | null
  /** Known not to answer, and so rung only when there was no other. */
  readonly isDown: boolean
  readonly unreachable: NonBidCode | null
  /** Thousandths. */
  readonly quality: number
  /** The chance that a call to it is billed, where it was drawn from (`predictive`); else null. */
  readonly success: { readonly mean: number; readonly variance: number } | null
  /** When its last turn was (`round_robin`): the higher the later, 0 for none. */
  readonly turn: number
}

export interface CampaignThen {
  readonly campaign: Campaign
  readonly usage: UsageThen
  /** What its even pacing allowed, thousandths; null when it was not asked. */
  readonly pacing: number | null
  /** How the seller's calls turn out for it, thousandths; null when it does not bid by that. */
  readonly performance: number | null
}

/** The two best bids of different buyers in an earlier auction, in micros at a quality of 1000. */
export interface ClosedThen {
  readonly buyerId: AccountId | null
  readonly best: number
  readonly bestOfAnother: number
}

/** One candidate: itself, and where its parts are in the lists. */
export interface BidThen {
  readonly bid: Bid
  readonly buyer: number
  readonly target: number
  readonly campaign: number
  /** Calls in progress on this bid. */
  readonly inUse: number
  /** Of a bid by the minute: how long billed calls of its target last, seconds. */
  readonly talkSeconds?: number
}

/** What was asked, without who called: only whether the number was known. */
export interface RequestThen {
  readonly callId: CallId
  readonly number: DialledNumber
  readonly currency: Currency
  readonly isCallerKnown: boolean
  readonly places: readonly Place[]
  readonly zip: ZipPlace | null
  readonly receivedAtMs: number
  readonly tags: Readonly<Record<string, string>> | null
  /** Absent: compliance took no bids out. */
  readonly exclusions?: readonly Exclusion[]
  /** Without their ids and ZIP codes; absent: none was known. */
  readonly consents?: readonly GivenConsent[]
  /** Of the caller's number; absent: none was known. */
  readonly attestation?: Attestation
  readonly isPing: boolean
  /** Of HTTP bidders; absent: none was asked. */
  readonly nonBids?: readonly NoBidThen[]
}

/** A bidder that was asked, or might have been, and made no bid. */
interface NoBidThen {
  readonly bidId: BidId
  readonly campaignId: CampaignId
  readonly buyerId: AccountId
  readonly code: NonBidCode
}

/**
 * All that one auction was decided by, as it was at that instant: the same code with the same inputs decides the same again. The
 * parts (accounts, targets, campaigns, bids, the number) are the book's own objects, which never change; the rest are copies.
 */
export interface DecisionInputs {
  readonly rules: number
  readonly request: RequestThen
  readonly decidedAtMs: number
  readonly maxAwards: number
  readonly maxNonBids: number
  readonly seller: AccountThen | null
  readonly buyers: readonly AccountThen[]
  readonly targets: readonly TargetThen[]
  readonly campaigns: readonly CampaignThen[]
  /** In the order in which they were looked at. */
  readonly bids: readonly BidThen[]
  /** What earlier auctions of the number at first price came to, the oldest first; empty when nobody bids by that. */
  readonly closed: readonly ClosedThen[]
  /** Candidates that are not among `bids`, since they were too many: none that had a part in the awards or their prices. */
  readonly bidsOmitted: number
}
