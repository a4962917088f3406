import type { Auction, Award, NonBid } from '../model/auction.ts'
import type { NonBidCode } from '../model/bid.ts'
import type { BookChange } from '../model/book.ts'
import { exclusionOf } from '../model/exclusion.ts'
import type { Claim, CounterTotals } from '../model/claim.ts'
import type { AccountId, AuctionId, AwardId, BidderId, BidId, CallId, CampaignId, TargetId } from '../model/ids.ts'
import { CENT, type Micros } from '../model/money.ts'
import type { Outcome, TargetQuality } from '../model/outcome.ts'
import { mostOfMinutes, rateFor, type MinutePricing, type MinuteTerms } from '../model/per-minute.ts'
import type { PhoneNumber } from '../model/phone-number.ts'
import { seedOf } from '../model/routing-plan.ts'
import type { DialledNumber } from '../model/trunk.ts'
import type { Writable } from '../model/writable.ts'
import type { AuctionRequest } from './auction-request.ts'
import { callerPlaceOf } from './area.ts'
import { lowestPrice, rankBids, type Ranked } from './auction.ts'
import { BidBook } from './bid-book.ts'
import { MOST_OFFERS, NO_BIDDERS, type BiddersFor, type OfferRefusal } from './bidders/bidder-book.ts'
import { FairShares } from './bidders/fair-shares.ts'
import { claimOf, totalsOf, type Claimed } from './claims.ts'
import { Competition } from './competition.ts'
import { lessen } from './effective-bid.ts'
import { Eligibility } from './eligibility.ts'
import { explainAuction } from './explain.ts'
import { decisiveOf, keepInputs } from './keep-inputs.ts'
import type { RoutingNeeds } from './needs.ts'
import { Performance } from './performance.ts'
import { AllOutcomes, NEUTRAL_QUALITY, type QualityThousandths } from './quality.ts'
import { judgePlaces, takePlaces, type Reservation } from './reservation.ts'
import { rankByPlan, isRankedByKey } from './strategies.ts'
import { verticalKey, type CallFacts, type StandingBid } from './standing-bid.ts'
import { Turns } from './turns.ts'
import type { UsageRow } from './usage-row.ts'

export type { AuctionRequest } from './auction-request.ts'
export type { Claimed } from './claims.ts'
export type { UsageRow } from './usage-row.ts'
export type { Reservation } from './reservation.ts'

export interface RoutingOptions {
  /** Targets that may be rung for one call, in order; eligible bids after them are `outbid`. 10 */
  readonly maxAwards?: number
  /** Bids that did not win and are named one by one with their reason; the others are counted. 500 */
  readonly maxNonBids?: number
  /** How well the calls of a target have gone; absent: as it has learned of them. */
  readonly qualityOf?: (targetId: TargetId) => QualityThousandths
  /** Whether each auction says what it was decided by, so that it can be decided again. Not when absent. */
  readonly keepsInputs?: boolean
}

interface RoutingStats {
  readonly bids: number
  /** Bids that some call could be sold to now. */
  readonly activeBids: number
  readonly campaigns: number
  /** Places taken and not yet given back or settled. */
  readonly reservations: number
}

