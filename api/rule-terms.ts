import { z } from 'zod'
import { BadExpression, compileExpression } from '../compliance/rules/expression.ts'
import {
  MAX_EXPRESSION,
  MAX_FREQUENCY_HOURS,
  type RuleHours,
  type RuleScope,
  type RuleTerms,
} from '../model/compliance-rule.ts'
import type { AccountId, CampaignId, NumberId } from '../model/ids.ts'
import { WEEK } from '../model/time-zone.ts'
import * as s from './schemas.ts'

// What a compliance rule asks, and of which calls: as JSON, and as it is kept.

/** Names in one list of a scope. */
const MAX_NAMED = 1_000
/** Do-not-call lists one rule asks. */
const MAX_LISTS = 20
const HOURS = 'must be like "09:00-20:00", the first before the second, or null for none'

const hours = z
  .string()
  .nullable()
  .transform((text, ctx): RuleHours => {
    if (text === null) return null
    const [, from, fromMinute, to, toMinute] = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)$/.exec(text) ?? []
    const startMinute = Number(from) * 60 + Number(fromMinute)
    const endMinute = Number(to) * 60 + Number(toMinute)
    if (!(startMinute < endMinute && endMinute <= 1440)) return s.refuse(ctx, text, 'invalid_hours', HOURS)
    return { startMinute, endMinute }
  })
const state = z.string().regex(/^[A-Z]{2}$/, 'must be a two-letter state, such as TX')
const states = z.array(state).min(1).max(100)
const days = z.strictObject(Object.fromEntries(WEEK.map((day) => [day, hours.optional()])))

export const TermsInput = z.discriminatedUnion('type', [
  z
    .strictObject({
      type: z.literal('calling_hours'),
      hours: hours.meta({ description: 'Of every day that `days` does not name: "09:00-20:00", or null for none' }),
      days: days.default({}),
      holidays: z.boolean().default(true).meta({ description: 'Whether calls may be made on legal holidays' }),
    })
    .transform(({ type, hours: everyDay, days: named, holidays }): RuleTerms => {
      const week = WEEK.map((day) => (named[day] === undefined ? everyDay : named[day]))
      return { type, week, callsOnHolidays: holidays }
    }),
  z.strictObject({
    type: z.literal('dnc'),
    lists: z
      .array(z.string().max(64))
      .min(1)
      .max(MAX_LISTS)
      .meta({ description: 'internal, blocked, or names of lists of numbers (GET /dnc/lists)' }),
  }),
  z
    .strictObject({
      type: z.literal('consent'),
      max_age_hours: z.int().min(1).max(87_600).nullable().default(null),
      needs_certificate: z.boolean().default(false),
    })
    .transform(({ type, max_age_hours: maxAgeHours, needs_certificate: needsCertificate }): RuleTerms => ({
      type,
      maxAgeHours,
      needsCertificate,
    })),
  z.strictObject({ type: z.literal('geography'), against: z.enum(['in', 'outside']), states }),
  z.strictObject({
    type: z.literal('attestation'),
    minimum: z.enum(['A', 'B', 'C']),
    missing: z.boolean().default(false).meta({ description: 'Whether a call without attestation is one of less' }),
  }),
  z.strictObject({
    type: z.literal('frequency'),
    calls: z.int().min(1).max(100),
    hours: z.int().min(1).max(MAX_FREQUENCY_HOURS),
    per: z.enum(['consumer', 'vertical', 'seller', 'number']).default('consumer'),
  }),
  z.strictObject({
    type: z.literal('expression'),
    expression: z
      .string()
      .min(1)
      .max(MAX_EXPRESSION)
      .transform((text, ctx) => {
        try {
          compileExpression(text)
          return text
        } catch (error) {
          if (!(error instanceof BadExpression)) throw error
          return s.refuse(ctx, text, 'invalid_expression', error.message)
        }
      })
      .meta({ description: 'A condition of the Common Expression Language that is true of the calls it is against' }),
  }),
])

const named = <T extends string>() => z.array(s.id<T>()).max(MAX_NAMED).default([])
export const ScopeInput = z
  .strictObject({
    sellers: named<AccountId>(),
    numbers: named<NumberId>(),
    verticals: z.array(s.vertical()).max(MAX_NAMED).default([]),
    states: z.array(state).max(100).default([]),
    legs: z
      .array(z.enum(['inbound', 'transfer', 'outbound']))
      .max(3)
      .default([]),
    buyers: named<AccountId>(),
    campaigns: named<CampaignId>(),
  })
  .meta({ description: 'The calls it is for: those that every list names; an empty one is for all' })

export const printedScope = z.strictObject({
  sellers: z.array(z.string()),
  numbers: z.array(z.string()),
  verticals: z.array(z.string()),
  states: z.array(z.string()),
  legs: z.array(z.string()),
  buyers: z.array(z.string()),
  campaigns: z.array(z.string()),
})

export const printedTerms = z.looseObject({ type: z.string() })

export function printScope(scope: RuleScope): z.input<typeof printedScope> {
  const { sellers, numbers, verticals, states: named_, legs, buyers, campaigns } = scope
  return {
    sellers: [...sellers],
    numbers: [...numbers],
    verticals: [...verticals],
    states: [...named_],
    legs: [...legs],
    buyers: [...buyers],
    campaigns: [...campaigns],
  }
}

/** As they may be sent again. */
export function printTerms(terms: RuleTerms): z.input<typeof printedTerms> {
  switch (terms.type) {
    case 'calling_hours':
      return {
        type: terms.type,
        hours: null,
        days: Object.fromEntries(terms.week.map((each, i) => [WEEK[i]!, printHours(each)])),
        holidays: terms.callsOnHolidays,
      }
    case 'consent':
      return { type: terms.type, max_age_hours: terms.maxAgeHours, needs_certificate: terms.needsCertificate }
    case 'dnc':
    case 'geography':
    case 'attestation':
    case 'frequency':
    case 'expression':
      return { ...terms }
  }
}

function printHours(each: RuleHours): string | null {
  return each && `${clock(each.startMinute)}-${clock(each.endMinute)}`
}

function clock(minute: number): string {
  return `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`
}
