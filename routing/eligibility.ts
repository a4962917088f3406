import type { NonBidCode } from '../model/bid.ts'
import type { TargetId } from '../model/ids.ts'
import type { PhoneNumber } from '../model/phone-number.ts'
import type { StateBits } from './area.ts'
import { meetsReserve } from './auction.ts'
import { lessen, multiply } from './effective-bid.ts'
import { modifierOf } from './modifiers.ts'
import type { RoutingNeeds } from './needs.ts'
import type { Pacing } from './pacing.ts'
import type { Performance } from './performance.ts'
import { NEUTRAL_QUALITY, type AllOutcomes, type QualityThousandths } from './quality.ts'
import { judgePlaces } from './reservation.ts'
import type { CallFacts, CampaignState, StandingBid, TargetState } from './standing-bid.ts'

/** Every bit: inside only what asks for no state. */
const NOWHERE: StateBits = [-1, -1, -1]

/**
 * Who may buy one call, among bids that an index has found. Most of what a bid is judged by it shares with others: its
 * campaign, buyer and target are judged once for all of them, and only a bid that does not simply pass is asked for its reason.
 */
export class Eligibility {
  readonly #needs: RoutingNeeds
  readonly #performance: Pick<Performance, 'factor'>
  readonly #qualityOf: ((targetId: TargetId) => QualityThousandths) | undefined
  readonly #allOutcomes: Pick<AllOutcomes, 'talkSeconds'>
  #auction = 0
  #facts!: CallFacts
  #ani: PhoneNumber | null = null
  #lowestMicros = 0
  /** The caller's states; bits that no bid has where they are not known, so that whoever asks for some is judged in full. */
  #states0 = 0
  #states1 = 0
  #states2 = 0

  constructor(
    needs: RoutingNeeds,
    performance: Pick<Performance, 'factor'>,
    qualityOf: ((targetId: TargetId) => QualityThousandths) | undefined,
    allOutcomes: Pick<AllOutcomes, 'talkSeconds'>,
  ) {
    this.#needs = needs
    this.#performance = performance
    this.#qualityOf = qualityOf
    this.#allOutcomes = allOutcomes
  }

  /** Numbers the auctions, so that what was found out in one is known for it alone. */
  get auction(): number {
    return this.#auction
  }

  begin(facts: CallFacts, ani: PhoneNumber | null, lowestMicros: number): void {
    this.#auction++
    this.#facts = facts
    this.#ani = ani
    this.#lowestMicros = lowestMicros
    const [first, second, third] = facts.caller.bits ?? NOWHERE
    this.#states0 = first
    this.#states1 = second
    this.#states2 = third
  }

  /** Why it may not buy this call; else notes on the bid what it comes to, and on its target whether that is down, and is null. */
  judge(bid: StandingBid): NonBidCode | null {
    return this.#passes(bid) ? null : this.#judgeInFull(bid)
  }

