import { z } from 'zod'
import { ANY_CALL, type Campaign, type Frequency } from '../model/bid.ts'
import { NO_CAPS } from '../model/caps.ts'
import type { AccountId } from '../model/ids.ts'
import { CENT, formatMoney, type Currency } from '../model/money.ts'
import { mostOfMinutes } from '../model/per-minute.ts'
import { BuyerAudioAnswer, BuyerAudioInput, printBuyerAudio, readBuyerAudio } from './call-audio.ts'
import {
  CriteriaAnswer,
  CriteriaInput,
  printCriteria,
  printTimeWindow,
  readCriteria,
  readTimeWindow,
  TimeWindowAnswer,
  TimeWindowInput,
} from './criteria.ts'
import { crud, given } from './crud.ts'
import { Caps, CapsAnswer, mergeCaps } from './caps.ts'
import { BUYERS, type Endpoint } from './endpoint.ts'
import type { Kit } from './kit.ts'
import { PricingAnswer, PricingInput, printPricing, readPricing } from './pricing.ts'
import { invalid } from './problems.ts'
import * as s from './schemas.ts'

const STATUSES = ['active', 'paused', 'ended'] as const
const PACINGS = ['asap', 'even'] as const
/** A year and a day. */
const MAX_FREQUENCY_HOURS = 8784
const money = s.money().nullish()

const AFTER = ['connected', 'converted'] as const
const PER = ['campaign', 'target', 'buyer'] as const
const FrequencyInput = z.strictObject({
  calls: z.int().min(1).max(10_000),
  hours: z.int().min(1).max(MAX_FREQUENCY_HOURS).optional(),
  days: z
    .int()
    .min(1)
    .max(MAX_FREQUENCY_HOURS / 24)
    .optional()
    .meta({ description: 'In place of `hours`, 24 each' }),
  after: z
    .enum(AFTER)
    .default('connected')
    .meta({ description: 'Which calls count: answered ones, or those that were billed' }),
  per: z
    .enum(PER)
    .default('campaign')
    .meta({ description: 'Whose calls count: the campaign’s, those to the same target, or all of the buyer’s' }),
})

const Factors = z
  .strictObject({
    performance: z
      .boolean()
      .optional()
      .meta({ description: 'How the seller’s calls turn out for the campaign against all its calls: 0.5 to 1.5' }),
    competition: z
      .boolean()
      .optional()
      .meta({ description: 'At first price, what would have won four of five of the number’s last calls: 0.5 to 1' }),
  })
  .meta({ description: 'What its bids are multiplied by, each off unless turned on; no bid comes above its amount' })

const fields = {
  name: s.text(200),
  status: z.enum(STATUSES),
  timezone: s.timezone(),
  budget: z.strictObject({ daily: money, total: money }),
  pacing: z
    .enum(PACINGS)
    .meta({ description: 'How the daily budget is spent: as calls come, or along the day’s curve of calls' }),
  factors: Factors,
  pricing: PricingInput,
  expose_caller: z.boolean().meta({
    description: 'Whether its HTTP bidders hear the caller’s number before they have won the call',
  }),
  caps: Caps,
  frequency: FrequencyInput.nullable(),
  schedule: TimeWindowInput.nullable(),
  criteria: CriteriaInput,
  stop_codes: z.array(z.int().min(400).max(699)).max(100).nullable(),
  audio: BuyerAudioInput,
}
const Patch = z.strictObject(fields).partial()
const Create = Patch.extend({ account_id: s.id<AccountId>().optional(), name: fields.name })

