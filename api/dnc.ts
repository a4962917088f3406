import { z } from 'zod'
import { HOUSE_LISTS, isHouseList, type DncEntry } from '../model/dnc.ts'
import type { PhoneNumber } from '../model/phone-number.ts'
import { IMPORT_MODES, type SuppressionList } from '../model/suppression-list.ts'
import { contentType } from './body.ts'
import { importDnc, ImportReport } from './dnc-import.ts'
import { ADMIN, endpoint, type Caller, type Endpoint } from './endpoint.ts'
import { notFound, phoneAt, type Kit } from './kit.ts'
import { invalid, Problem } from './problems.ts'
import { reassignedEndpoints } from './reassigned.ts'
import * as s from './schemas.ts'
import { FILE_TYPES, importIntoList, ListImportReport, nameOf } from './suppression-import.ts'
import { suppressionListEndpoints } from './suppression-lists.ts'

const list = z.string().max(64).meta({ description: 'internal, blocked, or the name of a list of numbers' })
const EntryAnswer = z.strictObject({
  number: z.string(),
  list: z.string(),
  reason: z.string(),
  /** Of a list of numbers: of when its numbers are. */
  added_at: s.printedTime(),
})
const LookUpAnswer = z.strictObject({ number: z.string(), listed: z.boolean(), entries: z.array(EntryAnswer) })

const print = (entry: DncEntry): z.input<typeof EntryAnswer> => ({
  number: entry.number,
  list: entry.list,
  reason: entry.reason,
  added_at: s.printTime(entry.addedAt),
})

/** A number on a list that keeps no more of it than that. */
function printListed(number: PhoneNumber, { kind, name, source, versionDate, updatedAt }: SuppressionList) {
  return { number, list: name, reason: `${kind} list: ${source}`, added_at: s.printTime(versionDate ?? updatedAt) }
}

/** Do-not-call lists: the house's own, an entry a number, and lists whose numbers are kept as sets. */
export function dncEndpoints(kit: Kit): Endpoint[] {
  const { dnc, suppression } = kit.stores
  const common = { tag: 'dnc', who: ADMIN } as const
  /** A number in the path, where a 404 says that it is none. */
  const numberOf = (params: Readonly<Record<string, string>>) => phoneAt(kit, '/path/number', params['number']!)

  /** A list of numbers by its name. Throws 422 at `pointer` for one that is not there. */
  function listAt(pointer: string, name: string): SuppressionList {
    const held = kit.compliance.suppression.find(name)
    if (held === undefined) throw invalid(pointer, `there is no list ${name.slice(0, 64)}`, 'not_found')
    return held.list
  }

  async function change(name: string, number: PhoneNumber, deed: 'add' | 'remove', caller: Caller) {
    const listed = listAt('/list', name)
    if (listed.lookup !== null) throw invalid('/list', 'is kept by somebody else, who is asked by HTTP', 'not_ours')
    const numbers = { add: [] as PhoneNumber[], remove: [] as PhoneNumber[] }
    numbers[deed].push(number)
    const { added, removed } = await suppression.change(listed.id, numbers, nameOf(caller))
    await kit.listLoaded(listed.id)
    return { listed, isChanged: added + removed > 0 }
  }

  return [
    ...suppressionListEndpoints(kit),
    ...reassignedEndpoints(kit),
    endpoint({
      ...common,
      method: 'post',
      path: '/dnc',
      summary: 'Add a number; one already listed stays as it is (200)',
      body: z.strictObject({ number: z.string().max(64), list, reason: s.text(500).default('added by hand') }),
      answers: { 201: EntryAnswer, 200: EntryAnswer },
      async handle({ body, caller }) {
        const number = phoneAt(kit, '/number', body.number)
        if (!isHouseList(body.list)) {
          const { listed, isChanged } = await change(body.list, number, 'add', caller)
          return { status: isChanged ? 201 : 200, body: printListed(number, listed) }
        }
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
        if (query.list !== undefined && !isHouseList(query.list)) {
          listAt('/query/list', query.list)
          throw invalid('/query/list', 'its numbers are looked up one by one: GET /dnc/{number}', 'not_listable')
        }
        const name = `dnc ${query.list ?? ''}`
        const page = await dnc.list(query.list ?? null, kit.cursors.request(name, query))
        return { status: 200, body: kit.cursors.answer(name, page, print) }
      },
    }),
    endpoint({
      ...common,
      method: 'post',
      path: '/dnc/import',
      summary:
        'Add many: a line each, or JSON {list, numbers[]}; adding twice changes nothing. Into a list of numbers: a file of numbers, of the FTC’s formats, in tags, zip or gzip, all of it or nothing',
      query: z.strictObject({
        list: list.optional(),
        reason: s.text(500).default('import'),
        mode: z.enum(IMPORT_MODES).optional().meta({
          description:
            'For a list of numbers: replace and replace_areas (as the file says), add, remove, or change (each line says which)',
        }),
        version_date: s.instant().optional().meta({ description: 'Of when the numbers are' }),
        may_shrink: z
          .enum(['true', 'false'])
          .default('false')
          .transform((text) => text === 'true')
          .meta({ description: 'A replacement may leave less than half of the numbers' }),
      }),
      streams: [...FILE_TYPES, 'application/json'],
      answers: { 200: z.union([ImportReport, ListImportReport]) },
      async handle({ raw, query, caller }) {
        const { list: name, reason } = query
        if (name === undefined || isHouseList(name))
          return { status: 200, body: await importDnc(kit, raw, { reason, list: name }) }
        const listed = listAt('/query/list', name)
        if (!FILE_TYPES.some((type) => type === contentType(raw)))
          throw new Problem('unsupported_media_type', 'Send a file of numbers: text, XML, zip or gzip.')
        return { status: 200, body: await importIntoList(kit, raw, listed, query, caller) }
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
        const entries: z.input<typeof EntryAnswer>[] = (await dnc.find(number)).map(print)
        for (const held of kit.compliance.suppression.all)
          if (held.has(number)) entries.push(printListed(number, held.list))
        return { status: 200, body: { number, listed: entries.length > 0, entries } }
      },
    }),
    endpoint({
      ...common,
      method: 'delete',
      path: '/dnc/{number}',
      summary: 'Take a number off a list, or off both of the house’s own',
      query: z.strictObject({ list: list.optional() }),
      answers: { 204: 'Gone' },
      async handle({ params, query, caller }) {
        const number = numberOf(params)
        let removed = false
        if (query.list !== undefined && !isHouseList(query.list)) {
          if (!kit.compliance.suppression.find(query.list)?.has(number)) throw notFound('entry for this number')
          await change(query.list, number, 'remove', caller)
          return { status: 204 }
        }
        for (const name of query.list === undefined ? HOUSE_LISTS : [query.list]) {
          if (await dnc.remove(name, number)) removed = true
        }
        if (!removed) throw notFound('entry for this number')
        return { status: 204 }
      },
    }),
  ]
}
