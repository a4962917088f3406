import type { Account } from '../model/account.ts'
import type { Bid, Campaign, Criteria, NonBidCode } from '../model/bid.ts'
import type { ConsentDemand, GivenConsent } from '../model/consent.ts'
import type { AccountId, NumberId, TargetId } from '../model/ids.ts'
import { isAtLeast, type Attestation } from '../model/stir.ts'
import { MAX_MONEY } from '../model/money.ts'
import { expectedSecondsOf, mostOfMinutes, type MinutePricing } from '../model/per-minute.ts'
import { expectedMicros } from '../model/tracking.ts'
import type { Target } from '../model/trunk.ts'
import { areaOf, type Area, type CallerPlace } from './area.ts'
import type { Candidate } from './auction.ts'
import type { CallCounter } from './call-counter.ts'
import type { CallerHistory } from './caller-history.ts'
import type { CampaignUsage } from './campaign-usage.ts'
import { judgeConsents } from './consent-terms.ts'
import type { Factors, NonBid } from '../model/auction.ts'
import type { Opening, WallClock, WallClocks } from './opening.ts'
import type { Pacing } from './pacing.ts'
import { PlacesInUse } from './places-in-use.ts'
import { FIRST_TALK_SECONDS, NEUTRAL_QUALITY, type Outcomes, type QualityThousandths } from './quality.ts'
import { traitsOf, type CallTags, type Traits } from './traits.ts'

/** A buyer or seller as the book has it; a buyer's is shared by its bids. */
export interface AccountState {
  account: Account | null
  readonly usage: CallCounter
  /** Who has called, while a campaign of the buyer has a frequency rule. */
  readonly callers: CallerHistory
  /** What is available, read once per auction; `seenBy` says in which. */
  availableMicros: number
  seenBy: number
  /** With the inputs of which auction it was kept last, and at which place of theirs. */
  keptBy: number
  keptAs: number
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
  keptBy: number
  keptAs: number
  readonly usage: CallCounter
  /** In which auction it was last judged, and what came of it. */
  judgedIn: number
  passes: boolean
  isDown: boolean
  quality: QualityThousandths
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
  keptBy: number
  keptAs: number
  /** In which auction it was last judged with its buyer, whether they pass, and what they could pay. */
  judgedIn: number
  passes: boolean
  payableMicros: number
  payableBy: NonBidCode
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
  /** Null: no consent is asked for. */
  readonly consent: ConsentDemand | null
  /** Null: the caller's number need not be attested. */
  readonly minAttestation: Attestation | null
}

export const NO_CONDITIONS: Conditions = {
  verticals: null,
  area: null,
  opening: null,
  traits: null,
  consent: null,
  minAttestation: null,
}