const Answer = z.strictObject({
  id: s.printedId(),
  account_id: s.printedId(),
  name: z.string(),
  status: z.enum(STATUSES),
  timezone: z.string(),
  budget: z.strictObject({ daily: s.printedMoney().nullable(), total: s.printedMoney().nullable() }),
  currency: z.string(),
  pacing: z.enum(PACINGS),
  factors: z.strictObject({ performance: z.boolean(), competition: z.boolean() }),
  pricing: PricingAnswer,
  expose_caller: z.boolean(),
  caps: CapsAnswer,
  frequency: z.strictObject({ calls: z.int(), hours: z.int(), after: z.enum(AFTER), per: z.enum(PER) }).nullable(),
  schedule: TimeWindowAnswer.nullable(),
  criteria: CriteriaAnswer,
  stop_codes: z.array(z.int()).nullable(),
  audio: BuyerAudioAnswer,
  is_default: z.boolean(),
  ...s.printedStored,
})

const print = (campaign: Campaign, currency: Currency): z.input<typeof Answer> => ({
  id: campaign.id,
  account_id: campaign.accountId,
  name: campaign.name,
  status: campaign.status,
  timezone: campaign.timezone,
  budget: { daily: s.printMoney(campaign.budget.dailyMicros), total: s.printMoney(campaign.budget.totalMicros) },
  currency,
  pacing: campaign.pacing ?? 'asap',
  factors: campaign.factors ?? NO_FACTORS,
  pricing: printPricing(campaign.pricing),
  expose_caller: campaign.exposeCaller ?? false,
  caps: { ...campaign.caps },
  frequency: campaign.frequency && { after: 'connected', per: 'campaign', ...campaign.frequency },
  schedule: campaign.schedule && printTimeWindow(campaign.schedule),
  criteria: printCriteria(campaign.criteria),
  stop_codes: campaign.stopCodes && [...campaign.stopCodes],
  audio: printBuyerAudio(campaign.audio),
  is_default: campaign.isDefault,
  ...s.printStored(campaign),
})

const NO_FACTORS = { performance: false, competition: false }
const NO_BUDGET: Campaign['budget'] = { dailyMicros: null, totalMicros: null }

function readFrequency({ calls, hours, days, after, per }: z.output<typeof FrequencyInput>): Frequency {
  if (hours !== undefined && days !== undefined)
    throw invalid('/frequency/days', 'give the time once: hours or days', 'ambiguous')
  if (hours === undefined && days === undefined)
    throw invalid('/frequency/hours', 'say in how many hours, or days', 'required')
  return { calls, hours: hours ?? days! * 24, after, per }
}

/** A budget below every active bid of the campaign buys nothing: throws 422. A campaign without bids has any budget. */
async function requireOneBid(
  kit: Kit,
  { id, accountId, pricing }: Campaign,
  budget: Campaign['budget'],
): Promise<void> {
  const lesser =
    budget.dailyMicros === null || (budget.totalMicros !== null && budget.totalMicros < budget.dailyMicros)
      ? 'total'
      : 'daily'
  const micros = lesser === 'daily' ? budget.dailyMicros : budget.totalMicros
  if (micros === null) return
  let least: bigint | null = null
  let cursor: string | null = null
  do {
    const page = await kit.stores.bids.list({ limit: s.MAX_PAGE, cursor }, { accountId, status: 'active' })
    for (const bid of page.data) {
      if (bid.campaignId !== id) continue
      // By the minute the longest call has to fit.
      const most = pricing?.type === 'minute' ? mostOfMinutes(bid.amountMicros, pricing) : bid.amountMicros
      if (most <= micros) return
      if (least === null || most < least) least = most
    }
    cursor = page.nextCursor
  } while (cursor !== null)
  if (least !== null)
    throw invalid(
      `/budget/${lesser}`,
      pricing?.type === 'minute'
        ? `is below one call: the longest of the campaign’s lowest bid costs ${formatMoney(least)}`
        : `is below one bid: the campaign’s lowest is ${formatMoney(least)}`,
      'below_one_bid',
    )
}

function mergeBudget(
  change: { daily?: bigint | null | undefined; total?: bigint | null | undefined } | undefined,
  current: Campaign['budget'],
): Campaign['budget'] {
  return {
    dailyMicros: change?.daily === undefined ? current.dailyMicros : change.daily,
    totalMicros: change?.total === undefined ? current.totalMicros : change.total,
  }
}