/** The exchange: who may buy this call, at what price, in what order. Everything is memory and nothing waits. */
export interface Routing {
  /** Accounts, targets, campaigns and bids, in any order; other changes are ignored. The next auction sees it. */
  apply(change: BookChange): void
  /** Whether a target is known, without ringing it, not to answer: its bids then are non-bids of this reason. Null: it may. */
  setUnreachable(targetId: TargetId, why: NonBidCode | null): void
  /** Ranks and prices the eligible bids. The hot path: what the index never produced is only counted. */
  auction(request: AuctionRequest): Auction
  /** The call has come whose price was asked for in this auction (`isPing`): the campaigns that could buy it learn of it. */
  cameAfter(auction: Auction, atMs: number): void
  /** What became of a call that was sold, or that a target was rung for: auctions from now on go by it. */
  learn(outcome: Outcome): void
  /** How the calls of a target have gone; null: it has had none of late. */
  qualityOf(targetId: TargetId): TargetQuality | null
  /** The same auction with a reason for bids the index never produced, those of the call's vertical first. */
  explain(request: AuctionRequest, auction: Auction): Auction
  /** Takes the places of one award just before its INVITE, or says why there are none any more; also the seller's, when named. */
  reserve(
    award: Award,
    callId: CallId,
    ani: PhoneNumber | null,
    atMs: number,
    sellerId?: AccountId | null,
  ): Reservation | NonBidCode
  /** What a reservation takes of every counter, for where several processes count together. */
  claim(claimed: Claimed): Claim
  /** How long any frequency rule of a buyer looks back, ms. */
  lookBackMs(buyerId: AccountId): number
  /** What ended calls come to in each counter of an account. */
  totals(accountId: AccountId, rows: Iterable<UsageRow>): CounterTotals[]
  /** Bids for this call alone are taken from now on, until it is closed; its number must have live bidding. */
  openBidding(callId: CallId): void
  closeBidding(callId: CallId): void
  /** The call is over, and so are the bids for it. */
  forgetBidding(callId: CallId): void
  isBiddingOpen(callId: CallId): boolean
  /** Which bidders a call is worth asking: those of its vertical that could win it with the most they pay; and why the others could not. */
  biddersFor(request: AuctionRequest): BiddersFor
  /** What a bidder offers for this call, until it is over. Null: it takes part; else why not. */
  offer(request: AuctionRequest, id: BidderId, amountMicros: Micros, billableAfter: number | null): OfferRefusal | null
  /** The call that a ping's offers were made for has come. */
  moveOffers(from: CallId, to: CallId): void
  /** Whether a bid is in the book: one for a call came in time. */
  hasBid(id: BidId): boolean
  /** Counts the calls sold before this start; the campaigns must have been applied. */
  restore(rows: Iterable<UsageRow>): void
  stats(): RoutingStats
}

/** 10 */
const MAX_AWARDS = 10
/** 500 */
const MAX_NON_BIDS = 500
const NO_CONSENTS: NonNullable<AuctionRequest['consents']> = []
/** Why a campaign does not buy a call that it asks for. */
const COULD_BUY: ReadonlySet<NonBidCode> = new Set(['outbid', 'paced', 'budget_exhausted'])

/** What a routing may be given that has been filled already: for auctions that are held again. */
interface RoutingParts {
  readonly book: BidBook
  readonly performance: Pick<Performance, 'add' | 'factor'>
  readonly competition: Competition
  readonly turns: Pick<Turns, 'lastOf' | 'take'>
}