export function conditionsOf(criteria: Criteria, clocks: WallClocks): Conditions {
  return {
    verticals: criteria.verticals.length === 0 ? null : new Set(criteria.verticals.map(verticalKey)),
    area: areaOf(criteria.geography),
    opening: criteria.timeWindow === null ? null : clocks.openingOf(criteria.timeWindow),
    traits: traitsOf(criteria),
    consent: criteria.consent ?? null,
    minAttestation: criteria.minAttestation ?? null,
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
  readonly consents: readonly GivenConsent[]
  readonly attestation: Attestation | null
  /** False: its price is asked, and it may never come. */
  readonly isCall: boolean
  /** Only whether it is worth asking somebody: its auction is still to come, and counts it. */
  readonly isPreview?: true
}

/**
 * One bid made ready for the auction: itself, its campaign, its buyer and its target, all already at hand. Fields that the
 * ranking reads are plain numbers; amount, quality, factors and rank are written by each auction that considers the bid.
 */
export class StandingBid implements Candidate {
  // What every auction reads of every bid it finds comes first, side by side in memory: most of what one costs is fetching this.
  readonly campaign: CampaignState
  readonly target: TargetState
  /** The bid's amount, or what is expected of it by conversion or by the minute; `amountMicros` is what it comes to in the auction that is being held. */
  wholeMicros = 0
  amountMicros = 0
  quality = NEUTRAL_QUALITY
  factors: Factors | null = null
  /** Whether its hours, its states and its money are all there is to judge: it has a place for one more call, and asks for nothing particular. */
  isPlain = false
  billableAfter = 0
  /** The states it is for, as bits; all of them where it asks for none. */
  states0 = -1
  states1 = -1
  states2 = -1
  /** Its own hours; null: any. */
  readonly opening: Opening | null
  readonly buyerId: AccountId
  #outbid: NonBid | null = null
  readonly createdAtMs: number
  readonly id: string
  readonly buyer: AccountState
  bid: Bid
  rankKey = 0
  readonly places: PlacesInUse
  /** Why it lost last, but for `outbid`. */
  #lastLost: NonBid | null = null
  /** Of a bid by the minute: how long its target's billed calls last, and what one is expected to be billed for. */
  talkSeconds = FIRST_TALK_SECONDS
  expectedSeconds = 0
  /** The most a call can cost, where that is more than its price. */
  mostMicros = 0
  readonly conditions: Conditions
  /** Of its modifiers' zone; null without modifiers by the hour. */
  modifierClock: WallClock | null
  /** When it last changed: an older auction is not explained by what the bid says now. */
  changedAtMs: number

  constructor(
    bid: Bid,
    parts: { campaign: CampaignState; buyer: AccountState; target: TargetState },
    conditions: Conditions,
    modifierClock: WallClock | null,
    changedAtMs: number,
    places = new PlacesInUse(),
  ) {
    this.id = bid.id
    this.buyerId = bid.accountId
    this.campaign = parts.campaign
    this.buyer = parts.buyer
    this.target = parts.target
    this.bid = bid
    this.createdAtMs = bid.createdAt.getTime()
    this.conditions = conditions
    this.modifierClock = modifierClock
    this.changedAtMs = changedAtMs
    this.places = places
    this.opening = conditions.opening
    const bits = conditions.area?.bits ?? null
    if (bits !== null) [this.states0, this.states1, this.states2] = bits
    this.update(bid)
    if (!bid.isOffer) places.holder = this // An offer lives for one call, and is judged in full.
  }

  /** Takes the bid as it now is: all of it but whose it is, and which calls it asks for. */
  update(bid: Bid): void {
    this.bid = bid
    this.weigh()
    this.billableAfter = bid.billableAfter
    this.countPlaces()
  }

  /** Calls on it have begun or ended, or it has changed: whether auctions need to look closely at it is seen anew. */
  countPlaces(): void {
    const { modifiers, maxConcurrentCalls: most, isOffer = false } = this.bid
    const { traits, area, consent, minAttestation } = this.conditions
    const asksLittle = traits === null && consent === null && minAttestation === null
    const hasRoom = !isOffer && (most === null || this.places.count < most)
    // Neither modifiers, nor conditions of seller and tags, nor a place narrower than states.
    this.isPlain = hasRoom && !modifiers && asksLittle && (area === null || area.bits !== null)
  }

  /** Its amount has changed, or what a call is expected to bring of it. */
  weigh(): void {
    const pricing = this.campaign.campaign?.pricing
    if (pricing?.type === 'minute') this.#weighMinutes(pricing)
    else this.wholeMicros = expectedMicros(this.bid.amountMicros, pricing)
  }

  #weighMinutes(pricing: MinutePricing): void {
    const { amountMicros, billableAfter } = this.bid
    this.expectedSeconds = expectedSecondsOf(pricing, this.talkSeconds, billableAfter)
    const micros = (amountMicros * BigInt(this.expectedSeconds)) / 60n
    this.wholeMicros = Number(micros < MAX_MONEY ? micros : MAX_MONEY)
    this.mostMicros = Number(mostOfMinutes(amountMicros, pricing))
  }

  /** Its target's billed calls have come to last so long. */
  learnTalk(seconds: number): void {
    if (seconds === this.talkSeconds) return
    this.talkSeconds = seconds
    this.weigh()
  }

  /** What budget and credit leave for this call, once it has been judged: the same for all bids of its campaign. */
  get payableMicros(): number {
    return this.campaign.payableMicros
  }
  get payableBy(): NonBidCode {
    return this.campaign.payableBy
  }

  /** That it did not win, and why; as most lose most of the time for the same reason, it is made once. */
  lost(code: NonBidCode): NonBid {
    if (code === 'outbid') return (this.#outbid ??= this.#lost(code))
    const last = this.#lastLost
    return last !== null && last.code === code ? last : (this.#lastLost = this.#lost(code))
  }

  #lost(code: NonBidCode): NonBid {
    const { id, campaignId } = this.bid
    return { bidId: id, campaignId, buyerId: this.buyerId, code }
  }

  /** Why it stands for no call at all at present; null when it does. What the book has not heard of yet is not active. */
  get standstill(): NonBidCode | null {
    if (this.bid.status !== 'active') return 'bid_paused'
    if (this.campaign.campaign?.status !== 'active') return 'campaign_paused'
    if (this.buyer.account?.status !== 'active') return 'account_inactive'
    const { pricing } = this.campaign.campaign
    if (pricing && pricing.type !== 'minute' && pricing.rateMillionths === null) return 'not_rated'
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
    const byConsent = this.#judgeConsent(facts)
    if (byConsent !== null) return byConsent
    const byAttestation =
      judgeAttestation(this.conditions, facts.attestation) ??
      judgeAttestation(this.campaign.conditions, facts.attestation)
    if (byAttestation !== null) return byAttestation
    if (this.buyer.account?.currency !== facts.currency) return 'currency_mismatch'
    if (this.bid.billableAfter > facts.maxBillableAfter) return 'duration_above_limit'
    return null
  }

  /** Why the consumer's consents are not what it, or its campaign, asks for. */
  #judgeConsent({ consents, sellerId, atMs }: CallFacts): NonBidCode | null {
    const own = this.conditions.consent
    const campaigns = this.campaign.conditions.consent
    if (own === null && campaigns === null) return null
    const asked = { consents, sellerId, buyerId: this.buyerId, atMs }
    return (own && judgeConsents(own, asked)) ?? (campaigns && judgeConsents(campaigns, asked))
  }
}

function judgeAttestation({ minAttestation }: Conditions, attestation: Attestation | null): NonBidCode | null {
  if (minAttestation === null || isAtLeast(attestation, minAttestation)) return null
  return attestation === null ? 'attestation_missing' : 'attestation_too_low'
}
