import type { Account } from '../model/account.ts'
import type { Bid, Campaign } from '../model/bid.ts'
import type { AccountThen, BidThen, CampaignThen, DecisionInputs, TargetThen, UsageThen } from '../model/decision.ts'
import type { BidId } from '../model/ids.ts'
import type { Micros } from '../model/money.ts'
import type { PriceRule, Target } from '../model/trunk.ts'

/** What of a bid is supposed to have been otherwise; absent: as it was. */
export interface BidChange {
  readonly amountMicros?: Micros
  readonly status?: Bid['status']
  readonly billableAfter?: number
  readonly maxConcurrentCalls?: number | null
  /** The bid as it stands now, should it have been no candidate; null: there is no such bid. */
  readonly now: BidNow | null
}

/** A bid with what it belongs to, as the book has them now. */
export interface BidNow {
  readonly bid: Bid
  readonly buyer: Account
  readonly target: Target
  readonly campaign: Campaign
}

/** Rules that are supposed to have been otherwise; absent: as they were. */
export interface RuleChanges {
  readonly reservePriceMicros?: Micros
  readonly priceRule?: PriceRule
  readonly softFloorMicros?: Micros | null
  readonly maxBillableAfter?: number
  readonly maxAwards?: number
  /** What is left out of account, of everybody. */
  readonly without?: ReadonlySet<Ignored>
}

export const IGNORED = [
  'budgets',
  'caps',
  'credit',
  'frequency',
  'pacing',
  'factors',
  'modifiers',
  'quality',
  'strategy',
] as const
export type Ignored = (typeof IGNORED)[number]

export interface WhatIf {
  readonly bids: ReadonlyMap<BidId, BidChange>
  readonly rules: RuleChanges
}

export interface Supposed {
  readonly inputs: DecisionInputs
  /** What would have to be known for certainty and is not, in sentences. */
  readonly unknown: readonly string[]
}

const NOTHING_USED: UsageThen = {
  inUse: 0,
  hourCalls: 0,
  dayCalls: 0,
  dayMicros: 0,
  monthCalls: 0,
  totalCalls: 0,
  totalMicros: 0,
}
/** Of a buyer whose balance nobody looked at: enough for any bid. */
const ENOUGH = Number.MAX_SAFE_INTEGER

/** The inputs of a decision as they would have been. Bids that were no candidates are judged as they stand now. */
export function suppose(inputs: DecisionInputs, { bids: changes, rules }: WhatIf): Supposed {
  const unknown: string[] = []
  const buyers = [...inputs.buyers]
  const targets = [...inputs.targets]
  const campaigns = [...inputs.campaigns]
  const bids: BidThen[] = []
  const candidates = new Set<BidId>()
  for (const one of inputs.bids) {
    candidates.add(one.bid.id)
    const change = changes.get(one.bid.id)
    if (change?.status !== 'paused') bids.push(change ? { ...one, bid: changed(one.bid, change) } : one)
  }
  for (const [id, change] of changes) {
    if (candidates.has(id) || change.now === null || change.status === 'paused') continue
    const { now } = change
    if (now.bid.callId !== null && now.bid.callId !== inputs.request.callId) continue
    unknown.push(`bid ${id} was no candidate: it is judged as it stands now, not as it stood then`)
    bids.push({
      bid: changed(now.bid, change),
      buyer: placeOf(
        buyers,
        ({ account }) => account.id === now.buyer.id,
        () => {
          unknown.push(
            `what buyer ${now.buyer.id} had available then, and its calls by then: taken as enough, and none`,
          )
          return { account: now.buyer, usage: null, availableMicros: ENOUGH, contacts: [] }
        },
      ),
      target: placeOf(
        targets,
        ({ target }) => target.id === now.target.id,
        () => {
          unknown.push(`how target ${now.target.id} was doing then: taken as up, and as targets are on average`)
          return {
            target: now.target,
            usage: null,
            isDown: false,
            unreachable: null,
            quality: 1000,
            success: null,
            turn: 0,
          }
        },
      ),
      campaign: placeOf(
        campaigns,
        ({ campaign }) => campaign.id === now.campaign.id,
        () => {
          unknown.push(`what campaign ${now.campaign.id} had used by then: taken as nothing`)
          return { campaign: now.campaign, usage: NOTHING_USED, pacing: null, performance: null }
        },
      ),
      inUse: 0,
    })
  }
  if (inputs.bidsOmitted > 0) unknown.push(`${inputs.bidsOmitted} candidates were not stored, since they were too many`)
  const supposed = withRules({ ...inputs, buyers, targets, campaigns, bids }, rules)
  for (const { campaign, pacing } of supposed.campaigns)
    if (campaign.pacing === 'even' && pacing === null)
      unknown.push(`how far campaign ${campaign.id} was ahead of its day: taken as not at all`)
  return { inputs: supposed, unknown }
}