export function createRouting(
  needs: RoutingNeeds,
  options: RoutingOptions = {},
  parts: Partial<RoutingParts> = {},
): Routing {
  const { maxAwards = MAX_AWARDS, maxNonBids = MAX_NON_BIDS, keepsInputs = false, qualityOf } = options
  const { book = new BidBook(() => needs.clock.now()), performance = new Performance() } = parts
  const { competition = new Competition(), turns = new Turns() } = parts
  const outcomes = new AllOutcomes()
  const eligibility = new Eligibility(needs, performance, qualityOf, outcomes)

  function reserveOf({ number }: AuctionRequest): number {
    const own = number.reservePriceMicros
    const sellers = book.accountOf(number.accountId).account?.reservePriceMicros ?? 0n
    return Number(own > sellers ? own : sellers)
  }

  function factsOf(request: AuctionRequest): CallFacts {
    const { number, currency, places, zip, receivedAtMs, tags, consents, attestation = null, isPing = false } = request
    return {
      vertical: verticalKey(number.vertical),
      caller: callerPlaceOf(places, zip),
      currency,
      maxBillableAfter: number.maxBillableAfter,
      reserveMicros: reserveOf(request),
      atMs: receivedAtMs,
      sellerId: number.accountId,
      numberId: number.id,
      tags: tags === undefined ? number.tags : { ...number.tags, ...tags },
      consents: consents ?? NO_CONSENTS,
      attestation,
      isCall: !isPing,
    }
  }
  // Reused by every auction: none is ever in progress when another begins.
  const found: StandingBid[] = []
  const eligible: StandingBid[] = []
  /** Eligible, but for a target that is down. */
  const down: StandingBid[] = []
  const outbidOnes: StandingBid[] = []
  const losers: NonBid[] = []
  /** How many of them are this auction's. */
  let lost = 0
  const bidderShares = new FairShares(MOST_OFFERS)
  let reservations = 0

  function onReservationEnd(): void {
    reservations--
  }

  /** Why the seller may sell no more calls now. */
  function judgeSeller(sellerId: AccountId, atMs: number): NonBidCode | null {
    const code = book.accountOf(sellerId).usage.judge(atMs)
    if (code === null) return null
    return code === 'cap' ? 'seller_cap' : 'seller_concurrency'
  }

  function compete(bid: StandingBid, { id }: DialledNumber, lowestMicros: number): void {
    const factor = competition.factor(id, bid.buyerId, bid.quality, bid.amountMicros, lowestMicros)
    lessen(bid, 'competition', factor, lowestMicros)
  }

  /** Bids made for this call alone: they are judged whole, since no index has chosen them. */
  function addLiveBids(request: AuctionRequest, facts: CallFacts): void {
    if (request.nonBids) for (const nonBid of request.nonBids) losers[lost++] = nonBid
    addBidsOf(book.bidders.offersFor(request.callId), facts)
    if (request.number.liveBiddingMs > 0) addBidsOf(book.bidsForCall(request.callId), facts)
  }

  function addBidsOf(bids: Iterable<StandingBid>, facts: CallFacts): void {
    for (const bid of bids) {
      const code = bid.standstill ?? bid.judgeVertical(facts.vertical)
      if (code === null) found.push(bid)
      else lose(bid, code)
    }
  }

  function lose(bid: StandingBid, code: NonBidCode): void {
    losers[lost++] = bid.lost(code)
  }

  /** An auction has closed whose call is there. */
  function hasSold({ numberId, priceRule, strategy, awards }: Auction): void {
    if (priceRule === 'first' && strategy === undefined) competition.closed(numberId, awards)
    if (strategy === 'round_robin' && awards[0]) turns.take(numberId, awards[0].targetId)
  }

  function toAward({ candidate, priceMicros }: Ranked<StandingBid>, index: number, isByKey: boolean): Award {
    const { bid, campaign, quality, amountMicros, factors, rankKey } = candidate
    const pricing = campaign.campaign?.pricing
    const award: Writable<Award> = {
      id: needs.newId<AwardId>(),
      rank: index + 1,
      bidId: bid.id,
      campaignId: bid.campaignId,
      buyerId: bid.accountId,
      targetId: bid.targetId,
      amountMicros: bid.amountMicros,
      score: isByKey ? BigInt(rankKey) : product(amountMicros, quality),
      priceMicros: BigInt(priceMicros),
      billableAfter: bid.billableAfter,
    }
    if (factors !== null) award.effective = { micros: BigInt(amountMicros), factors }
    if (quality !== NEUTRAL_QUALITY) award.quality = quality
    if (pricing?.type === 'minute') award.minutes = minutesOf(candidate, pricing, priceMicros)
    else if (pricing) award.conversion = pricing
    return award
  }

  return {
    apply: (change) => book.apply(change),
    setUnreachable: (targetId, why) => book.setUnreachable(targetId, why),

    auction(request) {
      down.length = 0
      lost = 0
      const { number, ani, exclusions = null } = request
      const plan = number.routing ?? null
      const facts = factsOf(request)
      const sellerCode = judgeSeller(facts.sellerId, facts.atMs)
      const lowestMicros = lowestPrice(facts.reserveMicros)
      book.index.collect(facts.vertical, facts.caller, facts.atMs, found)
      const neverProduced = book.standing - found.length
      addLiveBids(request, facts)
      const mayCompete = plan === null && number.priceRule === 'first'
      eligibility.begin(facts, ani, lowestMicros)
      let pass = 0
      for (let i = 0; i < found.length; i++) {
        const bid = found[i]!
        const out = exclusions && exclusionOf(exclusions, bid.buyerId, bid.bid.campaignId)
        const code = sellerCode ?? out ?? eligibility.judge(bid)
        if (code !== null) lose(bid, code)
        else {
          if (mayCompete && bid.campaign.campaign!.factors?.competition === true) compete(bid, number, lowestMicros)
          if (bid.target.isDown) down.push(bid)
          else eligible[pass++] = bid
        }
      }
      if (eligible.length !== pass) eligible.length = pass
      // A target may take calls though it drops OPTIONS: better rung in vain than a sale lost.
      if (eligible.length === 0) eligible.push(...down)
      else for (const bid of down) lose(bid, 'target_down')
      const isByKey = isRankedByKey(plan)
      const priceRule = isByKey ? 'first' : number.priceRule
      const terms = {
        reserveMicros: facts.reserveMicros,
        priceRule,
        softFloorMicros: number.softFloorMicros == null ? null : Number(number.softFloorMicros),
        maxAwards,
      }
      const id = needs.newId<AuctionId>()
      const how = { facts, seed: plan === null ? 0 : seedOf(id), terms }
      const ranking =
        plan === null ? rankBids(eligible, terms, outbidOnes) : rankByPlan(eligible, plan, how, { outcomes, turns })
      const { awards, unaffordable, outbid } = ranking
      for (const bid of unaffordable) lose(bid, bid.payableBy)
      const decidedAtMs = needs.clock.now()
      const inputs = keepsInputs
        ? keepInputs(book, needs, {
            request,
            candidates: found,
            decisive: () => decisiveOf(awards, unaffordable, outbid),
            stamp: eligibility.auction,
            decidedAtMs,
            maxAwards,
            maxNonBids,
            quality: (state) => qualityOf?.(state.target!.id) ?? state.outcomes?.quality(facts.atMs) ?? NEUTRAL_QUALITY,
            performance,
            competition,
            talkSeconds: ({ outcomes: own }) => (own ?? outcomes).talkSeconds(facts.atMs),
            success: ({ outcomes: own }) =>
              plan?.strategy === 'predictive'
                ? (own?.success(facts.atMs) ?? outcomes.unknownSuccess(facts.atMs))
                : null,
            turn: ({ target }) => (plan?.strategy === 'round_robin' ? turns.lastOf(number.id, target!.id) : 0),
          })
        : null
      const tooMany = Math.max(0, lost + outbid.length - maxNonBids)
      lost = Math.min(lost, maxNonBids)
      const named = Math.min(outbid.length, maxNonBids - lost)
      for (let i = 0; i < named; i++) lose(outbid[i]!, 'outbid')
      const auction: Writable<Auction> = {
        id,
        callId: request.callId,
        numberId: number.id,
        vertical: number.vertical,
        currency: request.currency,
        reservePriceMicros: BigInt(facts.reserveMicros),
        priceRule,
        awards: awards.map((award, i) => toAward(award, i, isByKey)),
        nonBids: losers.slice(0, lost),
        nonBidsOmitted: neverProduced + tooMany,
        decidedAt: new Date(decidedAtMs),
      }
      if (plan !== null) auction.strategy = plan.strategy
      if (inputs !== null) auction.inputs = inputs
      if (facts.isCall) hasSold(auction)
      return auction
    },

    cameAfter(auction, atMs) {
      const { awards, nonBids } = auction
      hasSold(auction)
      const offered = new Set<CampaignId>()
      for (const { campaignId } of awards) offered.add(campaignId)
      for (const { campaignId, code } of nonBids) if (COULD_BUY.has(code)) offered.add(campaignId)
      for (const id of offered) book.campaignOf(id).pacing?.count(atMs)
    },

    learn(outcome) {
      outcomes.add(book.targetOf(outcome.targetId), outcome.atMs, outcome.kind, outcome.count ?? 1)
      performance.add(outcome)
    },

    qualityOf: (targetId) => book.targetOf(targetId).outcomes?.describe(needs.clock.now()) ?? null,

    explain: (request, auction) => explainAuction(book, factsOf(request), auction, maxNonBids),

    reserve(award, callId, ani, atMs, sellerId = null) {
      const bid = book.find(award.bidId) ?? book.bidders.findOffer(callId, award.bidId)
      if (bid === undefined) return 'bid_paused' // It was taken back since the auction.
      const bySeller = sellerId === null ? null : judgeSeller(sellerId, atMs)
      const code = bySeller ?? bid.standstill ?? judgePlaces(bid, ani, atMs)
      if (code !== null) return code
      const { minutes } = award
      const priceMicros = Number(minutes ? mostOfMinutes(minutes.rateMicros, minutes) : award.priceMicros)
      const isLowered = minutes ? bid.bid.amountMicros < minutes.rateMicros : bid.wholeMicros < priceMicros
      if (isLowered) return 'bid_lowered'
      if (bid.campaign.usage.leftMicros(atMs) < priceMicros) return 'budget_exhausted'
      reservations++
      const seller = sellerId === null ? null : book.accountOf(sellerId).usage
      return takePlaces(bid, seller, ani, atMs, priceMicros, onReservationEnd)
    },

    claim: (claimed) => claimOf(book, claimed),
    lookBackMs: (buyerId) => book.accountOf(buyerId).callers.keptMs,
    totals: (accountId, rows) => totalsOf(book, accountId, rows),

    openBidding: (callId) => book.openCall(callId),
    closeBidding: (callId) => book.closeCall(callId),
    forgetBidding: (callId) => book.forgetCall(callId),
    isBiddingOpen: (callId) => book.isOpen(callId),
    hasBid: (id) => book.find(id) !== undefined,

    biddersFor(request) {
      if (book.bidders.size === 0) return NO_BIDDERS
      const { ani, exclusions = null } = request
      const facts = { ...factsOf(request), isPreview: true } as const
      if (judgeSeller(facts.sellerId, facts.atMs) !== null) return NO_BIDDERS
      eligibility.begin(facts, ani, lowestPrice(facts.reserveMicros))
      const able: StandingBid[] = []
      const nonBids: NonBid[] = []
      for (const bid of book.bidders.ofVertical(facts.vertical)) {
        const out = exclusions && exclusionOf(exclusions, bid.buyerId, bid.bid.campaignId)
        const standing = bid.standstill ?? bid.judgeVertical(facts.vertical)
        const code = out ?? standing ?? eligibility.judge(bid)
        if (code === null) able.push(bid)
        else nonBids.push(bid.lost(code))
      }
      const { taken, left } = bidderShares.share(able)
      for (const bid of left) nonBids.push(bid.lost('bidder_busy'))
      return { asked: taken.map(({ bid }) => bid.id as unknown as BidderId), nonBids }
    },

    offer: (request, id, ...said) => book.bidders.offer(request.callId, id, ...said, reserveOf(request)),
    moveOffers: (from, to) => book.bidders.move(from, to),

    restore(rows) {
      for (const row of rows) restoreUsage(book, row)
    },

    stats: () => ({ bids: book.size, activeBids: book.index.size, campaigns: book.campaignCount, reservations }),
  }
}

