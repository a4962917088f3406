import type { AccountId, AuctionId } from './ids.ts'

/**
 * How the calls of a number find their buyer. `auction`: by amount × quality, at the number's price rule. `predictive`: by amount × the chance
 * that the call is billed, drawn so that a target nobody knows gets its share; at the number's price rule. The others have each award pay
 * its own bid: `priority`: by the seller's order of buyers; `round_robin`: to the target whose last turn is longest ago; `skill`: to
 * bids that ask for the call's tags by name; `least_cost`: to the lowest bid.
 */
export const STRATEGIES = ['auction', 'priority', 'round_robin', 'skill', 'predictive', 'least_cost'] as const
export type Strategy = (typeof STRATEGIES)[number]

export interface RoutingPlan {
  readonly strategy: Strategy
  /** Of `priority`, else empty: who is not named comes after all who are. */
  readonly buyers: readonly BuyerRank[]
  /** Of `skill`, else empty: names of tags, the one that matters most first. */
  readonly skills: readonly string[]
}

export interface BuyerRank {
  readonly buyerId: AccountId
  /** 1 comes first. */
  readonly priority: number
  /** Of those of one priority, how often each comes first. */
  readonly weight: number
}

export const MAX_PLAN_BUYERS = 100
export const MAX_SKILLS = 10
export const MAX_PRIORITY = 100
export const MAX_WEIGHT = 1000

/** Where an auction's chance comes from: 32 bits of its id (FNV-1a), so that whoever has the decision can draw the same again. */
export function seedOf(id: AuctionId): number {
  return hash(id, 0x811c9dc5)
}

/** 32 bits of a text and what came before. */
export function hash(text: string, from: number): number {
  let state = from
  for (let i = 0; i < text.length; i++) state = Math.imul(state ^ text.charCodeAt(i), 0x01000193)
  return state >>> 0
}
