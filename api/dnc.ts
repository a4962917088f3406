import { z } from 'zod'
import type { DncEntry } from '../model/dnc.ts'
import { importDnc, ImportReport } from './dnc-import.ts'
import { ADMIN, endpoint, type Endpoint } from './endpoint.ts'
import { notFound, phoneAt, type Kit } from './kit.ts'
import { Problem } from './problems.ts'
import * as s from './schemas.ts'

const list = z.enum(['internal', 'blocked'])
const EntryAnswer = z.strictObject({
  number: z.string(),
  list,
  reason: z.string(),
  added_at: s.printedTime(),
})
const LookUpAnswer = z.strictObject({ number: z.string(), listed: z.boolean(), entries: z.array(EntryAnswer) })

const print = (entry: DncEntry): z.input<typeof EntryAnswer> => ({
  number: entry.number,
  list: entry.list,
  reason: entry.reason,
  added_at: s.printTime(entry.addedAt),
})

/** The house's do-not-call lists: people who asked not to be called, and callers whose calls are never taken. */
export function dncEndpoints(kit: Kit): Endpoint[] {
  const { dnc } = kit.stores
  const common = { tag: 'dnc', who: ADMIN } as const
  /** A number in the path, where a 404 says that it is none. */
  const numberOf = (params: Readonly<Record<string, string>>) => phoneAt(kit, '/path/number', params['number']!)

  return [
    endpoint({
      ...common,
      method: 'post',
      path: '/dnc',
      summary: 'Add a number; one already listed stays as it is (200)',
      body: z.strictObject({ number: z.string().max(64), list, reason: s.text(500).default('added by hand') }),
      answers: { 201: EntryAnswer, 200: EntryAnswer },
      async handle({ body }) {
        const number = phoneAt(kit, '/number', body.number)
        const added = await dnc.add(body.list, [number], body.reason)
        const entry = (await dnc.find(number)).find((found) => found.list === body.list)
        if (!entry) throw new Problem('conflict', 'The number was removed again at the same moment.')
        return { status: added > 0 ? 201 : 200, body: print(entry) }
      },
    }),
    endpoint({
      ...common,
      method: 'get',
      path: '/dnc',
      summary: 'List entries, newest first',
      query: z.strictObject({ ...s.pageQuery, list: list.optional() }),
      answers: { 200: s.pageOf(EntryAnswer) },
      async handle({ query }) {
        const name = `dnc ${query.list ?? ''}`
        const page = await dnc.list(query.list ?? null, kit.cursors.request(name, query))
        return { status: 200, body: kit.cursors.answer(name, page, print) }
      },
    }),
    endpoint({
      ...common,
      method: 'post',
      path: '/dnc/import',
      summary: 'Add many: a line each (text/csv, text/plain), or JSON {list, numbers[]}; adding twice changes nothing',
      query: z.strictObject({ list: list.optional(), reason: s.text(500).default('import') }),
      streams: ['text/csv', 'text/plain', 'application/json'],
      answers: { 200: ImportReport },
      async handle({ raw, query }) {
        return { status: 200, body: await importDnc(kit, raw, query) }
      },
    }),
    endpoint({
      ...common,
      method: 'get',
      path: '/dnc/{number}',
      summary: 'Look a number up on all lists',
      answers: { 200: LookUpAnswer },
      async handle({ params }) {
        const number = numberOf(params)
        const entries = await dnc.find(number)
        return { status: 200, body: { number, listed: entries.length > 0, entries: entries.map(print) } }
      },
    }),
    endpoint({
      ...common,
      method: 'delete',
      path: '/dnc/{number}',
      summary: 'Take a number off a list, or off all',
      query: z.strictObject({ list: list.optional() }),
      answers: { 204: 'Gone' },
      async handle({ params, query }) {
        const number = numberOf(params)
        let removed = false
        for (const name of query.list ? [query.list] : list.options) {
          if (await dnc.remove(name, number)) removed = true
        }
        if (!removed) throw notFound('entry for this number')
        return { status: 204 }
      },
    }),
  ]
}
