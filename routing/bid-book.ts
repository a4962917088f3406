import type { BookChange } from '../model/book.ts'
import type { Bid, Campaign, Criteria, NonBidCode, TimeWindow } from '../model/bid.ts'
import type { AccountId, BidId, CallId, CampaignId, TargetId } from '../model/ids.ts'
import { BidIndex, verticalsOf } from './bid-index.ts'
import { BidderBook } from './bidders/bidder-book.ts'
import { CallCounter } from './call-counter.ts'
import { CallerHistory } from './caller-history.ts'
import { CampaignUsage } from './campaign-usage.ts'
import { WallClocks, type WallClock } from './opening.ts'
import { Pacing } from './pacing.ts'
import { NEUTRAL_QUALITY } from './quality.ts'
import {
  conditionsOf,
  NO_CONDITIONS,
  StandingBid,
  type AccountState,
  type CampaignState,
  type TargetState,
} from './standing-bid.ts'

const ANY_VERTICAL = ''
/** Most bids for one call: more buyers than that cannot be told apart in two seconds. */
const MOST_LIVE_BIDS = 1000
/** Of which so many may be one buyer's: nobody shuts the others out. */
const MOST_LIVE_BIDS_OF_BUYER = 20

/**
 * Every bid with its campaign, buyer and target joined, kept current by changes that may come in any order: a bid whose
 * campaign has not been heard of yet stands still until it is.
 */
export class BidBook {
  readonly index = new BidIndex()
  readonly bidders: BidderBook
  readonly #clocks = new WallClocks()
  readonly #now: () => number
  readonly #bids = new Map<BidId, StandingBid>()
  readonly #accounts = new Map<AccountId, AccountState>()
  readonly #targets = new Map<TargetId, TargetState>()
  readonly #campaigns = new Map<CampaignId, CampaignState>()
  readonly #byCall = new Map<CallId, Set<StandingBid>>()
  /** Calls whose bidding is open: bids for others, and those of earlier lives of this process, are not kept. */
  readonly #open = new Set<CallId>()
  /** Standing bids by vertical, idle ones included: the order in which losers are explained. */
  readonly #byVertical = new Map<string, Set<StandingBid>>()
  #standing = 0

