import { z } from 'zod'
import { NumberInUse, PrivacyUnable, type Erasure, type ExportedRecord } from '../model/privacy.ts'
import { spellingsOf } from '../model/number-spellings.ts'
import type { CallId } from '../model/ids.ts'
import { ADMIN, endpoint, type Endpoint } from './endpoint.ts'
import { phoneAt, type Kit } from './kit.ts'
import { Problem } from './problems.ts'
import * as s from './schemas.ts'

const LIST = 'erasures'

const ErasureAnswer = z.strictObject({
  id: s.printedId(),
  pseudonym: z.string().meta({ description: 'What stands in the number’s place' }),
  asked_by: z.string(),
  reason: z.string(),
  state: z.enum(['running', 'done']),
  asked_at: s.printedTime(),
  done_at: s.printedTime().nullable(),
  changed: z.record(z.string(), z.int()).meta({ description: 'Rows changed, by table' }),
  fault: z.string().nullable().meta({ description: 'Why it is not done yet; it is tried again every hour' }),
})

function view(erasure: Erasure): z.input<typeof ErasureAnswer> {
  const { askedAt, doneAt } = erasure
  return {
    id: erasure.id,
    pseudonym: erasure.pseudonym,
    asked_by: erasure.askedBy,
    reason: erasure.reason,
    state: erasure.state,
    asked_at: s.printTime(askedAt),
    done_at: doneAt && s.printTime(doneAt),
    changed: erasure.changed,
    fault: erasure.fault,
  }
}

/** What is known of a person by their number, for the person or to be forgotten; and what is kept how long. */
export function privacyEndpoints(kit: Kit): Endpoint[] {
  const { stores, recordings, sipTraces, log } = kit
  const { privacy } = stores
  return [
    endpoint({
      method: 'post',
      tag: 'privacy',
      who: ADMIN,
      path: '/privacy/export',
      summary: 'Everything that says a number, as JSON, a record a line: where it stands, and what stands there',
      body: z.strictObject({ number: z.string() }),
      answers: { 200: 'Lines of JSON (application/x-ndjson): {place, record}', 409: 'There are no encryption keys' },
      async handle({ body }) {
        const number = phoneAt(kit, '/number', body.number)
        const records = privacy.export(number)[Symbol.asyncIterator]()
        const first = await records.next().catch(refusal)
        return {
          status: 200,
          stream: { type: 'application/x-ndjson', length: null, chunks: inLines(first, records) },
        }
      },
    }),
    endpoint({
      method: 'post',
      tag: 'privacy',
      who: ADMIN,
      path: '/privacy/erase',
      summary: 'Forget a number: a pseudonym stands in its place, but for what the law wants kept, which is sealed',
      body: z.strictObject({ number: z.string(), reason: z.string().min(1).max(500) }),
      answers: {
        200: ErasureAnswer,
        409: 'The number is part of how the exchange is set up, or of a call in progress; or there are no encryption keys',
      },
      async handle({ body, caller }) {
        const number = phoneAt(kit, '/number', body.number)
        const asked = { askedBy: caller.userId ?? caller.accountId, reason: body.reason }
        const erase = (callIds: readonly string[]): Promise<void> => recordings.erase(callIds as readonly CallId[])
        const erasure = await privacy.erase(number, asked, erase).catch(refusal)
        // In memory, for as long as it has room: a ladder with stars in it.
        await sipTraces.mask(spellingsOf(number))
        log.info({ erasure: erasure.id, changed: erasure.changed }, 'a number was forgotten')
        return { status: 200, body: view(erasure) }
      },
    }),
    endpoint({
      method: 'get',
      tag: 'privacy',
      who: ADMIN,
      path: '/privacy/erasures',
      summary: 'Who asked for a number to be forgotten, and what came of it, newest first',
      query: z.strictObject(s.pageQuery),
      answers: { 200: s.pageOf(ErasureAnswer) },
      async handle({ query }) {
        const page = await privacy.erasures(kit.cursors.request(LIST, query))
        return { status: 200, body: kit.cursors.answer(LIST, page, view) }
      },
    }),
    endpoint({
      method: 'get',
      tag: 'privacy',
      who: ADMIN,
      path: '/privacy/retention',
      summary: 'How long each class of data is kept, why, and what waits to go',
      answers: {
        200: z.strictObject({
          data: z.array(
            z.strictObject({
              class: z.string(),
              days: z.int(),
              source: z.string(),
              waiting: z.int().nullable().meta({ description: 'Rows older than that; at most 10,000 are counted' }),
            }),
          ),
        }),
      },
      async handle() {
        const figures = await privacy.look()
        return {
          status: 200,
          body: { data: figures.map(({ class: of, days, source, waiting }) => ({ class: of, days, source, waiting })) },
        }
      },
    }),
  ]
}

function refusal(error: unknown): never {
  if (error instanceof NumberInUse) throw new Problem('number_in_use', `${sentence(error.message)}.`)
  if (error instanceof PrivacyUnable) throw new Problem('not_configured', `${sentence(error.message)}.`)
  throw error
}

function sentence(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1)
}

async function* inLines(
  first: IteratorResult<ExportedRecord>,
  rest: AsyncIterator<ExportedRecord>,
): AsyncGenerator<Uint8Array> {
  for (let next = first; next.done !== true; next = await rest.next())
    yield Buffer.from(`${JSON.stringify(next.value)}\n`)
}
