import type { Account } from '../../model/account.ts'
import type { Auction } from '../../model/auction.ts'
import type { Bid, Campaign } from '../../model/bid.ts'
import type { BookChange } from '../../model/book.ts'
import type { Caps } from '../../model/caps.ts'
import { newId, type AccountId, type CallId, type TargetId } from '../../model/ids.ts'
import type { Micros } from '../../model/money.ts'
import { STRATEGIES } from '../../model/routing-plan.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import { createRouting, type AuctionRequest, type Reservation, type RoutingOptions } from '../../routing/route-call.ts'
import { chance } from '../bench/routing-market.ts'
import { aBid, aCampaign, aNumber, anAccount, aRequest, aTarget, change, criteria, dollars, NOON } from './market.ts'

// A market in which everything is on that a decision may depend on, and some calls in its life.

const STATES = ['NY', 'TX', 'CA']
const ZIPS = [
  { zip: '78701', city: 'Austin', state: 'TX', timezone: 'America/Chicago', lat: 30.2711, lon: -97.7437 },
  { zip: '10001', city: 'New York', state: 'NY', timezone: 'America/New_York', lat: 40.7506, lon: -73.9972 },
]
const ZONES = ['America/New_York', 'America/Chicago', 'UTC']

export interface HeldCall {
  readonly request: AuctionRequest
  readonly auction: Auction
}

