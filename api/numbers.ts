import { z } from 'zod'
import type { AccountId } from '../model/ids.ts'
import { CENT, formatMoney, parseShare, type Currency, type Micros } from '../model/money.ts'
import type { DialledNumber, Payout } from '../model/trunk.ts'
import { NumberAudioAnswer, NumberAudioInput, printNumberAudio, readNumberAudio } from './call-audio.ts'
import { crud, given } from './crud.ts'
import { SELLERS, type Endpoint } from './endpoint.ts'
import { phoneAt, type Kit } from './kit.ts'
import { NumberMenuAnswer, NumberMenuInput, printNumberMenu, readNumberMenu } from './number-menu.ts'
import { increments } from './pricing.ts'
import { invalid } from './problems.ts'
import { printRouting, readRouting, RoutingAnswer, RoutingInput } from './routing-plan.ts'
import * as s from './schemas.ts'
import { tags } from './tags.ts'

const MAX_BILLABLE_AFTER = 3600
const MAX_LIVE_BIDDING_MS = 2000
const MAX_BIDDER_DEADLINE_MS = 2000

const share = z.union([z.string(), z.number()]).transform((input, ctx): Payout => {
  const millionths = parseShare(input)
  if (millionths === null) return s.refuse(ctx, input, 'invalid_share', 'must be from 0 to 1, such as "0.80"')
  return { type: 'share', shareMillionths: millionths }
})
const payout = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('share'), value: share }).transform(({ value }): Payout => value),
  z
    .strictObject({ type: z.literal('fixed'), value: s.money() })
    .transform(({ value }): Payout => ({ type: 'fixed', amountMicros: value })),
  z
    .strictObject({ type: z.literal('minute'), value: s.money(), ...increments })
    .transform(({ value, initial_increment_seconds: initialSeconds, increment_seconds: incrementSeconds }): Payout => ({
      type: 'minute',
      rateMicros: value,
      initialSeconds,
      incrementSeconds,
    })),
])

const fields = {
  vertical: s.vertical(),
  reserve_price: s.money(),
  price_rule: z.enum(['second', 'first']),
  soft_floor: s.money(CENT).nullable().meta({
    description: 'Under second: who bids less pays its own bid, who bids as much or more pays no less than this',
  }),
  routing: RoutingInput,
  payout,
  max_billable_after: z.int().min(0).max(MAX_BILLABLE_AFTER),
  live_bidding_ms: z.int().min(0).max(MAX_LIVE_BIDDING_MS),
  bidder_deadline_ms: z.int().min(0).max(MAX_BIDDER_DEADLINE_MS).nullable().meta({
    description: 'How long calls wait for buyers’ HTTP bidders; 0: none is asked, null: as the exchange is set',
  }),
  traffic_type: z.enum(['inbound', 'transfer', 'outbound']),
  tags,
  audio: NumberAudioInput,
  menu: NumberMenuInput,
}
const Create = z.strictObject({
  account_id: s.id<AccountId>().optional(),
  number: z.string().max(64).meta({ description: 'E.164' }),
  ...fields,
  reserve_price: fields.reserve_price.default(0n),
  price_rule: fields.price_rule.default('second'),
  soft_floor: fields.soft_floor.default(null),
  routing: fields.routing.default(null),
  payout: payout.default({ type: 'share', shareMillionths: 800_000n }),
  max_billable_after: fields.max_billable_after.default(120),
  live_bidding_ms: fields.live_bidding_ms.default(0),
  bidder_deadline_ms: fields.bidder_deadline_ms.default(null),
  traffic_type: fields.traffic_type.default('inbound'),
  tags: tags.default({}),
  audio: NumberAudioInput.optional(),
  menu: NumberMenuInput.optional(),
})
const Patch = z.strictObject(fields).partial()

const Answer = z.strictObject({
  id: s.printedId(),
  account_id: s.printedId(),
  number: z.string(),
  vertical: z.string(),
  reserve_price: s.printedMoney(),
  soft_floor: s.printedMoney().nullable(),
  currency: z.string(),
  price_rule: z.enum(['second', 'first']),
  routing: RoutingAnswer,
  payout: z.strictObject({
    type: z.enum(['share', 'fixed', 'minute']),
    value: z.string(),
    initial_increment_seconds: z.int().optional(),
    increment_seconds: z.int().optional(),
  }),
  max_billable_after: z.int(),
  live_bidding_ms: z.int(),
  bidder_deadline_ms: z.int().nullable(),
  traffic_type: z.enum(['inbound', 'transfer', 'outbound']),
  tags: z.record(z.string(), z.string()),
  audio: NumberAudioAnswer,
  menu: NumberMenuAnswer,
  ...s.printedStored,
})

