import { z } from 'zod'
import type { CampaignId } from '../model/ids.ts'
import { formatMoney, parseShare } from '../model/money.ts'
import { AT_MAX, type MinutePricing } from '../model/per-minute.ts'
import { PAYING_TYPES, type Pricing } from '../model/tracking.ts'
import { BUYERS, endpoint, type Caller, type Endpoint } from './endpoint.ts'
import { maySee, notFound, type Kit } from './kit.ts'
import { invalid, Problem } from './problems.ts'
import * as s from './schemas.ts'

/** Thirty days; at most ninety: so long funds are held. */
const WINDOW_HOURS = 720
const MAX_WINDOW_HOURS = 2160

const part = (what: string) =>
  z
    .union([z.string(), z.number()])
    .transform((input, ctx): number => {
      const millionths = parseShare(input)
      return millionths ? Number(millionths) : s.refuse(ctx, input, 'invalid_share', 'must be above 0 and at most 1')
    })
    .meta({ description: what })

const common = {
  window_hours: z
    .int()
    .min(1)
    .max(MAX_WINDOW_HOURS)
    .default(WINDOW_HOURS)
    .meta({ description: 'Reports received so long after the end of a call count' }),
  rate: part('What share of its amount a call is expected to bring: bids are ranked by that. Set by the operator')
    .nullable()
    .optional(),
}

/** An hour; at most the longest that any call may last. */
const BILLABLE_SECONDS = 3600
const MAX_BILLABLE_SECONDS = 86_400
const MAX_INCREMENT = 3600
const increment = (what: string) => z.int().min(1).max(MAX_INCREMENT).default(60).meta({ description: what })

/** How time is counted by the minute: 60/60 unless said otherwise. */
export const increments = {
  initial_increment_seconds: increment('Billed however short the call was'),
  increment_seconds: increment('Each further one that has begun is billed'),
}

/** How a campaign pays. */
export const PricingInput = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('call') }),
  z.strictObject({
    type: z.literal('minute'),
    ...increments,
    max_billable_seconds: z
      .int()
      .min(1)
      .max(MAX_BILLABLE_SECONDS)
      .default(BILLABLE_SECONDS)
      .meta({ description: 'A longer call costs no more; the price of so many seconds is held for each' }),
    at_max: z
      .enum(AT_MAX)
      .default('continue')
      .meta({ description: 'Whether a call that lasts longer goes on, at no cost, or is ended' }),
  }),
  z.strictObject({
    type: z.literal('conversion'),
    event: z
      .enum(PAYING_TYPES)
      .meta({ description: 'The price is owed once this is reported, and no more once refunded' }),
    ...common,
  }),
  z.strictObject({
    type: z.literal('sale_share'),
    share: part('Of what was sold, less what was refunded; at most the bid’s amount'),
    ...common,
  }),
])

const Rate = z.string().nullable()
export const PricingAnswer = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('call') }),
  z.strictObject({
    type: z.literal('minute'),
    initial_increment_seconds: z.int(),
    increment_seconds: z.int(),
    max_billable_seconds: z.int(),
    at_max: z.enum(AT_MAX),
  }),
  z.strictObject({
    type: z.literal('conversion'),
    event: z.enum(PAYING_TYPES),
    window_hours: z.int(),
    rate: Rate,
  }),
  z.strictObject({ type: z.literal('sale_share'), share: z.string(), window_hours: z.int(), rate: Rate }),
])

/**
 * Reads how a campaign pays; undefined when nothing is said of it. The rate is the operator's to set (throws 403), and holds for
 * what it was set for: a buyer who changes more than the window begins without one.
 */