  /** Whether a bid without anything particular may buy the call. False: it has to be judged in full. */
  #passes(bid: StandingBid): boolean {
    const facts = this.#facts
    const { campaign, target } = bid
    if (campaign.judgedIn !== this.#auction) this.#judgeCampaign(campaign, bid)
    if (!campaign.passes || !bid.isPlain) return false
    // The lowest price is no lower than the reserve.
    if (bid.wholeMicros < this.#lowestMicros) return false
    if (bid.billableAfter > facts.maxBillableAfter) return false
    if (((this.#states0 & ~bid.states0) | (this.#states1 & ~bid.states1) | (this.#states2 & ~bid.states2)) !== 0)
      return false
    const { opening } = bid
    if (opening !== null && !opening.isOpen(facts.atMs)) return false
    if (target.judgedIn !== this.#auction) this.#judgeTarget(target, bid.bid.targetId)
    if (!target.passes) return false
    bid.amountMicros = bid.wholeMicros
    bid.factors = null
    bid.quality = target.quality
    return true
  }

  #judgeCampaign(state: CampaignState, bid: StandingBid): void {
    state.judgedIn = this.#auction
    const { campaign, conditions, schedule, usage } = state
    const { buyer } = bid
    const { caller, atMs, sellerId, tags, currency, isCall } = this.#facts
    state.passes =
      state.pacing === null &&
      campaign!.frequency === null &&
      !campaign!.factors?.performance &&
      (!campaign!.pricing || (isCall && campaign!.pricing.type !== 'minute')) &&
      buyer.account!.currency === currency &&
      (conditions.area === null || conditions.area.judge(caller) === null) &&
      (conditions.opening === null || conditions.opening.isOpen(atMs)) &&
      (schedule === null || schedule.isOpen(atMs)) &&
      conditions.consent === null &&
      conditions.minAttestation === null &&
      (conditions.traits === null || conditions.traits.judge(sellerId, tags) === null) &&
      usage.judge(atMs) === null &&
      buyer.usage.judge(atMs) === null &&
      this.#judgeFunds(bid) === null
  }

  #judgeTarget(state: TargetState, id: TargetId): void {
    const { atMs } = this.#facts
    state.judgedIn = this.#auction
    const most = state.target?.maxConcurrentCalls ?? null
    state.passes = (most === null || state.usage.inUse < most) && state.usage.judge(atMs) === null
    state.quality = this.#qualityOf?.(id) ?? state.outcomes?.quality(atMs) ?? NEUTRAL_QUALITY
    state.isDown = this.#needs.isTargetUp !== undefined && !this.#needs.isTargetUp(id)
  }

  #judgeInFull(bid: StandingBid): NonBidCode | null {
    const facts = this.#facts
    const code = bid.judgePlaceAndTime(facts.caller, facts.atMs) ?? bid.judgeTerms(facts)
    if (code !== null) return code
    const { pricing } = bid.campaign.campaign!
    if (!facts.isCall && pricing) return pricing.type === 'minute' ? 'paid_by_minute' : 'paid_by_conversion'
    const isByMinute = pricing?.type === 'minute'
    if (isByMinute) bid.learnTalk((bid.target.outcomes ?? this.#allOutcomes).talkSeconds(facts.atMs))
    bid.amountMicros = bid.wholeMicros
    bid.factors = null
    const { modifiers } = bid.bid
    if (modifiers) {
      const factor = modifierOf(modifiers, bid.modifierClock, facts.caller, facts.tags, facts.atMs)
      if (factor === 0) return 'modified_away'
      multiply(bid, 'modifier', factor)
    }
    if (bid.campaign.campaign!.factors?.performance === true) {
      multiply(bid, 'performance', this.#performance.factor(bid.bid.campaignId, facts.sellerId, facts.atMs))
    }
    if (!meetsReserve(bid.amountMicros, facts.reserveMicros)) return 'below_reserve'
    const byPlaces = judgePlaces(bid, this.#ani, facts.atMs)
    if (byPlaces !== null) return byPlaces
    const { target, campaign } = bid
    let byFunds = this.#judgeFunds(bid)
    // The longest call is held for, so it must be there to hold; who is yet to be asked may bid less than its most.
    if (byFunds === null && isByMinute && !facts.isPreview && bid.mostMicros > campaign.payableMicros)
      byFunds = campaign.payableBy
    if (target.judgedIn !== this.#auction) this.#judgeTarget(target, bid.bid.targetId)
    bid.quality = target.quality
    if (campaign.pacing === null || (byFunds !== null && byFunds !== 'budget_exhausted')) return byFunds
    // A call that the spent budget cannot buy has been one of the day's all the same.
    const factor = this.#pacingOf(campaign, campaign.pacing)
    if (byFunds !== null) return byFunds
    if (factor === 0) return 'paced'
    if (factor < 1000) lessen(bid, 'pacing', factor, this.#lowestMicros)
    return null
  }

  /** Why the money does not cover even the lowest price; else notes what it covers on the campaign and is null. */
  #judgeFunds({ buyer, buyerId, campaign }: StandingBid): NonBidCode | null {
    if (buyer.seenBy !== this.#auction) {
      buyer.availableMicros = Number(this.#needs.availableMicros(buyerId))
      buyer.seenBy = this.#auction
    }
    const left = campaign.usage.leftMicros(this.#facts.atMs)
    if (left < this.#lowestMicros) return 'budget_exhausted'
    if (buyer.availableMicros < this.#lowestMicros) return 'insufficient_credit'
    const byBudget = left < buyer.availableMicros
    campaign.payableMicros = byBudget ? left : buyer.availableMicros
    campaign.payableBy = byBudget ? 'budget_exhausted' : 'insufficient_credit'
    return null
  }

  #pacingOf(campaign: CampaignState, pacing: Pick<Pacing, 'offer'>): number {
    if (campaign.pacedIn !== this.#auction) {
      const { usage } = campaign
      const { atMs, isCall, isPreview = false } = this.#facts
      const left = Math.max(0, usage.leftMicros(atMs))
      campaign.pacingFactor = pacing.offer(atMs, usage.microsOfDay(atMs), left, isCall && !isPreview)
      campaign.pacedIn = this.#auction
    }
    return campaign.pacingFactor
  }
}