function printPayout(terms: Payout): z.input<typeof Answer>['payout'] {
  switch (terms.type) {
    case 'share':
      return { type: 'share', value: formatMoney(terms.shareMillionths) }
    case 'fixed':
      return { type: 'fixed', value: formatMoney(terms.amountMicros) }
    case 'minute':
      return {
        type: 'minute',
        value: formatMoney(terms.rateMicros),
        initial_increment_seconds: terms.initialSeconds,
        increment_seconds: terms.incrementSeconds,
      }
  }
}

const print = (number: DialledNumber, currency: Currency): z.input<typeof Answer> => ({
  id: number.id,
  account_id: number.accountId,
  number: number.number,
  vertical: number.vertical,
  reserve_price: s.printMoney(number.reservePriceMicros),
  currency,
  price_rule: number.priceRule,
  soft_floor: s.printMoney(number.softFloorMicros ?? null),
  routing: printRouting(number.routing),
  payout: printPayout(number.payout),
  max_billable_after: number.maxBillableAfter,
  live_bidding_ms: number.liveBiddingMs,
  bidder_deadline_ms: number.bidderDeadlineMs ?? null,
  traffic_type: number.trafficType,
  tags: { ...number.tags },
  audio: printNumberAudio(number.audio),
  menu: printNumberMenu(number.menu),
  ...s.printStored(number),
})

/** A soft floor below the reserve would never be met by a lower bid: throws 422. */
function requireFloor(softFloor: Micros | null, reserve: Micros, pointer = '/soft_floor'): Micros | null {
  if (softFloor !== null && softFloor < reserve)
    throw invalid(
      pointer,
      `the soft floor of ${formatMoney(softFloor)} is below the reserve`,
      'soft_floor_below_reserve',
    )
  return softFloor
}

/** The numbers sellers advertise, and the terms their calls are sold on. */
export function numberEndpoints(kit: Kit): Endpoint[] {
  const terms = (body: z.output<typeof Patch>) => ({
    vertical: body.vertical,
    reservePriceMicros: body.reserve_price,
    priceRule: body.price_rule,
    softFloorMicros: body.soft_floor,
    payout: body.payout,
    maxBillableAfter: body.max_billable_after,
    liveBiddingMs: body.live_bidding_ms,
    bidderDeadlineMs: body.bidder_deadline_ms,
    trafficType: body.traffic_type,
    tags: body.tags,
  })
  return crud(kit, {
    name: 'numbers',
    noun: 'number',
    store: kit.stores.numbers,
    who: SELLERS,
    ownerTypes: ['seller'],
    create: Create,
    patch: Patch,
    answer: Answer,
    draft: async (body, owner) => ({
      accountId: owner.id,
      number: phoneAt(kit, '/number', body.number),
      vertical: body.vertical,
      reservePriceMicros: body.reserve_price,
      priceRule: body.price_rule,
      softFloorMicros: requireFloor(body.soft_floor, body.reserve_price),
      routing: await readRouting(kit, body.routing),
      payout: body.payout,
      maxBillableAfter: body.max_billable_after,
      liveBiddingMs: body.live_bidding_ms,
      bidderDeadlineMs: body.bidder_deadline_ms,
      trafficType: body.traffic_type,
      tags: body.tags,
      audio: (await readNumberAudio(kit, body.audio, null)) ?? null,
      menu: (await readNumberMenu(kit, body.menu)) ?? null,
    }),
    async changes(body, { audio = null, softFloorMicros = null, reservePriceMicros }) {
      requireFloor(
        body.soft_floor === undefined ? softFloorMicros : body.soft_floor,
        body.reserve_price ?? reservePriceMicros,
        body.soft_floor === undefined ? '/reserve_price' : '/soft_floor',
      )
      return given({
        ...terms(body),
        routing: body.routing === undefined ? undefined : await readRouting(kit, body.routing),
        audio: await readNumberAudio(kit, body.audio, audio),
        menu: await readNumberMenu(kit, body.menu),
      })
    },
    print,
  })
}