function changed(bid: Bid, { amountMicros, status, billableAfter, maxConcurrentCalls }: BidChange): Bid {
  return {
    ...bid,
    ...(amountMicros !== undefined && { amountMicros }),
    ...(status !== undefined && { status }),
    ...(billableAfter !== undefined && { billableAfter }),
    ...(maxConcurrentCalls !== undefined && { maxConcurrentCalls }),
  }
}

function placeOf<T>(list: T[], isIt: (one: T) => boolean, make: () => T): number {
  const index = list.findIndex(isIt)
  return index >= 0 ? index : list.push(make()) - 1
}

function withRules(inputs: DecisionInputs, rules: RuleChanges): DecisionInputs {
  const {
    reservePriceMicros,
    priceRule,
    softFloorMicros,
    maxBillableAfter,
    maxAwards,
    without = new Set<Ignored>(),
  } = rules
  const number = {
    ...inputs.request.number,
    ...(reservePriceMicros !== undefined && { reservePriceMicros }),
    ...(priceRule !== undefined && { priceRule }),
    ...(softFloorMicros !== undefined && { softFloorMicros }),
    ...(maxBillableAfter !== undefined && { maxBillableAfter }),
    ...(without.has('strategy') && { routing: null }),
  }
  const account = (then: AccountThen): AccountThen => ({
    ...then,
    account: without.has('caps') ? { ...then.account, caps: null } : then.account,
    availableMicros: without.has('credit') && then.availableMicros !== null ? ENOUGH : then.availableMicros,
  })
  // A reserve that is supposed is the call's: also where its seller asks for more of all its calls.
  const seller = inputs.seller && account(inputs.seller)
  return {
    ...inputs,
    request: { ...inputs.request, number },
    maxAwards: maxAwards ?? inputs.maxAwards,
    seller:
      seller && reservePriceMicros !== undefined
        ? { ...seller, account: { ...seller.account, reservePriceMicros: null } }
        : seller,
    buyers: inputs.buyers.map(account),
    targets: inputs.targets.map((then) => targetWithout(then, without)),
    campaigns: inputs.campaigns.map((then) => campaignWithout(then, without)),
    bids: inputs.bids.map((then) => bidWithout(then, without)),
  }
}

function targetWithout(then: TargetThen, without: ReadonlySet<Ignored>): TargetThen {
  return {
    ...then,
    ...(without.has('quality') && { quality: 1000 }),
    ...(without.has('caps') && { target: { ...then.target, caps: null, maxConcurrentCalls: null } }),
  }
}

function campaignWithout(then: CampaignThen, without: ReadonlySet<Ignored>): CampaignThen {
  return {
    ...then,
    campaign: {
      ...then.campaign,
      ...(without.has('budgets') && { budget: { dailyMicros: null, totalMicros: null } }),
      ...(without.has('caps') && { caps: { hourly: null, daily: null, monthly: null, total: null, concurrent: null } }),
      ...(without.has('frequency') && { frequency: null }),
      ...(without.has('pacing') && { pacing: 'asap' as const }),
      ...(without.has('factors') && { factors: null }),
    },
  }
}

function bidWithout(then: BidThen, without: ReadonlySet<Ignored>): BidThen {
  return {
    ...then,
    bid: {
      ...then.bid,
      ...(without.has('caps') && { maxConcurrentCalls: null }),
      ...(without.has('modifiers') && { modifiers: null }),
    },
  }
}
