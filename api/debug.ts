import { z } from 'zod'
import { ADMIN, endpoint, type Endpoint } from './endpoint.ts'
import { phoneAt, type Kit } from './kit.ts'
import { invalid } from './problems.ts'
import * as s from './schemas.ts'

const ZipCode = z
  .string()
  .regex(/^\d{5}$/, 'must be a five-digit ZIP code')
  .nullish()
const HoursQuestion = z.strictObject({
  phone_number: z.string().max(64),
  time: s.instant().optional().meta({ description: 'RFC 3339; now when left out' }),
  zip: ZipCode,
  consent_zip: ZipCode.meta({ description: 'Of the consent on record' }),
  ivr_zip: ZipCode.meta({ description: 'As the caller has answered a menu' }),
  account_zip: ZipCode.meta({ description: 'Of the consumer’s account with the seller' }),
  leg: z.enum(['inbound', 'transfer', 'outbound']).default('inbound'),
})
const HoursAnswer = z.strictObject({
  allowed: z.boolean(),
  effect: z.enum(['allow', 'block', 'advisory']),
  rule: z.string(),
  version: z.string().meta({ description: 'The day the rule’s row was last changed in our table' }),
  source: z.string(),
  evidence: z
    .string()
    .meta({ description: 'What the places are known by: zip, npa-nxx, npa or none; zip+npa where both count' }),
  places: z.array(
    z.strictObject({ state: z.string(), timezone: z.string(), local_time: z.string(), window: z.string() }),
  ),
  next_allowed_at: s.printedTime().nullable(),
})
const PhoneAnswer = z.strictObject({
  valid: z.boolean(),
  e164: z.string().nullable(),
  country: z.string().nullable(),
  states: z.array(z.string()),
  timezones: z.array(z.string()),
  reason: z.string().optional(),
})

/** What the exchange would say of a call, a number, and itself. */
export function debugEndpoints(kit: Kit): Endpoint[] {
  const common = { tag: 'debug', who: ADMIN } as const
  return [
    endpoint({
      ...common,
      method: 'post',
      path: '/debug/compliance/tcpa',
      summary: 'What the hours alone say of calling a number at a time',
      body: HoursQuestion,
      answers: { 200: HoursAnswer },
      handle({ body }) {
        for (const name of ['zip', 'consent_zip', 'ivr_zip', 'account_zip'] as const) {
          const zip = body[name]
          if (zip && !kit.resolveZip(zip)) throw invalid(`/${name}`, `ZIP code ${zip} is unknown`, 'unknown_zip')
        }
        const answer = kit.judgeHours({
          phoneNumber: phoneAt(kit, '/phone_number', body.phone_number),
          time: body.time ?? new Date(kit.clock.now()),
          zip: body.zip ?? null,
          consentZip: body.consent_zip ?? null,
          ivrZip: body.ivr_zip ?? null,
          accountZip: body.account_zip ?? null,
          leg: body.leg,
        })
        const printed: z.input<typeof HoursAnswer> = {
          allowed: answer.allowed,
          effect: answer.effect,
          rule: answer.rule,
          version: answer.version,
          source: answer.source,
          evidence: answer.evidence,
          places: answer.places.map(({ state, timezone, localTime, window }) => ({
            state,
            timezone,
            local_time: localTime,
            window,
          })),
          next_allowed_at: s.printTime(answer.nextAllowedAt),
        }
        return { status: 200, body: printed }
      },
    }),
    endpoint({
      ...common,
      method: 'get',
      path: '/debug/validate/phone/{number}',
      summary: 'What the numbering plan says of a text',
      answers: { 200: PhoneAnswer },
      handle({ params }) {
        const { valid, e164, country, states, timezones, reason } = kit.validatePhone(params['number']!.slice(0, 64))
        return { status: 200, body: { valid, e164, country, states, timezones, ...(reason ? { reason } : {}) } }
      },
    }),
    endpoint({
      ...common,
      method: 'get',
      path: '/debug/config',
      summary: 'The settings in force, secrets masked',
      answers: { 200: z.record(z.string(), z.unknown()) },
      handle: () => ({ status: 200, body: kit.effectiveConfig() }),
    }),
  ]
}
