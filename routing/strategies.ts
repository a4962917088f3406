import type { AccountId } from '../model/ids.ts'
import { hash, type RoutingPlan } from '../model/routing-plan.ts'
import { rankBids, rankByKey, type AuctionTerms, type Ranking } from './auction.ts'
import { Chance } from './chance.ts'
import type { AllOutcomes } from './quality.ts'
import type { CallFacts, StandingBid } from './standing-bid.ts'
import type { Turns } from './turns.ts'

/** The least a chance of being billed is taken for, in thousandths. */
const LEAST_CHANCE = 1

export interface StrategyNeeds {
  readonly outcomes: AllOutcomes
  readonly turns: Pick<Turns, 'lastOf'>
}

/** Whether awards are ranked by what the plan says and not by what they pay: each then pays its own bid. */
export function isRankedByKey(plan: RoutingPlan | null): boolean {
  return plan !== null && plan.strategy !== 'auction' && plan.strategy !== 'predictive'
}

/** Ranks the eligible bids of a call by its number's plan. The same bids, counts, turns and seed give the same ranking. */
export function rankByPlan(
  eligible: readonly StandingBid[],
  plan: RoutingPlan,
  { facts, seed, terms }: { facts: CallFacts; seed: number; terms: AuctionTerms },
  { outcomes, turns }: StrategyNeeds,
): Ranking<StandingBid> {
  switch (plan.strategy) {
    case 'auction':
      return rankBids(eligible, terms)
    case 'predictive':
      for (const bid of eligible) bid.quality = drawChance(bid, seed, facts.atMs, outcomes)
      return rankBids(eligible, terms)
    case 'priority':
      orderBuyers(eligible, plan, new Chance(seed))
      break
    case 'round_robin':
      for (const bid of eligible) bid.rankKey = -turns.lastOf(facts.numberId, bid.bid.targetId)
      break
    case 'skill':
      for (const bid of eligible) bid.rankKey = skillsOf(bid, plan.skills)
      break
    case 'least_cost':
      for (const bid of eligible) bid.rankKey = -bid.amountMicros
  }
  return rankByKey(eligible, terms)
}

/**
 * Thompson sampling: the chance that a call to this target is billed, drawn from what is known of it, so that a target is
 * tried as often as it may be the best. One draw a target and call, whatever other bids there are.
 */
function drawChance(bid: StandingBid, seed: number, atMs: number, outcomes: AllOutcomes): number {
  const { mean, variance } = bid.target.outcomes?.success(atMs) ?? outcomes.unknownSuccess(atMs)
  const drawn = mean + Math.sqrt(variance) * new Chance(hash(bid.bid.targetId, seed)).normal()
  return Math.max(LEAST_CHANCE, Math.min(1000, Math.round(drawn * 1000)))
}

/** Gives each bid its buyer's place: by priority, and among equals drawn by weight. */
function orderBuyers(eligible: readonly StandingBid[], { buyers }: RoutingPlan, chance: Chance): void {
  const present = new Set<string>()
  for (const bid of eligible) present.add(bid.buyerId)
  const left = buyers.filter(({ buyerId }) => present.has(buyerId))
  const places = new Map<AccountId, number>()
  while (left.length > 0) {
    const first = Math.min(...left.map(({ priority }) => priority))
    const equals = left.filter(({ priority }) => priority === first)
    let draw = chance.next() * equals.reduce((sum, { weight }) => sum + weight, 0)
    const drawn = equals.find(({ weight }) => (draw -= weight) < 0) ?? equals.at(-1)!
    places.set(drawn.buyerId, places.size + 1)
    left.splice(left.indexOf(drawn), 1)
  }
  for (const bid of eligible) bid.rankKey = -(places.get(bid.buyerId) ?? places.size + 1)
}

/** Which of the plan's skills the bid or its campaign asks for by value, as bits: the first counts for more than all others. */
function skillsOf(bid: StandingBid, skills: readonly string[]): number {
  let bits = 0
  for (const [i, skill] of skills.entries()) {
    const own = bid.conditions.traits?.asksFor(skill) === true
    if (own || bid.campaign.conditions.traits?.asksFor(skill) === true) bits |= 1 << (skills.length - 1 - i)
  }
  return bits
}
