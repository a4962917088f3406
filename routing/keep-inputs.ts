import {
  DECISION_RULES,
  type AccountThen,
  type BidThen,
  type CampaignThen,
  type DecisionInputs,
  type RequestThen,
  type TargetThen,
  type UsageThen,
} from '../model/decision.ts'
import type { GivenConsent } from '../model/consent.ts'
import type { AccountId, ConsentId } from '../model/ids.ts'
import type { PhoneNumber } from '../model/phone-number.ts'
import type { Writable } from '../model/writable.ts'
import type { Ranked } from './auction.ts'
import type { BidBook } from './bid-book.ts'
import type { CallCounter } from './call-counter.ts'
import type { Competition } from './competition.ts'
import type { RoutingNeeds } from './needs.ts'
import type { Performance } from './performance.ts'
import type { AuctionRequest } from './auction-request.ts'
import type { AccountState, CampaignState, StandingBid, TargetState } from './standing-bid.ts'

const ON_RECORD = 'on record' as ConsentId

/** What an auction knows of itself that its inputs are kept by. */
export interface HeldAuction {
  readonly request: AuctionRequest
  /** All that were looked at, in that order. */
  readonly candidates: readonly StandingBid[]
  /** Those without which it would have come out otherwise, should not all be kept. */
  readonly decisive: () => Iterable<StandingBid>
  /** Its number: what its candidates were last asked in. */
  readonly stamp: number
  readonly decidedAtMs: number
  readonly maxAwards: number
  readonly maxNonBids: number
  readonly quality: (target: TargetState) => number
  readonly talkSeconds: (target: TargetState) => number
  readonly success: (target: TargetState) => TargetThen['success']
  readonly turn: (target: TargetState) => number
  readonly performance: Pick<Performance, 'factor'>
  readonly competition: Competition
}

/**
 * Takes down what an auction was decided by, before anything changes it: the book's own objects, which never change, and copies of what
 * was counted. Nothing is put into words here; that has time until the call is written down.
 */
export function keepInputs(book: BidBook, needs: RoutingNeeds, held: HeldAuction): DecisionInputs {
  const { request, stamp, decidedAtMs, maxAwards, maxNonBids } = held
  const {
    callId,
    number,
    currency,
    ani,
    places,
    zip,
    receivedAtMs: atMs,
    tags = null,
    isPing = false,
    exclusions = null,
    consents = null,
    attestation = null,
    nonBids,
  } = request
  const buyers: AccountThen[] = []
  const targets: TargetThen[] = []
  const campaigns: CampaignThen[] = []

  // Each is asked only for what is not kept yet: a function made for every candidate took as long as the auction.
  const keepBuyer = (state: AccountState): void => {
    const { account, availableMicros, seenBy } = state
    const available = seenBy === stamp ? availableMicros : Number(needs.availableMicros(account!.id))
    state.keptBy = stamp
    state.keptAs = buyers.push(accountThen(state, atMs, ani, available)) - 1
  }
  const keepTarget = (state: TargetState): void => {
    const target = state.target!
    const then = {
      target,
      usage: usageOf(state.usage, target.caps, target.maxConcurrentCalls, atMs),
      isDown: needs.isTargetUp?.(target.id) === false,
      unreachable: state.unreachable,
      quality: held.quality(state),
      success: held.success(state),
      turn: held.turn(state),
    }
    state.keptBy = stamp
    state.keptAs = targets.push(then) - 1
  }
  const keepCampaign = (state: CampaignState): void => {
    const campaign = state.campaign!
    const then = {
      campaign,
      usage: state.usage.usageAt(atMs),
      pacing: state.pacing !== null && state.pacedIn === stamp ? state.pacingFactor : null,
      performance:
        campaign.factors?.performance === true ? held.performance.factor(campaign.id, number.accountId, atMs) : null,
    }
    state.keptBy = stamp
    state.keptAs = campaigns.push(then) - 1
  }

  const most = maxAwards + maxNonBids
  const all = held.candidates
  const kept = all.length <= most ? all : firstOf(held.decisive(), all, most)
  const bids = kept.map(({ bid, buyer, target, campaign, places: own }): BidThen => {
    if (buyer.keptBy !== stamp) keepBuyer(buyer)
    if (target.keptBy !== stamp) keepTarget(target)
    if (campaign.keptBy !== stamp) keepCampaign(campaign)
    const then = { bid, buyer: buyer.keptAs, target: target.keptAs, campaign: campaign.keptAs, inUse: own.count }
    return campaign.campaign?.pricing?.type === 'minute' ? { ...then, talkSeconds: held.talkSeconds(target) } : then
  })
  const seller = book.accountOf(number.accountId)
  const asked: Writable<RequestThen> = {
    callId,
    number,
    currency,
    isCallerKnown: ani !== null,
    places,
    zip,
    receivedAtMs: atMs,
    tags,
    isPing,
  }
  if (exclusions !== null) asked.exclusions = exclusions
  if (consents !== null) asked.consents = consents.map(withoutPerson)
  if (attestation !== null) asked.attestation = attestation
  if (nonBids) asked.nonBids = nonBids
  return {
    rules: DECISION_RULES,
    request: asked,
    decidedAtMs,
    maxAwards,
    maxNonBids,
    seller: seller.account === null ? null : accountThen(seller, atMs, null, null),
    buyers,
    targets,
    campaigns,
    bids,
    closed: campaigns.some(({ campaign }) => campaign.factors?.competition) ? held.competition.of(number.id) : [],
    bidsOmitted: all.length - kept.length,
  }
}

/** As much of a consent as was decided by: not whose it is. */
function withoutPerson(consent: GivenConsent): GivenConsent {
  return { ...consent, id: consent.id === null ? null : ON_RECORD, zip: null }
}

function accountThen(
  { account, usage, callers }: AccountState,
  atMs: number,
  ani: PhoneNumber | null,
  availableMicros: number | null,
): AccountThen {
  return {
    account: account!,
    usage: usageOf(usage, account!.caps, null, atMs),
    availableMicros,
    contacts: ani === null ? [] : callers.contactsOf(ani),
  }
}

function usageOf(
  counter: CallCounter,
  caps: object | null | undefined,
  concurrent: number | null,
  atMs: number,
): UsageThen | null {
  return caps || concurrent !== null ? counter.usageAt(atMs) : null
}

/** The candidates that an auction came out by: those ranked, and of the others the two of different buyers that are worth most. */
export function* decisiveOf(
  awards: readonly Ranked<StandingBid>[],
  unaffordable: readonly StandingBid[],
  outbid: readonly StandingBid[],
): Generator<StandingBid> {
  for (const { candidate } of awards) yield candidate
  yield* unaffordable
  const best = bestOf(outbid, null)
  if (best === null) return
  yield best
  const ofAnother = bestOf(outbid, best.buyerId)
  if (ofAnother !== null) yield ofAnother
}

function bestOf(bids: readonly StandingBid[], notOf: AccountId | null): StandingBid | null {
  let best: StandingBid | null = null
  let bestScore = 0n
  for (const bid of bids) {
    if (bid.buyerId === notOf) continue
    // As the prices of those above count it: no higher than its money goes.
    const score = BigInt(Math.min(bid.amountMicros, bid.payableMicros)) * BigInt(bid.quality)
    if (best !== null && score <= bestScore) continue
    best = bid
    bestScore = score
  }
  return best
}

function firstOf(first: Iterable<StandingBid>, all: readonly StandingBid[], most: number): readonly StandingBid[] {
  const kept = new Set(first)
  for (const bid of all) {
    if (kept.size >= most) break
    kept.add(bid)
  }
  return [...kept]
}