/** A budget must buy a call: the least any costs is a cent. */
function requireWorth({ dailyMicros, totalMicros }: Campaign['budget']): void {
  for (const [name, micros] of [
    ['daily', dailyMicros],
    ['total', totalMicros],
  ] as const) {
    if (micros !== null && micros < CENT)
      throw invalid(`/budget/${name}`, 'is below one bid: the least a call costs is 0.01', 'below_one_bid')
  }
  if (dailyMicros !== null && totalMicros !== null && dailyMicros > totalMicros)
    throw invalid(
      '/budget/daily',
      `${formatMoney(dailyMicros)} is above the total of ${formatMoney(totalMicros)}`,
      'overlapping_budgets',
    )
}

/** Campaigns: a buyer's standing orders. A PATCH changes single budgets and caps; criteria and schedule it replaces whole. */
export function campaignEndpoints(kit: Kit): Endpoint[] {
  /** The fields a body names, over those the campaign has. */
  function merge(
    body: z.output<typeof Patch>,
    current: Pick<Campaign, 'budget' | 'caps' | 'pacing' | 'factors'>,
    accountTimezone: string,
  ) {
    const { budget, caps, schedule, criteria } = body
    const merged = { budget: mergeBudget(budget, current.budget) }
    if (budget) requireWorth(merged.budget)
    if ((body.pacing ?? current.pacing) === 'even' && merged.budget.dailyMicros === null) {
      const field = body.pacing === undefined ? '/budget/daily' : '/pacing'
      throw invalid(field, 'even pacing spends a daily budget: give one', 'pacing_without_budget')
    }
    return given({
      name: body.name,
      status: body.status,
      timezone: body.timezone,
      budget: budget && merged.budget,
      caps: caps && mergeCaps(caps, current.caps),
      pacing: body.pacing,
      factors: body.factors && { ...NO_FACTORS, ...current.factors, ...given(body.factors) },
      exposeCaller: body.expose_caller,
      frequency: body.frequency && readFrequency(body.frequency),
      schedule: schedule && readTimeWindow(schedule, accountTimezone, '/schedule'),
      criteria: criteria && readCriteria(kit, criteria, accountTimezone),
      stopCodes: body.stop_codes,
    })
  }

  return crud(kit, {
    name: 'campaigns',
    noun: 'campaign',
    bare: true,
    statuses: STATUSES,
    store: kit.stores.campaigns,
    who: BUYERS,
    ownerTypes: ['buyer'],
    create: Create,
    patch: Patch,
    answer: Answer,
    draft: async (body, owner, caller) => ({
      accountId: owner.id,
      name: body.name,
      status: 'active' as const,
      timezone: owner.timezone,
      budget: NO_BUDGET,
      caps: NO_CAPS,
      pacing: 'asap' as const,
      frequency: null,
      schedule: null,
      criteria: ANY_CALL,
      stopCodes: null,
      isDefault: false,
      audio: (await readBuyerAudio(kit, body.audio, null)) ?? null,
      pricing: readPricing(body.pricing, null, caller) ?? null,
      ...merge(body, { budget: NO_BUDGET, caps: NO_CAPS }, owner.timezone),
    }),
    async changes(body, current, caller) {
      const needsZone = body.schedule || body.criteria?.time_window
      const account = needsZone ? await kit.stores.accounts.find(current.accountId) : null
      const audio = await readBuyerAudio(kit, body.audio, current.audio ?? null)
      const pricing = readPricing(body.pricing, current.pricing ?? null, caller)
      if (body.budget || pricing?.type === 'minute') {
        const changed = pricing === undefined ? current : { ...current, pricing }
        await requireOneBid(kit, changed, mergeBudget(body.budget, current.budget))
      }
      return { ...merge(body, current, account?.timezone ?? current.timezone), ...given({ audio, pricing }) }
    },
    print,
  })
}
