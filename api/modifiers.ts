import { z } from 'zod'
import type { Campaign } from '../model/bid.ts'
import { parseMoney } from '../model/money.ts'
import { MAX_MODIFIERS, MOST_MODIFIER, type Modifiers } from '../model/modifiers.ts'
import { tagKey } from './criteria.ts'
import { invalid } from './problems.ts'
import * as s from './schemas.ts'

// What a bid's amount is multiplied by, by place, hour and tag: in JSON, or a line each in CSV.

const RULE = 'must be a decimal from 0 to 2 with at most 3 decimals, such as "1.25"'
const factor = z
  .union([z.string(), z.number()], { error: RULE })
  .transform((input, ctx) => readFactor(input) ?? s.refuse(ctx, input, 'invalid_factor', RULE))
  .meta({ description: 'A decimal from 0 to 2; 0 is no bid' })

const zip = z.string().regex(/^\d{5}$/, 'must be a five-digit ZIP code')
const state = z.string().regex(/^[A-Z]{2}$/, 'must be a two-letter state or province, such as TX')
const hour = z.string().regex(/^(1?\d|2[0-3])$/, 'must be an hour from 0 to 23')
const tag = z.string().transform((text, ctx) => {
  const [, key = '', value = ''] = /^([^=]*)=(.*)$/s.exec(text) ?? []
  if (!tagKey.safeParse(key).success || value.trim() === '' || value.length > 256)
    return s.refuse(ctx, text, 'invalid_tag', 'must be name=value')
  return `${key}=${value.trim().toLowerCase()}`
})
const KINDS = { zip: ['zips', zip], state: ['states', state], hour: ['hours', hour], tag: ['tags', tag] } as const

export const ModifiersInput = z
  .strictObject({
    zips: z.record(zip, factor).default({}),
    states: z.record(state, factor).default({}),
    hours: z.record(hour, factor).default({}),
    tags: z.record(tag, factor).default({}),
    timezone: s.timezone().optional(),
  })
  .refine((input) => countOf(input) <= MAX_MODIFIERS, { error: `must be at most ${MAX_MODIFIERS} in all` })

const printedFactors = z.record(z.string(), z.string())
export const ModifiersAnswer = z.strictObject({
  zips: printedFactors,
  states: printedFactors,
  hours: printedFactors,
  tags: printedFactors,
  timezone: z.string(),
})

export function readModifiers(
  input: z.output<typeof ModifiersInput>,
  { timezone }: Pick<Campaign, 'timezone'>,
): Modifiers {
  return { ...input, timezone: input.timezone ?? timezone }
}

/**
 * Reads `kind,value,factor` lines, such as `zip,75001,1.20`, `hour,13,0.5` or `tag,language=es,1.1`; a first line that says
 * so is a heading. Throws 422 that names the line. A value given twice is a slip.
 */
export function readModifierLines(text: string, { timezone }: Pick<Campaign, 'timezone'>): Modifiers {
  const read = { zips: {}, states: {}, hours: {}, tags: {} } as Record<
    'zips' | 'states' | 'hours' | 'tags',
    Record<string, number>
  >
  for (const [i, line] of text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\n|\r/)
    .entries()) {
    if (line.trim() === '' || (i === 0 && /^kind *,/i.test(line))) continue
    const at = `/lines/${i + 1}`
    const cells = line.split(',').map((cell) => cell.trim().replace(/^"(.*)"$/, '$1'))
    const [kind = '', value = '', amount = ''] = cells
    if (cells.length !== 3 || !Object.hasOwn(KINDS, kind))
      throw invalid(at, 'must be kind,value,factor with the kind zip, state, hour or tag', 'invalid_line')
    const [list, schema] = KINDS[kind as keyof typeof KINDS]
    const key = schema.safeParse(value)
    if (!key.success) throw invalid(at, key.error.issues[0]!.message, 'invalid_line')
    const thousandths = readFactor(amount)
    if (thousandths === null) throw invalid(at, `the factor ${RULE}`, 'invalid_factor')
    if (Object.hasOwn(read[list], key.data)) throw invalid(at, `${kind} ${value} has been given before`, 'ambiguous')
    read[list][key.data] = thousandths
    if (i > MAX_MODIFIERS && countOf(read) > MAX_MODIFIERS)
      throw invalid(at, `there are more than ${MAX_MODIFIERS}`, 'too_big')
  }
  if (countOf(read) > MAX_MODIFIERS) throw invalid('/lines', `there are more than ${MAX_MODIFIERS}`, 'too_big')
  return { ...read, timezone }
}

export function printModifiers({ timezone, zips, states, hours, tags }: Modifiers): z.input<typeof ModifiersAnswer> {
  const print = (factors: Readonly<Record<string, number>>): Record<string, string> =>
    Object.fromEntries(Object.entries(factors).map(([key, thousandths]) => [key, (thousandths / 1000).toFixed(3)]))
  return { zips: print(zips), states: print(states), hours: print(hours), tags: print(tags), timezone }
}

function readFactor(input: string | number): number | null {
  const micros = parseMoney(input)
  if (micros === null || micros % 1000n !== 0n || micros > BigInt(MOST_MODIFIER) * 1000n) return null
  return Number(micros / 1000n)
}

type Lists = Readonly<Record<'zips' | 'states' | 'hours' | 'tags', object>>

function countOf({ zips, states, hours, tags }: Lists): number {
  return [zips, states, hours, tags].reduce((sum, list) => sum + Object.keys(list).length, 0)
}