export function readPricing(
  input: z.output<typeof PricingInput> | undefined,
  current: Pricing | null,
  caller: Caller,
): Pricing | null | undefined {
  if (input === undefined) return undefined
  if (input.type === 'call') return null
  if (input.type === 'minute') return readMinutes(input)
  const { rate, window_hours: windowHours } = input
  if (rate !== undefined && caller.role !== 'admin') throw new Problem('forbidden', 'The rate is set by the operator.')
  const kind =
    input.type === 'conversion'
      ? ({ type: 'conversion', event: input.event } as const)
      : ({ type: 'sale_share', shareMillionths: input.share } as const)
  const isSame =
    kind.type === 'conversion'
      ? current?.type === 'conversion' && current.event === kind.event
      : current?.type === 'sale_share' && current.shareMillionths === kind.shareMillionths
  const kept = isSame && current?.type === kind.type ? current.rateMillionths : null
  return { ...kind, windowHours, rateMillionths: rate === undefined ? kept : rate }
}

function readMinutes(input: Extract<z.output<typeof PricingInput>, { type: 'minute' }>): MinutePricing {
  const { initial_increment_seconds: initialSeconds, max_billable_seconds: maxBillableSeconds } = input
  if (maxBillableSeconds < initialSeconds)
    throw invalid(
      '/pricing/max_billable_seconds',
      `must be at least the first increment of ${initialSeconds} s`,
      'below_initial_increment',
    )
  const { increment_seconds: incrementSeconds, at_max: atMax } = input
  return { type: 'minute', initialSeconds, incrementSeconds, maxBillableSeconds, atMax }
}

export function printPricing(pricing: Pricing | null | undefined): z.input<typeof PricingAnswer> {
  if (!pricing) return { type: 'call' }
  if (pricing.type === 'minute')
    return {
      type: 'minute',
      initial_increment_seconds: pricing.initialSeconds,
      increment_seconds: pricing.incrementSeconds,
      max_billable_seconds: pricing.maxBillableSeconds,
      at_max: pricing.atMax,
    }
  const { windowHours, rateMillionths } = pricing
  const terms = { window_hours: windowHours, rate: rateMillionths === null ? null : printPart(rateMillionths) }
  return pricing.type === 'conversion'
    ? { type: 'conversion', event: pricing.event, ...terms }
    : { type: 'sale_share', share: printPart(pricing.shareMillionths), ...terms }
}

const printPart = (millionths: number): string => formatMoney(BigInt(millionths))

const FiguresAnswer = z.strictObject({
  calls: z.int(),
  converted: z.int(),
  charged: s.printedMoney(),
  currency: z.string(),
  calls_over: z.int().meta({ description: 'Whose window is over' }),
  converted_over: z.int(),
  measured_rate: z
    .string()
    .nullable()
    .meta({ description: 'Charged of the most they could have cost, of calls whose window is over; null of none' }),
})

/** What has come of the calls of a campaign that pays by conversion. */
export function conversionEndpoints(kit: Kit): Endpoint[] {
  return [
    endpoint({
      tag: 'campaigns',
      method: 'get',
      path: '/campaigns/{id}/conversions',
      who: BUYERS,
      summary: 'What has come of the calls of a campaign that pays by conversion',
      answers: { 200: FiguresAnswer },
      async handle({ caller, params }) {
        const campaign = await kit.stores.campaigns.find(params['id']!)
        const account =
          campaign && maySee(caller, campaign.accountId) && (await kit.stores.accounts.find(campaign.accountId))
        if (!account) throw notFound('campaign')
        const figures = await kit.stores.tracking.figures(params['id'] as CampaignId)
        const { chargedOverMicros, mostOverMicros } = figures
        const body: z.input<typeof FiguresAnswer> = {
          calls: figures.calls,
          converted: figures.converted,
          charged: s.printMoney(figures.chargedMicros),
          currency: account.currency,
          calls_over: figures.callsOver,
          converted_over: figures.convertedOver,
          measured_rate: mostOverMicros > 0n ? formatMoney((chargedOverMicros * 1_000_000n) / mostOverMicros) : null,
        }
        return { status: 200, body }
      },
    }),
  ]
}
