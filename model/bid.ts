import type { Stored } from './account.ts'
import type { BuyerAudio } from './call-audio.ts'
import type { Caps } from './caps.ts'
import type { ConsentDemand } from './consent.ts'
import type { AccountId, BidId, CallId, CampaignId, TargetId } from './ids.ts'
import type { Modifiers } from './modifiers.ts'
import type { Micros } from './money.ts'
import type { Attestation } from './stir.ts'
import type { Pricing } from './tracking.ts'

export type Day = 'mon' | 'tue' | 'wed' | 'thu' | 'fri' | 'sat' | 'sun'

/** Opening hours: local wall time in minutes since midnight, `endMinute` exclusive; it may cross midnight, `days` naming its start. */
export interface TimeWindow {
  readonly startMinute: number
  readonly endMinute: number
  /** Empty means every day. */
  readonly days: readonly Day[]
  /** IANA zone; the account's when the buyer named none. */
  readonly timezone: string
  /** Wall times within the window at which it is closed all the same; a break may cross midnight as the window may. */
  readonly breaks?: readonly { readonly startMinute: number; readonly endMinute: number }[]
  /** Local dates, `2026-12-25`, on which the window does not start. */
  readonly holidays?: readonly string[]
}

/** Where the caller must be. Lists within one field are alternatives; fields given together must all hold. */
export interface Geography {
  /** Two-letter codes, `TX`. */
  readonly states: readonly string[]
  readonly cities: readonly string[]
  readonly zips: readonly string[]
  /** The centre is resolved when the bid is written; a radius always has one. */
  readonly circle: { readonly lat: number; readonly lon: number; readonly radiusMiles: number } | null
}

/** What a call's tag must be, or (`isNot`) must not be: any of the values, without regard to case; none given: that it is there. */
export interface TagRule {
  readonly key: string
  readonly values: readonly string[]
  readonly isNot: boolean
}

/** What a call must be for a bid to stand. Empty lists, nulls and what is absent ask nothing. */
export interface Criteria {
  readonly verticals: readonly string[]
  readonly geography: Geography | null
  readonly timeWindow: TimeWindow | null
  readonly tags?: readonly TagRule[]
  /** Whose calls: of `allow`, when it names any, and never of `deny`. */
  readonly sellers?: { readonly allow: readonly AccountId[]; readonly deny: readonly AccountId[] } | null
  /** Of the consumer; null or absent: none is asked for. */
  readonly consent?: ConsentDemand | null
  /** How sure the first carrier must be of the caller’s number, by a signature that was verified; null or absent: it need not be signed. */
  readonly minAttestation?: Attestation | null
}

export const ANY_CALL: Criteria = { verticals: [], geography: null, timeWindow: null }

/** Most calls of one caller in so many hours. */
export interface Frequency {
  readonly calls: number
  readonly hours: number
  /** Which calls count: answered ones (and those that ring), or those that were billed. Absent: `connected`. */
  readonly after?: 'connected' | 'converted'
  /** Whose calls count: this campaign's, those to the same target, or all of the buyer's. Absent: `campaign`. */
  readonly per?: 'campaign' | 'target' | 'buyer'
}

/** How a daily budget is spent: as calls come, or along the day's curve of calls. */
export type Pacing = 'asap' | 'even'

/** Factors that a buyer turns on: how a seller's calls turn out for the campaign, and what has been enough at first price of late. */
export interface OwnFactors {
  readonly performance: boolean
  readonly competition: boolean
}

export interface Campaign extends Stored {
  readonly id: CampaignId
  readonly accountId: AccountId
  readonly name: string
  readonly status: 'active' | 'paused' | 'ended'
  /** IANA zone: its midnight starts a new day's budget. */
  readonly timezone: string
  readonly budget: { readonly dailyMicros: Micros | null; readonly totalMicros: Micros | null }
  readonly caps: Caps
  readonly frequency: Frequency | null
  readonly schedule: TimeWindow | null
  /** Absent: `asap`. */
  readonly pacing?: Pacing
  /** What else its bids are multiplied by; absent or null: nothing. */
  readonly factors?: OwnFactors | null
  /** Its bidders hear the caller's number before they have won the call. Absent: they do not. */
  readonly exposeCaller?: boolean
  readonly criteria: Criteria
  /** Final SIP statuses of its targets that end the call: no other award is rung. Null: as the exchange is set. */
  readonly stopCodes: readonly number[] | null
  /** What its targets leave open. */
  readonly audio?: BuyerAudio | null
  /** Absent or null: by the call, at the price of its auction. */
  readonly pricing?: Pricing | null
  /** Made by the exchange for bids that name no campaign. */
  readonly isDefault: boolean
}

export interface Bid extends Stored {
  readonly id: BidId
  readonly accountId: AccountId
  readonly campaignId: CampaignId
  readonly targetId: TargetId
  /** Null: it stands for every call that meets the criteria. */
  readonly callId: CallId | null
  /** The most the buyer pays. */
  readonly amountMicros: Micros
  /** Seconds of answered time before the call counts as sold. */
  readonly billableAfter: number
  readonly criteria: Criteria
  readonly maxConcurrentCalls: number | null
  /** Absent or null: the amount is the same for every call. */
  readonly modifiers?: Modifiers | null
  readonly status: 'active' | 'paused'
  /** What an HTTP bidder has answered for `callId`: its id is the bidder's. */
  readonly isOffer?: true
}