  constructor(now: () => number) {
    this.#now = now
    this.bidders = new BidderBook(this, this.#clocks, now)
  }

  /** All bids, those for one call included. */
  get size(): number {
    return this.#bids.size
  }
  /** Bids that stand for every call, whether or not they are active now. */
  get standing(): number {
    return this.#standing
  }
  get campaignCount(): number {
    return this.#campaigns.size
  }

  apply(change: BookChange): void {
    switch (change.kind) {
      case 'account': {
        const account = this.accountOf(change.id)
        account.account = change.value
        account.usage.setLimits(change.value?.timezone ?? 'UTC', change.value?.caps ?? null)
        for (const id of account.targets) this.#limitTarget(this.targetOf(id)) // Its periods are its account's.
        this.#settle(account)
        break
      }
      case 'target': {
        const target = this.targetOf(change.id)
        target.target = change.value
        if (change.value !== null) this.accountOf(change.value.accountId).targets.add(change.id)
        this.#limitTarget(target)
        this.#settle(target)
        break
      }
      case 'campaign':
        this.#applyCampaign(change.id, change.value)
        break
      case 'bid':
        this.#applyBid(change.id, change.value)
        break
      case 'bidder':
        this.bidders.apply(change.id, change.value)
        break
      case 'trunk':
      case 'sip-user':
      case 'number':
      case 'dnc':
      case 'consent':
      case 'compliance-rule':
      case 'suppression-list':
      case 'fraud-block':
      case 'webhook':
      case 'posting': // These are for others.
    }
  }

  /** Bids on a target that is known not to answer stand for no call until it does. */
  setUnreachable(id: TargetId, why: NonBidCode | null): void {
    const target = this.targetOf(id)
    if (target.unreachable === why) return
    target.unreachable = why
    this.#settle(target)
  }

  find(id: BidId): StandingBid | undefined {
    return this.#bids.get(id)
  }

  /** The campaign's state, made empty if it has not been heard of. */
  campaignOf(id: CampaignId): CampaignState {
    let state = this.#campaigns.get(id)
    if (state === undefined) {
      state = {
        campaign: null,
        conditions: NO_CONDITIONS,
        schedule: null,
        usage: new CampaignUsage(),
        pacing: null,
        pacingFactor: 1000,
        pacedIn: 0,
        keptBy: 0,
        keptAs: 0,
        judgedIn: 0,
        passes: false,
        payableMicros: 0,
        payableBy: 'insufficient_credit',
        bids: new Set(),
      }
      this.#campaigns.set(id, state)
    }
    return state
  }

  /** From now on bids for this call are taken. */
  openCall(callId: CallId): void {
    this.#open.add(callId)
  }

  /** No more bids for it are; those that have come stay. */
  closeCall(callId: CallId): void {
    this.#open.delete(callId)
  }

  /** Lets go of the bids for a call that is over. */
  forgetCall(callId: CallId): void {
    this.#open.delete(callId)
    this.bidders.forget(callId)
    for (const bid of this.#byCall.get(callId) ?? []) this.#forget(bid)
  }

  isOpen(callId: CallId): boolean {
    return this.#open.has(callId)
  }

  /** Bids made for this one call. */
  bidsForCall(callId: CallId): Iterable<StandingBid> {
    return this.#byCall.get(callId) ?? []
  }

  /** Standing bids, those that could be of this vertical first. A bid of several other verticals comes more than once. */
  *inOrderOfInterest(vertical: string): Generator<StandingBid> {
    yield* this.#byVertical.get(vertical) ?? []
    yield* this.#byVertical.get(ANY_VERTICAL) ?? []
    for (const [name, bids] of this.#byVertical) if (name !== vertical && name !== ANY_VERTICAL) yield* bids
  }

  #applyCampaign(id: CampaignId, value: Campaign | null): void {
    const state = this.campaignOf(id)
    const before = state.campaign
    state.campaign = value
    if (value !== null) {
      state.usage.setLimits(value.timezone, value.caps)
      state.usage.setBudget(value.budget)
      if (value.frequency !== null) this.accountOf(value.accountId).callers.keep(value.frequency.hours)
    }
    const isRated = !isSameData(before?.pricing ?? null, value?.pricing ?? null)
    if (isRated) for (const bid of state.bids) bid.weigh()
    if (value !== null && before !== null && isSameMarket(before, value)) {
      if (before.status !== value.status || isRated) this.#settle(state)
      this.#pace(state)
      return // Budgets, caps and names move no bid in the index: a campaign may have very many.
    }
    for (const bid of state.bids) this.#takeOut(bid)
    state.conditions = value === null ? NO_CONDITIONS : conditionsOf(value.criteria, this.#clocks)
    state.schedule = value?.schedule ? this.#clocks.openingOf(value.schedule) : null
    this.#pace(state)
    for (const bid of state.bids) this.#putIn(bid)
  }

  /** What its pacing has learned stays for as long as it is even. */
  #pace(state: CampaignState): void {
    const { campaign, conditions, schedule } = state
    if (campaign?.pacing !== 'even') {
      state.pacing = null
      return
    }
    const isOpen = (ms: number): boolean => schedule?.isOpen(ms) !== false && conditions.opening?.isOpen(ms) !== false
    if (state.pacing === null) state.pacing = new Pacing(campaign.timezone, isOpen)
    else state.pacing.configure(campaign.timezone, isOpen)
  }

  /** A target's caps go by the days of its account. */
  #limitTarget({ target, usage }: TargetState): void {
    const caps = target?.caps ? { ...target.caps, concurrent: null } : null
    usage.setLimits((target && this.accountOf(target.accountId).account?.timezone) ?? 'UTC', caps)
  }

  #applyBid(id: BidId, value: Bid | null): void {
    const before = this.#bids.get(id)
    if (before !== undefined && value !== null && isSamePlace(before.bid, value)) {
      const previousStatus = before.bid.status
      before.update(value)
      before.modifierClock = this.#modifierClockOf(value)
      before.changedAtMs = this.#now()
      if (previousStatus !== value.status) this.#reindex(before)
      return // A streamed amount or status: the bid keeps its place.
    }
    if (before !== undefined) this.#forget(before)
    if (value === null || (value.callId !== null && !this.#mayBid(value.callId, value.accountId))) return
    const parts = {
      campaign: this.campaignOf(value.campaignId),
      buyer: this.accountOf(value.accountId),
      target: this.targetOf(value.targetId),
    }
    const conditions = conditionsOf(value.criteria, this.#clocks)
    const bid = new StandingBid(value, parts, conditions, this.#modifierClockOf(value), this.#now(), before?.places)
    this.#bids.set(id, bid)
    for (const part of [bid.campaign, bid.buyer, bid.target]) part.bids.add(bid)
    if (value.callId === null) this.#standing++
    else addTo(this.#byCall, value.callId, bid)
    this.#putIn(bid)
  }

  #modifierClockOf({ modifiers }: Bid): WallClock | null {
    if (!modifiers || Object.keys(modifiers.hours).length === 0) return null
    return this.#clocks.find(modifiers.timezone)
  }

  #mayBid(callId: CallId, buyerId: AccountId): boolean {
    if (!this.#open.has(callId)) return false
    const bids = this.#byCall.get(callId)
    if (bids === undefined) return true
    let own = 0
    for (const bid of bids) if (bid.buyerId === buyerId) own++
    return bids.size < MOST_LIVE_BIDS && own < MOST_LIVE_BIDS_OF_BUYER
  }

  #forget(bid: StandingBid): void {
    this.#takeOut(bid)
    this.#bids.delete(bid.bid.id)
    for (const part of [bid.campaign, bid.buyer, bid.target]) part.bids.delete(bid)
    if (bid.bid.callId === null) this.#standing--
    else removeFrom(this.#byCall, bid.bid.callId, bid)
  }

  /** Something the bids of this part share has changed: whether they stand still is seen anew. */
  #settle(part: { readonly bids: ReadonlySet<StandingBid> }): void {
    for (const bid of part.bids) {
      bid.changedAtMs = this.#now()
      this.#reindex(bid)
    }
  }

  #reindex(bid: StandingBid): void {
    const stands = bid.bid.callId === null && bid.standstill === null
    if (stands === this.index.has(bid)) return
    if (stands) this.index.add(bid)
    else this.index.remove(bid)
  }

  #putIn(bid: StandingBid): void {
    bid.changedAtMs = this.#now()
    if (bid.bid.callId !== null) return
    for (const vertical of shelvesOf(bid)) addTo(this.#byVertical, vertical, bid)
    this.#reindex(bid)
  }

  #takeOut(bid: StandingBid): void {
    this.index.remove(bid)
    for (const vertical of shelvesOf(bid)) removeFrom(this.#byVertical, vertical, bid)
  }

  /** The state of a buyer or seller, made empty if it has not been heard of. */
  accountOf(id: AccountId): AccountState {
    let state = this.#accounts.get(id)
    if (state === undefined)
      this.#accounts.set(
        id,
        (state = {
          account: null,
          usage: new CallCounter(),
          callers: new CallerHistory(),
          availableMicros: 0,
          seenBy: 0,
          keptBy: 0,
          keptAs: 0,
          targets: new Set(),
          bids: new Set(),
        }),
      )
    return state
  }

  /** The target's state, made empty if it has not been heard of. */
  targetOf(id: TargetId): TargetState {
    let state = this.#targets.get(id)
    if (state === undefined)
      this.#targets.set(
        id,
        (state = {
          target: null,
          unreachable: null,
          outcomes: null,
          keptBy: 0,
          keptAs: 0,
          usage: new CallCounter(),
          judgedIn: 0,
          passes: false,
          isDown: false,
          quality: NEUTRAL_QUALITY,
          bids: new Set(),
        }),
      )
    return state
  }
}