/** Holds `calls` auctions in the market of this seed, sells some of them, and answers with each as it was decided. */
export function callsOfMarket(seed: number, calls: number, options: RoutingOptions = {}): HeldCall[] {
  const next = chance(seed)
  const int = (most: number): number => Math.floor(next() * (most + 1))
  const maybe = <T>(part: number, make: () => T): T | null => (next() < part ? make() : null)
  const one = <T>(list: readonly T[]): T => list[int(list.length - 1)]!
  const cents = (most: number): Micros => BigInt(1 + int(most * 100)) * 10_000n

  const caps = (): Caps => ({
    hourly: maybe(0.1, () => int(4)),
    daily: maybe(0.1, () => int(6)),
    monthly: maybe(0.05, () => int(8)),
    total: maybe(0.05, () => int(8)),
    concurrent: maybe(0.15, () => 1 + int(2)),
  })
  const buyers = Array.from({ length: 4 }, (_, i) =>
    anAccount(`buyer${i}`, { timezone: one(ZONES), caps: maybe(0.3, caps), currency: next() < 0.95 ? 'USD' : 'EUR' }),
  )
  const money = new Map<AccountId, Micros>(buyers.map(({ id }) => [id, next() < 0.3 ? cents(20) : dollars(500)]))
  const targets = Array.from({ length: 6 }, (_, i) =>
    aTarget(`target${i}`, one(buyers).id, { maxConcurrentCalls: maybe(0.2, () => 1 + int(2)), caps: maybe(0.1, caps) }),
  )
  const quality = new Map<TargetId, number>(targets.map(({ id }) => [id, next() < 0.5 ? 1000 : 500 + int(1000)]))
  const down = new Set<TargetId>(targets.filter(() => next() < 0.15).map(({ id }) => id))
  const someCriteria = () =>
    criteria({
      verticals: next() < 0.3 ? ['Insurance'] : [],
      geography: maybe(0.3, () => ({
        states: next() < 0.6 ? STATES.filter(() => next() < 0.7) : [],
        cities: [],
        zips: next() < 0.3 ? [one(ZIPS).zip] : [],
        circle: maybe(0.1, () => ({ lat: 30, lon: -97, radiusMiles: 50 })),
      })),
      timeWindow: maybe(0.1, () => ({ startMinute: 540, endMinute: 1020, days: [], timezone: one(ZONES) })),
      tags: next() < 0.1 ? [{ key: 'language', values: ['en'], isNot: next() < 0.5 }] : [],
    })
  const campaigns: Campaign[] = Array.from({ length: 8 }, (_, i) =>
    aCampaign(`campaign${i}`, one(buyers).id, {
      timezone: one(ZONES),
      budget: { dailyMicros: maybe(0.4, () => cents(one([60, 600]))), totalMicros: maybe(0.2, () => cents(90)) },
      caps: caps(),
      frequency: maybe(0.3, () => ({
        calls: 1 + int(1),
        hours: 1 + int(48),
        after: one(['connected', 'converted'] as const),
        per: one(['campaign', 'target', 'buyer'] as const),
      })),
      schedule: maybe(0.1, () => ({ startMinute: 0, endMinute: 1320, days: [], timezone: 'America/New_York' })),
      pacing: next() < 0.4 ? 'even' : 'asap',
      factors: { performance: next() < 0.4, competition: next() < 0.4 },
      criteria: someCriteria(),
      pricing: maybe(0.15, () => ({
        type: 'conversion' as const,
        event: 'conversion' as const,
        windowHours: 24,
        rateMillionths: 300_000 + int(700_000),
      })),
    }),
  )
  function bid(id: string, callId: CallId | null): Bid {
    const campaign = one(campaigns)
    return aBid(id, 1, {
      accountId: campaign.accountId,
      campaignId: campaign.id,
      targetId: one(targets).id,
      callId,
      createdAt: new Date(NOON - int(5) * 1000),
      amountMicros: next() < 0.1 ? BigInt(500_000 + int(9_000_000)) : cents(12),
      billableAfter: int(150),
      criteria: someCriteria(),
      maxConcurrentCalls: maybe(0.1, () => 1 + int(1)),
      modifiers: maybe(0.3, () => ({
        zips: { '78701': 500 + int(1500) },
        states: { TX: Math.max(0, int(2200) - 200), NY: 900 },
        hours: { '12': 700, '13': int(2000) },
        tags: { 'language=en': 1250 },
        timezone: one(ZONES),
      })),
    })
  }

  let nowMs = NOON
  const needs = {
    availableMicros: (id: AccountId) => money.get(id) ?? 0n,
    isTargetUp: (id: TargetId) => !down.has(id),
    clock: { now: () => nowMs },
    newId,
  }
  const routing = createRouting(needs, {
    maxAwards: 1 + int(9),
    keepsInputs: true,
    ...(next() < 0.5 && { qualityOf: (id: TargetId) => quality.get(id)! }),
    ...options,
  })
  const seller: Account = anAccount('seller', {
    type: 'seller',
    caps: maybe(0.1, caps),
    reservePriceMicros: maybe(0.2, () => cents(4)),
  })
  const changes: BookChange[] = [
    ...[...buyers, seller].map(change.account),
    ...targets.map(change.target),
    ...campaigns.map(change.campaign),
  ]
  for (const made of changes) routing.apply(made)
  const standing = Array.from({ length: 3 + int(25) }, (_, i) => bid(`bid${i}`, null))
  for (const value of standing) routing.apply(change.bid(value))

  const before = campaigns.flatMap(({ id, budget: { dailyMicros } }) => {
    if (next() < 0.6) return []
    const priceMicros = dailyMicros === null ? cents(20) : (dailyMicros * BigInt(650 + int(150))) / 1000n
    return {
      campaignId: id,
      targetId: one(targets).id,
      sellerId: null,
      awardedAtMs: NOON - 60_000,
      priceMicros,
      isConverted: true,
      ani: null,
      calls: 1 + int(2),
    }
  })
  routing.restore(before)

  for (let i = 0; i < 12; i++) {
    const { id: campaignId } = one(campaigns)
    const of = { targetId: one(targets).id, campaignId, atMs: NOON - int(86_400_000) }
    for (const sellerId of [seller.id, 'another seller' as AccountId])
      for (const kind of ['attempted', 'answered', 'billed'] as const)
        routing.learn({ ...of, sellerId, kind, count: int(kind === 'billed' ? 90 : 100) })
  }
  for (let i = next() < 0.3 ? 20 : 0; i > 0; i--)
    routing.auction(
      aRequest({ number: aNumber({ priceRule: 'first', reservePriceMicros: cents(2) }), receivedAtMs: NOON - 90_000 }),
    )

  const held: HeldCall[] = []
  const places: Reservation[] = []
  for (let i = 0; i < calls; i++) {
    nowMs += int(900_000)
    const callId = newId<CallId>()
    const number = aNumber({
      reservePriceMicros: next() < 0.2 ? BigInt(int(3_000_000)) : cents(3),
      priceRule: next() < 0.7 ? 'second' : 'first',
      softFloorMicros: maybe(0.3, () => cents(8)),
      liveBiddingMs: next() < 0.3 ? 500 : 0,
      routing: maybe(0.4, () => ({
        strategy: one(STRATEGIES),
        buyers: buyers
          .filter(() => next() < 0.7)
          .map(({ id }) => ({ buyerId: id, priority: 1 + int(1), weight: 1 + int(4) })),
        skills: ['language', 'device'],
      })),
      tags: next() < 0.5 ? { language: 'en' } : {},
    })
    if (number.liveBiddingMs > 0) {
      routing.openBidding(callId)
      for (let k = int(4); k > 0; k--) routing.apply(change.bid(bid(`live${seed}-${i}-${k}`, callId)))
    }
    const zip = maybe(0.4, () => one(ZIPS))
    const isPing = next() < 0.2
    const request = aRequest({
      callId,
      number,
      zip,
      ani: maybe(0.9, () => `+1212555010${int(3)}` as PhoneNumber),
      places: STATES.filter(() => next() < 0.4).map((state) => ({ state, timezone: 'America/New_York' })),
      receivedAtMs: nowMs - int(2000),
      isPing,
      ...(isPing && { tags: { language: one(['en', 'es']) } }),
    })
    const auction = routing.auction(request)
    held.push({ request, auction })
    for (const award of auction.awards) {
      const taken = routing.reserve(award, callId, request.ani, request.receivedAtMs, seller.id)
      if (typeof taken === 'string') continue
      if (next() < 0.3) {
        taken.release()
        continue
      }
      if (next() < 0.5) taken.settle(next() < 0.7 ? award.priceMicros : 0n)
      else places.push(taken)
      money.set(award.buyerId, money.get(award.buyerId)! - award.priceMicros)
      break
    }
    if (next() < 0.3) places.shift()?.settle(10_000n)
    // What changes from then on is nothing to what was decided.
    const changed = standing[int(standing.length - 1)]!
    routing.apply(change.bid({ ...changed, amountMicros: cents(12), status: next() < 0.9 ? 'active' : 'paused' }))
    quality.set(one(targets).id, 500 + int(1000))
    routing.forgetBidding(callId)
  }
  return held
}