/** Why a bid did not win, in one word for programs; `NON_BID_REASONS` says it to people. */
export type NonBidCode = keyof typeof NON_BID_REASONS

export const NON_BID_REASONS = {
  outbid: 'another bid ranked higher',
  bid_lowered: 'the bid was lowered below the price after the auction',
  below_reserve: 'the bid is below the reserve price of the number',
  bid_paused: 'the bid is paused',
  campaign_paused: 'the campaign is not active',
  account_inactive: 'the buyer’s account is not active',
  not_rated: 'the campaign pays by conversion, and the operator has set no rate yet',
  vertical_mismatch: 'the vertical of the call is not one the bid asks for',
  location_mismatch: 'the caller is not in the area the bid asks for',
  location_unknown: 'the bid asks for an area and the caller’s location is unknown',
  outside_time_window: 'the call came outside the bid’s time window',
  outside_schedule: 'the call came outside the campaign’s schedule',
  tag_mismatch: 'the call’s tags are not those the bid asks for',
  seller_mismatch: 'the bid does not ask for calls of this seller',
  compliance_rule: 'a compliance rule keeps this call from the buyer or the campaign',
  buyer_do_not_call: 'the consumer is on a do-not-call list of the buyer’s own',
  consent_missing: 'the bid asks for the consumer’s consent to calls of the seller or the buyer, and none is known',
  consent_not_one_to_one: 'the bid asks for a consent that names the buyer and no other business',
  consent_uncertified: 'the bid asks for a consent with a certificate that it does not have',
  consent_too_old: 'the consent is older than the bid allows, or nobody says how old it is',
  certificate_too_old: 'the certificate of the consent is older than the bid allows, or nobody says how old it is',
  attestation_missing: 'the bid asks for an attestation of the caller’s number, and no verified signature gives one',
  attestation_too_low: 'the caller’s number is attested with less than the bid asks for',
  modified_away: 'the bid’s own modifiers leave nothing of it for this call',
  paid_by_conversion: 'the campaign pays by conversion: no price can be promised to a ping',
  paid_by_minute: 'the campaign pays by the minute: no price can be promised to a ping',
  currency_mismatch: 'the bid is in another currency than the number',
  duration_above_limit: 'the bid’s billable_after exceeds the number’s max_billable_after',
  bid_concurrency: 'the bid has its most concurrent calls',
  target_concurrency: 'the target has its most concurrent calls',
  campaign_concurrency: 'the campaign has its most concurrent calls',
  target_cap: 'the target has reached a cap on its number of calls',
  buyer_concurrency: 'the buyer has its most concurrent calls',
  buyer_cap: 'the buyer has reached a cap on its number of calls',
  seller_concurrency: 'the seller has sold its most concurrent calls',
  seller_cap: 'the seller has reached a cap on the number of calls it sells',
  paced: 'the campaign spends its day’s budget evenly, and is ahead of the day',
  campaign_cap: 'the campaign has reached a cap on its number of calls',
  frequency_cap: 'the campaign has had its share of this caller',
  budget_exhausted: 'the campaign’s budget does not cover the price',
  insufficient_credit: 'the buyer’s available balance does not cover the price',
  counters_away: 'the counters that the gateways share could not be asked, and this bid must not be sold without them',
  target_unavailable: 'the target cannot be reached from here',
  target_not_registered: 'nobody is registered at the target’s address of record',
  target_down: 'the target does not answer at present',
  media_unavailable: 'no media engine that can serve its target was free',
  target_tried: 'its target had been rung for this call already',
  not_accepted: 'the agent answered and did not take the call',
  ring_failed: 'the target was rung and did not take the call',
  not_reached: 'the call was taken before this award’s turn came',
  bidder_no_bid: 'the bidder did not want the call',
  bidder_late: 'the bidder did not answer in time',
  bidder_unreachable: 'the bidder could not be reached',
  bidder_address_refused: 'the bidder’s URL leads to an address that is not called from here',
  bidder_http_error: 'the bidder answered with an HTTP status that is no answer',
  bidder_redirected: 'the bidder answered with a redirect, and none is followed',
  bidder_garbage: 'the bidder’s answer could not be read',
  bidder_too_long: 'the bidder’s answer was too long',
  bidder_bad_price: 'the bidder answered with a price that is none',
  bidder_price_above_max: 'the bidder answered with a price above its max_bid',
  bidder_bad_destination: 'the bidder named a destination that cannot be rung',
  bidder_circuit_open: 'the bidder has failed too often lately and was not asked',
  bidder_busy: 'the bidder has its most requests under way and was not asked',
  bidder_loop: 'the caller has come back by way of this bidder, and it was not asked',
  bidder_post_refused: 'the bidder had won the call, and did not take it when it was posted',
  bidder_post_failed: 'the bidder had won the call, and gave no answer when it was posted',
} as const
