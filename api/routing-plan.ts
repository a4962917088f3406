import { z } from 'zod'
import type { AccountId } from '../model/ids.ts'
import {
  MAX_PLAN_BUYERS,
  MAX_PRIORITY,
  MAX_SKILLS,
  MAX_WEIGHT,
  STRATEGIES,
  type RoutingPlan,
} from '../model/routing-plan.ts'
import { tagKey } from './criteria.ts'
import type { Kit } from './kit.ts'
import { invalid } from './problems.ts'
import * as s from './schemas.ts'

const BuyerInput = z.strictObject({
  account_id: s.id<AccountId>(),
  priority: z.int().min(1).max(MAX_PRIORITY).default(1).meta({ description: '1 comes first' }),
  weight: z
    .int()
    .min(1)
    .max(MAX_WEIGHT)
    .default(100)
    .meta({ description: 'Of those of one priority, how often each comes first' }),
})

export const RoutingInput = z
  .strictObject({
    strategy: z.enum(STRATEGIES),
    buyers: z.array(BuyerInput).max(MAX_PLAN_BUYERS).optional(),
    skills: z.array(tagKey).max(MAX_SKILLS).optional(),
  })
  .nullable()
  .meta({ description: 'How its calls find their buyer: by auction unless it says otherwise (docs/routing.md)' })

export const RoutingAnswer = z.strictObject({
  strategy: z.enum(STRATEGIES),
  buyers: z.array(z.strictObject({ account_id: s.printedId(), priority: z.int(), weight: z.int() })),
  skills: z.array(z.string()),
})

/** A plan as it is kept; null: by auction. Throws 422 for lists that its strategy does not go by, or lacks, and buyers who are none. */
export async function readRouting(kit: Kit, input: z.output<typeof RoutingInput>): Promise<RoutingPlan | null> {
  if (input === null || input.strategy === 'auction') {
    refuseLists(input)
    return null
  }
  const { strategy, buyers = [], skills = [] } = input
  refuseLists(input)
  if (strategy === 'priority' && buyers.length === 0)
    throw invalid('/routing/buyers', 'priority goes by an order of buyers: give one', 'required')
  if (strategy === 'skill' && skills.length === 0)
    throw invalid('/routing/skills', 'skill goes by tags: name one', 'required')
  const seen = new Set<string>()
  for (const [i, { account_id: id }] of buyers.entries()) {
    const pointer = `/routing/buyers/${i}/account_id`
    if (seen.has(id)) throw invalid(pointer, 'is named twice', 'duplicate')
    seen.add(id)
    if ((await kit.stores.accounts.find(id))?.type !== 'buyer') throw invalid(pointer, 'is no buyer', 'not_found')
  }
  return {
    strategy,
    buyers: buyers.map(({ account_id: buyerId, priority, weight }) => ({ buyerId, priority, weight })),
    skills: [...new Set(skills)],
  }
}

/** A list that the strategy would not read is a mistake, and not to be passed over. */
function refuseLists(input: z.output<typeof RoutingInput>): void {
  for (const [list, owner] of [
    ['buyers', 'priority'],
    ['skills', 'skill'],
  ] as const)
    if (input?.[list]?.length && input.strategy !== owner)
      throw invalid(`/routing/${list}`, `is read by ${owner} alone`, 'not_allowed')
}

export function printRouting(plan: RoutingPlan | null | undefined): z.input<typeof RoutingAnswer> {
  if (!plan) return { strategy: 'auction', buyers: [], skills: [] }
  const buyers = plan.buyers.map(({ buyerId, priority, weight }) => ({ account_id: buyerId, priority, weight }))
  return { strategy: plan.strategy, buyers, skills: [...plan.skills] }
}