/** Where a bid is listed for explanations: a bid that its campaign leaves no vertical at all is listed under its own. */
function shelvesOf(bid: StandingBid): Iterable<string> {
  const verticals = verticalsOf(bid)
  return (verticals?.size === 0 ? bid.conditions.verticals : verticals) ?? [ANY_VERTICAL]
}

function addTo<K, V>(map: Map<K, Set<V>>, key: K, value: V): void {
  const set = map.get(key)
  if (set === undefined) map.set(key, new Set([value]))
  else set.add(value)
}

function removeFrom<K, V>(map: Map<K, Set<V>>, key: K, value: V): void {
  const set = map.get(key)
  if (set?.delete(value) && set.size === 0) map.delete(key)
}

/** Whether a campaign still asks for the same calls. */
function isSameMarket(a: Campaign, b: Campaign): boolean {
  return isSameWindow(a.schedule, b.schedule) && isSameCriteria(a.criteria, b.criteria)
}

/** Whether a bid still belongs where the index has it. */
function isSamePlace(a: Bid, b: Bid): boolean {
  return (
    a.campaignId === b.campaignId &&
    a.targetId === b.targetId &&
    a.accountId === b.accountId &&
    a.callId === b.callId &&
    isSameCriteria(a.criteria, b.criteria)
  )
}

function isSameCriteria(a: Criteria, b: Criteria): boolean {
  if (a === b) return true
  if (!isSameList(a.verticals, b.verticals) || !isSameWindow(a.timeWindow, b.timeWindow)) return false
  if (!isSameData(a.tags, b.tags) || !isSameData(a.sellers, b.sellers)) return false
  if (!isSameData(a.consent, b.consent) || (a.minAttestation ?? null) !== (b.minAttestation ?? null)) return false
  const [one, other] = [a.geography, b.geography]
  if (one === null || other === null) return one === other
  return (
    isSameList(one.states, other.states) &&
    isSameList(one.cities, other.cities) &&
    isSameList(one.zips, other.zips) &&
    one.circle?.lat === other.circle?.lat &&
    one.circle?.lon === other.circle?.lon &&
    one.circle?.radiusMiles === other.circle?.radiusMiles
  )
}

function isSameWindow(a: TimeWindow | null, b: TimeWindow | null): boolean {
  if (a === null || b === null) return a === b
  return (
    a.startMinute === b.startMinute &&
    a.endMinute === b.endMinute &&
    a.timezone === b.timezone &&
    isSameList(a.days, b.days) &&
    isSameData(a.breaks, b.breaks) &&
    isSameData(a.holidays, b.holidays)
  )
}

/** For small things that are rarely there. */
function isSameData(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}

function isSameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i])
}
