import type { Auction, Award } from '../model/auction.ts'
import type { NonBidCode } from '../model/bid.ts'
import type { CampaignThen, DecisionInputs, UsageThen } from '../model/decision.ts'
import type { AccountId, AuctionId, BidId, CallId, CampaignId } from '../model/ids.ts'
import type { Currency, Micros } from '../model/money.ts'
import { billedSeconds, chargeOfSeconds } from '../model/per-minute.ts'
import { isTimeZone, localDay, localMonth } from '../model/time-window.ts'
import { differences } from './compare-auctions.ts'
import { rerunAuction } from './rerun.ts'
import { suppose, type WhatIf } from './what-if.ts'

/** A decision with what came of its call. */
export interface PastCall {
  readonly auction: Auction
  /** Null: they cannot be read. */
  readonly inputs: DecisionInputs | null
  /** Null: it has not ended. */
  readonly call: PastEnd | null
}
interface PastEnd {
  readonly bidId: BidId | null
  readonly wasAnswered: boolean
  readonly durationMs: number
  readonly billedMicros: Micros
}

/** Differing calls that are named; the rest are counted. */
export const MOST_NAMED = 1000

interface Sums {
  /** Calls that were answered by an award. */
  answered: number
  billed: number
  revenueMicros: Micros
}

export interface BuyerSums {
  readonly buyerId: AccountId
  readonly currency: Currency
  readonly before: Readonly<Sums>
  readonly after: Readonly<Sums>
}

/** A call that would have gone to another bid, or for another price. */
export interface CallDifference {
  readonly callId: CallId
  readonly auctionId: AuctionId
  readonly before: Taker | null
  readonly after: Taker | null
}
interface Taker {
  readonly bidId: BidId
  readonly buyerId: AccountId
  readonly priceMicros: Micros
}

export interface BacktestResult {
  readonly decisions: number
  /** Held again as they were, and the same to the bit. */
  readonly reproduced: number
  readonly notReproduced: number
  /** The first of those that were not. */
  readonly firstNotReproduced: readonly AuctionId[]
  readonly unreadable: number
  /** Bids that were to be otherwise, and that no decision knew nor anybody does now. */
  readonly unknownBids: readonly BidId[]
  /** Their calls go on: they are in no sum. */
  readonly underWay: number
  /** Of calls that nobody answered, those that another target would have been rung for: whether it would have answered, nobody knows. */
  readonly otherwiseRung: number
  /** Of calls with no sale, those that would have been sold, and for how much had all been answered and billed. */
  readonly newlySold: number
  readonly newlySoldMicros: ReadonlyMap<Currency, Micros>
  /** Who was affected, or bought anything. */
  readonly buyers: readonly BuyerSums[]
  readonly differing: number
  readonly calls: readonly CallDifference[]
}

/** What a campaign has used more (or, below nought, less) than it had. */
interface Carried {
  day: number
  month: number
  dayCalls: number
  dayMicros: number
  monthCalls: number
  totalCalls: number
  totalMicros: number
}

/** Awards of these were rung in vain, or could not be: they would have been again. */
const RUNG_IN_VAIN: ReadonlySet<NonBidCode> = new Set([
  'ring_failed',
  'not_accepted',
  'media_unavailable',
  'target_tried',
  'target_unavailable',
])

/**
 * Holds the auctions of a period again, one after the other, as they would have been: what a buyer's campaign would have spent more or
 * less is carried on to its later ones. Who would have taken a call lasts for as long as who did; an award that was rung in vain is so
 * again. Keeps sums alone, so that a period may be as long as it likes.
 */
export class Backtest {
  readonly #whatIf: WhatIf
  readonly #carried = new Map<CampaignId, Carried>()
  readonly #spent = new Map<AccountId, number>()
  readonly #buyers = new Map<string, { buyerId: AccountId; currency: Currency; before: Sums; after: Sums }>()
  readonly #newlySoldMicros = new Map<Currency, Micros>()
  readonly #calls: CallDifference[] = []
  readonly #firstNotReproduced: AuctionId[] = []
  readonly #unknownBids = new Set<BidId>()
  readonly #counts = { decisions: 0, reproduced: 0, notReproduced: 0, unreadable: 0, underWay: 0 }
  readonly #suppositions = { otherwiseRung: 0, newlySold: 0, differing: 0 }

  constructor(whatIf: WhatIf) {
    this.#whatIf = whatIf
    for (const [id, { now }] of whatIf.bids) if (now === null) this.#unknownBids.add(id)
  }

