import { z } from 'zod'
import { REASSIGNED_WORDS, standingOf, type ReassignedAnswer } from '../model/reassigned-number.ts'
import { ADMIN, endpoint, type Endpoint } from './endpoint.ts'
import { phoneAt, type Kit } from './kit.ts'
import { invalid } from './problems.ts'
import * as s from './schemas.ts'

/** Answers taken at once. */
const MAX_ANSWERS = 10_000

const day = z
  .string()
  .transform((text, ctx) => {
    const isDay = /^\d{4}-\d\d-\d\d$/.test(text) && new Date(`${text}T00:00:00Z`).toJSON()?.startsWith(text)
    return isDay ? text : s.refuse(ctx, text, 'invalid_day', 'must be a day, such as 2026-01-31')
  })
  .meta({ description: 'A day: 2026-01-31' })

const AnswerOf = z.strictObject({
  consent_date: z.string(),
  answer: z.enum(REASSIGNED_WORDS),
  asked_at: s.printedTime(),
})

/** Answers of the Reassigned Numbers Database: kept with their time, and what they are worth. */
export function reassignedEndpoints(kit: Kit): Endpoint[] {
  const { reassigned } = kit.stores
  const common = { tag: 'dnc/reassigned', who: ADMIN } as const
  return [
    endpoint({
      ...common,
      method: 'post',
      path: '/dnc/reassigned',
      summary: 'Keep what the Reassigned Numbers Database has answered; keeping it twice changes nothing',
      body: z.strictObject({
        answers: z
          .array(
            z.strictObject({
              number: z.string().max(64),
              consent_date: day.meta({ description: 'The day the database was asked about' }),
              answer: z.enum(REASSIGNED_WORDS),
              asked_at: s.instant(),
            }),
          )
          .min(1)
          .max(MAX_ANSWERS),
      }),
      answers: { 200: z.strictObject({ kept: z.int(), already_kept: z.int() }) },
      async handle({ body }) {
        const answers = body.answers.map((each, i): ReassignedAnswer => {
          const number = phoneAt(kit, `/answers/${i}/number`, each.number)
          if (each.asked_at.getTime() > kit.clock.now())
            throw invalid(`/answers/${i}/asked_at`, 'is in the future', 'in_future')
          return { number, consentDate: each.consent_date, answer: each.answer, askedAt: each.asked_at }
        })
        const kept = await reassigned.add(answers)
        await kit.reassignedKept()
        return { status: 200, body: { kept, already_kept: answers.length - kept } }
      },
    }),
    endpoint({
      ...common,
      method: 'get',
      path: '/dnc/reassigned/{number}',
      summary: 'What was answered of a number, and what that is worth for a consent of a day',
      query: z.strictObject({ consent_date: day.optional() }),
      answers: {
        200: z.strictObject({
          number: z.string(),
          answers: z.array(AnswerOf),
          standing: z.enum(['reassigned', 'safe_harbour', 'unknown']).nullable(),
        }),
      },
      async handle({ params, query }) {
        const number = phoneAt(kit, '/path/number', params['number']!)
        const found = await reassigned.find(number)
        const { consent_date: consentDate } = query
        const standing =
          consentDate === undefined
            ? null
            : standingOf(found, Date.parse(`${consentDate}T12:00:00Z`), kit.clock.now()).standing
        const answers = found.map(({ consentDate: about, answer, askedAt }) => ({
          consent_date: about,
          answer,
          asked_at: s.printTime(askedAt),
        }))
        return { status: 200, body: { number, answers, standing } }
      },
    }),
  ]
}
