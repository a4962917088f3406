import type { NonBid } from '../../model/auction.ts'
import type { Bid } from '../../model/bid.ts'
import type { Bidder } from '../../model/bidder.ts'
import type { AccountId, BidderId, BidId, CallId, CampaignId, TargetId } from '../../model/ids.ts'
import type { Micros } from '../../model/money.ts'
import { meetsReserve } from '../auction.ts'
import type { WallClocks } from '../opening.ts'
import { PlacesInUse } from '../places-in-use.ts'
import {
  conditionsOf,
  StandingBid,
  verticalKey,
  type AccountState,
  type CampaignState,
  type TargetState,
} from '../standing-bid.ts'

const ANY_VERTICAL = ''
/** Offers of bidders for one call: more than this are not asked, nor taken. */
export const MOST_OFFERS = 1000

/** Why an offer takes no part: it is below the reserve; or its bidder has gone, or the call has its most offers. */
export type OfferRefusal = 'below_reserve' | 'bidder_busy'

/** Whom a call is worth asking, and why it is not worth asking the others. */
export interface BiddersFor {
  readonly asked: readonly BidderId[]
  readonly nonBids: readonly NonBid[]
}

export const NO_BIDDERS: BiddersFor = { asked: [], nonBids: [] }

/** Where the states are that a bidder shares with the bids of its buyer. */
interface States {
  campaignOf(id: CampaignId): CampaignState
  accountOf(id: AccountId): AccountState
  targetOf(id: TargetId): TargetState
}

/** Its offers bear its id: of one call it has one, and reports of bids count them all as its own. */
export function bidOf(id: BidderId): BidId {
  return id as unknown as BidId
}

/**
 * Bidders as the auction judges them, each as a bid of the most it may pay: whoever could not win with that is not asked. What they answer is a
 * bid of that call alone, which shares its places.
 */
export class BidderBook {
  readonly #states: States
  readonly #clocks: WallClocks
  readonly #now: () => number
  readonly #bidders = new Map<BidderId, StandingBid>()
  readonly #byVertical = new Map<string, Set<StandingBid>>()
  readonly #offers = new Map<CallId, Map<BidId, StandingBid>>()

  constructor(states: States, clocks: WallClocks, now: () => number) {
    this.#states = states
    this.#clocks = clocks
    this.#now = now
  }

  get size(): number {
    return this.#bidders.size
  }

  apply(id: BidderId, value: Bidder | null): void {
    const before = this.#bidders.get(id)
    if (before) {
      this.#bidders.delete(id)
      for (const bidders of this.#byVertical.values()) bidders.delete(before)
    }
    if (value === null) return
    const bidder = this.#joined(bidAtMost(value), before?.places)
    this.#bidders.set(id, bidder)
    for (const vertical of bidder.conditions.verticals ?? [ANY_VERTICAL]) {
      const bidders = this.#byVertical.get(vertical)
      if (bidders) bidders.add(bidder)
      else this.#byVertical.set(vertical, new Set([bidder]))
    }
  }

  /** The bid that stands for all of a bidder's. */
  standingFor(id: BidId): StandingBid | undefined {
    return this.#bidders.get(id as unknown as BidderId)
  }

  /** Those that could want a call of this vertical. */
  *ofVertical(vertical: string): Generator<StandingBid> {
    for (const shelf of [ANY_VERTICAL, verticalKey(vertical)]) {
      for (const bidder of this.#byVertical.get(shelf) ?? []) {
        bidder.weigh() // Its campaign may pay otherwise than it did.
        yield bidder
      }
    }
  }

  /** A bidder's answer to its ping for this call. Null: it is taken; one that could not win anyway takes no other's place. */
  offer(
    callId: CallId,
    id: BidderId,
    amountMicros: Micros,
    billableAfter: number | null,
    reserveMicros: number,
  ): OfferRefusal | null {
    const bidder = this.#bidders.get(id)
    if (!bidder) return 'bidder_busy'
    const { bid } = bidder
    const seconds = billableAfter ?? bid.billableAfter
    const offer = this.#joined({ ...bid, callId, amountMicros, billableAfter: seconds, isOffer: true }, bidder.places)
    // What an account's performance, or the length of calls, makes of it is known in the auction only.
    const { factors, pricing } = offer.campaign.campaign ?? {}
    const isAsItIs = factors?.performance !== true && pricing?.type !== 'minute'
    if (isAsItIs && !meetsReserve(offer.wholeMicros, reserveMicros)) return 'below_reserve'
    let offers = this.#offers.get(callId)
    if (offers && offers.size >= MOST_OFFERS) return 'bidder_busy'
    if (!offers) this.#offers.set(callId, (offers = new Map()))
    offers.set(bid.id, offer)
    return null
  }

  /** An offer of an auction that is held again. */
  putBack(callId: CallId, bid: Bid, inUse: number): void {
    const offers = this.#offers.get(callId) ?? new Map<BidId, StandingBid>()
    this.#offers.set(callId, offers.set(bid.id, this.#joined(bid, new PlacesInUse(inUse))))
  }

  offersFor(callId: CallId): Iterable<StandingBid> {
    return this.#offers.get(callId)?.values() ?? []
  }

  findOffer(callId: CallId, id: BidId): StandingBid | undefined {
    return this.#offers.get(callId)?.get(id)
  }

  /** The call that a ping's offers were made for has come under another id. */
  move(from: CallId, to: CallId): void {
    const offers = this.#offers.get(from)
    if (!offers) return
    this.#offers.delete(from)
    this.#offers.set(to, offers)
  }

  forget(callId: CallId): void {
    this.#offers.delete(callId)
  }

  #joined(bid: Bid, places?: PlacesInUse): StandingBid {
    const campaign = this.#states.campaignOf(bid.campaignId)
    const buyer = this.#states.accountOf(bid.accountId)
    const target = this.#states.targetOf(bid.targetId)
    const conditions = conditionsOf(bid.criteria, this.#clocks)
    return new StandingBid(bid, { campaign, buyer, target }, conditions, null, this.#now(), places)
  }
}

function bidAtMost(bidder: Bidder): Bid {
  const { id, accountId, campaignId, targetId, maxBidMicros, billableAfter, criteria, maxConcurrentCalls } = bidder
  const { status, version, createdAt, updatedAt } = bidder
  return {
    id: bidOf(id),
    accountId,
    campaignId,
    targetId,
    callId: null,
    amountMicros: maxBidMicros,
    billableAfter,
    criteria,
    maxConcurrentCalls,
    status,
    version,
    createdAt,
    updatedAt,
  }
}