  /** Calls come in the order of their auctions. */
  add({ auction, inputs, call }: PastCall): void {
    const counts = this.#counts
    counts.decisions++
    if (inputs === null) {
      counts.unreadable++
      return
    }
    if (this.#unknownBids.size > 0) for (const { bid } of inputs.bids) this.#unknownBids.delete(bid.id)
    if (differences(auction, rerunAuction(inputs, auction.id), inputs).length === 0) counts.reproduced++
    else {
      counts.notReproduced++
      if (this.#firstNotReproduced.length < 10) this.#firstNotReproduced.push(auction.id)
    }
    if (call === null) {
      counts.underWay++
      return
    }
    const supposed = suppose(this.#carryInto(inputs), this.#whatIf)
    this.#compare(auction, rerunAuction(supposed.inputs, auction.id), inputs, call)
  }

  result(): BacktestResult {
    return {
      ...this.#counts,
      ...this.#suppositions,
      unknownBids: [...this.#unknownBids],
      firstNotReproduced: this.#firstNotReproduced,
      newlySoldMicros: this.#newlySoldMicros,
      buyers: [...this.#buyers.values()],
      calls: this.#calls,
    }
  }

  #compare(auction: Auction, again: Auction, inputs: DecisionInputs, call: PastEnd): void {
    const { currency } = auction
    const inVain = new Set(auction.nonBids.filter(({ code }) => RUNG_IN_VAIN.has(code)).map(({ bidId }) => bidId))
    const before = call.wasAnswered ? (auction.awards.find(({ bidId }) => bidId === call.bidId) ?? null) : null
    const first = again.awards.find(({ bidId }) => !inVain.has(bidId)) ?? null
    const wasOffered = auction.awards.find(({ bidId }) => !inVain.has(bidId)) ?? null
    const after = call.wasAnswered ? first : null
    if (!call.wasAnswered && first !== null) {
      if (auction.awards.length === 0) {
        this.#suppositions.newlySold++
        this.#newlySoldMicros.set(currency, (this.#newlySoldMicros.get(currency) ?? 0n) + first.priceMicros)
      } else if (first.bidId !== wasOffered?.bidId) this.#suppositions.otherwiseRung++
    }
    const pays = (award: Award | null): Micros => (award === null ? 0n : paidFor(award, call.durationMs))
    // What was billed is what was billed, whatever the auction said.
    const [billedBefore, billedAfter] = [call.billedMicros, isSameSale(before, after) ? call.billedMicros : pays(after)]
    if (before) this.#count('before', before.buyerId, currency, billedBefore)
    if (after) this.#count('after', after.buyerId, currency, billedAfter)
    if (isSameSale(before, after)) return
    this.#suppositions.differing++
    if (this.#calls.length < MOST_NAMED)
      this.#calls.push({ callId: auction.callId, auctionId: auction.id, before: taker(before), after: taker(after) })
    if (before) this.#carry(before, inputs, -1, -Number(billedBefore))
    if (after) this.#carry(after, inputs, 1, Number(billedAfter))
  }

  #count(when: 'before' | 'after', buyerId: AccountId, currency: Currency, billed: Micros): void {
    const key = `${buyerId} ${currency}`
    let sums = this.#buyers.get(key)
    if (sums === undefined) this.#buyers.set(key, (sums = { buyerId, currency, before: noSums(), after: noSums() }))
    sums[when].answered++
    sums[when].revenueMicros += billed
    if (billed > 0n) sums[when].billed++
  }

  #carry({ campaignId, buyerId }: Award, { campaigns, request }: DecisionInputs, calls: number, micros: number): void {
    this.#spent.set(buyerId, (this.#spent.get(buyerId) ?? 0) + micros)
    const zone = zoneOf(campaigns.find(({ campaign }) => campaign.id === campaignId))
    const day = localDay(zone, request.receivedAtMs)
    const month = localMonth(zone, request.receivedAtMs)
    const carried = this.#carried.get(campaignId)
    const same = { day: carried?.day === day, month: carried?.month === month }
    this.#carried.set(campaignId, {
      day,
      month,
      dayCalls: (same.day ? carried!.dayCalls : 0) + calls,
      dayMicros: (same.day ? carried!.dayMicros : 0) + micros,
      monthCalls: (same.month ? carried!.monthCalls : 0) + calls,
      totalCalls: (carried?.totalCalls ?? 0) + calls,
      totalMicros: (carried?.totalMicros ?? 0) + micros,
    })
  }

  /** The inputs with what was spent more or less by then. */
  #carryInto(inputs: DecisionInputs): DecisionInputs {
    if (this.#carried.size === 0) return inputs
    const { receivedAtMs } = inputs.request
    return {
      ...inputs,
      buyers: inputs.buyers.map((then) => {
        const spent = this.#spent.get(then.account.id)
        if (spent === undefined || then.availableMicros === null) return then
        return { ...then, availableMicros: Math.max(0, then.availableMicros - spent) }
      }),
      campaigns: inputs.campaigns.map((then) => {
        const carried = this.#carried.get(then.campaign.id)
        return carried ? { ...then, usage: usedBy(then, carried, receivedAtMs) } : then
      }),
    }
  }
}

function usedBy(then: CampaignThen, carried: Carried, atMs: number): UsageThen {
  const { usage } = then
  const zone = zoneOf(then)
  const isSameDay = localDay(zone, atMs) === carried.day
  const isSameMonth = localMonth(zone, atMs) === carried.month
  return {
    ...usage,
    dayCalls: Math.max(0, usage.dayCalls + (isSameDay ? carried.dayCalls : 0)),
    dayMicros: Math.max(0, usage.dayMicros + (isSameDay ? carried.dayMicros : 0)),
    monthCalls: Math.max(0, usage.monthCalls + (isSameMonth ? carried.monthCalls : 0)),
    totalCalls: Math.max(0, usage.totalCalls + carried.totalCalls),
    totalMicros: Math.max(0, usage.totalMicros + carried.totalMicros),
  }
}

function zoneOf(then: CampaignThen | undefined): string {
  const zone = then?.campaign.timezone ?? 'UTC'
  return isTimeZone(zone) ? zone : 'UTC'
}

function isSameSale(before: Award | null, after: Award | null): boolean {
  return before?.bidId === after?.bidId && before?.priceMicros === after?.priceMicros
}

function taker(award: Award | null): Taker | null {
  return award && { bidId: award.bidId, buyerId: award.buyerId, priceMicros: award.priceMicros }
}

function noSums(): Sums {
  return { answered: 0, billed: 0, revenueMicros: 0n }
}

/** What a call of this length pays; by conversion what it was expected to bring, whenever it ended. */
function paidFor({ conversion, minutes, billableAfter, priceMicros }: Award, durationMs: number): Micros {
  if (conversion) return priceMicros
  if (durationMs < billableAfter * 1000) return 0n
  return minutes
    ? chargeOfSeconds(minutes.rateMicros, billedSeconds(minutes, durationMs, minutes.maxBillableSeconds))
    : priceMicros
}