function restoreUsage(book: BidBook, row: UsageRow): void {
  const { campaignId, targetId = null, sellerId = null, awardedAtMs, priceMicros, isConverted, ani, calls = 1 } = row
  const campaign = book.campaignOf(campaignId)
  const buyer = campaign.campaign === null ? null : book.accountOf(campaign.campaign.accountId)
  if (calls > 0) {
    const counters = [campaign.usage, buyer?.usage]
    if (targetId !== null) counters.push(book.targetOf(targetId).usage)
    if (sellerId !== null) counters.push(book.accountOf(sellerId).usage)
    for (const counter of counters) counter?.restore(awardedAtMs, Number(priceMicros), calls)
  }
  if (buyer === null || ani === null) return
  buyer.callers.add(ani, { atMs: awardedAtMs, campaignId, targetId, isConverted })
}

/**
 * What an award by the minute is sold at: the price of a minute at which the expected seconds come to its price. One that pays all it bid
 * pays that of each minute, whatever rounding made of the expected sum.
 */
function minutesOf(
  { bid, amountMicros, wholeMicros, expectedSeconds }: StandingBid,
  pricing: MinutePricing,
  priceMicros: number,
): MinuteTerms {
  const whole = BigInt(wholeMicros)
  const own = amountMicros === wholeMicros ? bid.amountMicros : (bid.amountMicros * BigInt(amountMicros)) / whole
  const paysAll = priceMicros >= amountMicros - (amountMicros % Number(CENT))
  const wanted = paysAll ? own : rateFor(BigInt(priceMicros), expectedSeconds)
  return { ...pricing, rateMicros: wanted < own ? wanted : own, expectedSeconds }
}

/** One bigint where three would be made, while it is small enough to be exact. */
function product(amountMicros: number, quality: number): bigint {
  const plain = amountMicros * quality
  return plain <= Number.MAX_SAFE_INTEGER ? BigInt(plain) : BigInt(amountMicros) * BigInt(quality)
}
