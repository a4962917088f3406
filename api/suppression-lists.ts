import { z } from 'zod'
import { isHouseList } from '../model/dnc.ts'
import type { SuppressionListId } from '../model/ids.ts'
import {
  IMPORT_MODES,
  isExpired,
  MAX_LOOKUP_MS,
  MAX_SUPPRESSION_LISTS,
  NATIONAL_EXPIRES_DAYS,
  SUPPRESSION_KINDS,
  WHEN_UNKNOWN,
  type SuppressionList,
  type SuppressionLookup,
} from '../model/suppression-list.ts'
import { crud, given } from './crud.ts'
import { ADMIN, endpoint, type Endpoint } from './endpoint.ts'
import { notFound, ownerOf, type Kit } from './kit.ts'
import { invalid, Problem } from './problems.ts'
import * as s from './schemas.ts'

/** Rules looked through at a time. */
const PAGE = 100
/** Changes of a list that are told of. */
const MAX_HISTORY = 200
const MAX_DAYS = 3_650
const MAX_HEADERS = 10

const state = z.string().regex(/^[A-Z]{2}$/, 'must be a two-letter state, such as TX')
const expiresAfterDays = z.int().min(1).max(MAX_DAYS).nullable()
const whenExpired = z.enum(WHEN_UNKNOWN).meta({
  description: 'What follows for calls once its numbers are older than that, or cannot be read: refuse or warn',
})

const scalars = z
  .array(z.union([z.string().max(200), z.number(), z.boolean(), z.null()]))
  .min(1)
  .max(20)
const LookupInput = z
  .strictObject({
    url: z
      .string()
      .trim()
      .max(2048)
      .meta({ description: 'With {number} (+12025551234) or {national} (2025551234) in it' }),
    headers: z
      .record(z.string().regex(/^[\w-]{1,100}$/), z.string().max(4096))
      .default({})
      .refine((headers) => Object.keys(headers).length <= MAX_HEADERS, { error: `must be at most ${MAX_HEADERS}` })
      .meta({ description: 'Kept sealed, and never shown again' }),
    pointer: z
      .string()
      .max(200)
      .regex(/^(?:\/[^/]*)*$/, 'must be a JSON pointer, such as /result/listed')
      .meta({ description: 'To what says in the JSON of the answer whether the number is listed' }),
    listed: scalars.default([true]).meta({ description: 'The values there that mean it is' }),
    clear: scalars.default([false]).meta({ description: 'The values that mean it is not; any other is no answer' }),
    deadline_ms: z.int().min(10).max(MAX_LOOKUP_MS).default(500),
    when_away: z.enum(WHEN_UNKNOWN).default('refuse').meta({ description: 'What follows of no answer in time' }),
  })
  .meta({ description: 'A list somebody else keeps: asked by HTTP for each number, once within dnc.cache_ttl' })

const Create = z.strictObject({
  account_id: s.id<SuppressionList['accountId']>().optional().meta({ description: 'Of a buyer’s own list: the buyer' }),
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'must be small letters, digits, dots, dashes or underscores, at most 64'),
  kind: z.enum(SUPPRESSION_KINDS),
  source: s.text(500).meta({ description: 'Where it is from, or the law it stands on' }),
  state: state.optional().meta({ description: 'Of a state’s list: it is for consumers who may be there' }),
  expires_after_days: expiresAfterDays.optional().meta({ description: '31 for the national list unless said' }),
  when_expired: whenExpired.default('refuse'),
  lookup: LookupInput.optional(),
})
const Patch = z
  .strictObject({
    source: s.text(500),
    expires_after_days: expiresAfterDays,
    when_expired: whenExpired,
    lookup: LookupInput,
  })
  .partial()

const Answer = z.strictObject({
  id: s.printedId(),
  account_id: s.printedId(),
  name: z.string(),
  kind: z.enum(SUPPRESSION_KINDS),
  source: z.string(),
  state: z.string().nullable(),
  version_date: s.printedTime().nullable(),
  expires_after_days: z.int().nullable(),
  when_expired: z.enum(WHEN_UNKNOWN),
  expired: z.boolean(),
  numbers: z.int(),
  revision: z.int(),
  lookup: z
    .strictObject({
      url: z.string(),
      headers: z.array(z.string()).meta({ description: 'Their names' }),
      pointer: z.string(),
      listed: scalars,
      clear: scalars,
      deadline_ms: z.int(),
      when_away: z.enum(WHEN_UNKNOWN),
    })
    .nullable(),
  ...s.printedStored,
})
const HistoryAnswer = z.strictObject({
  data: z.array(
    z.strictObject({
      at: s.printedTime(),
      revision: z.int(),
      mode: z.enum(IMPORT_MODES),
      version_date: s.printedTime().nullable(),
      added: z.int(),
      removed: z.int(),
      numbers: z.int(),
      lines: z.int(),
      invalid: z.int(),
      done_by: z.string(),
    }),
  ),
})

/** Do-not-call lists whose numbers are kept as sets: the nation's, states', litigators', buyers' own. */
export function suppressionListEndpoints(kit: Kit): Endpoint[] {
  const { stores, compliance } = kit
  const print = (list: SuppressionList): z.input<typeof Answer> => ({
    id: list.id,
    account_id: list.accountId,
    name: list.name,
    kind: list.kind,
    source: list.source,
    state: list.state,
    version_date: s.printTime(list.versionDate),
    expires_after_days: list.expiresAfterDays,
    when_expired: list.whenExpired,
    expired: isExpired(list, kit.clock.now()),
    numbers: list.numbers,
    revision: list.revision,
    lookup: list.lookup && printLookup(list.lookup),
    ...s.printStored(list),
  })

  return [
    endpoint({
      tag: 'dnc/lists',
      who: ADMIN,
      method: 'get',
      path: '/dnc/lists/{id}/imports',
      summary: 'What has been imported into a list, the latest first: also of one that is gone',
      answers: { 200: HistoryAnswer },
      async handle({ params }) {
        const id = params['id'] as SuppressionListId
        const imports = await stores.suppression.imports(id, MAX_HISTORY)
        if (imports.length === 0 && !(await stores.suppression.lists.find(id))) throw notFound('list')
        const data = imports.map((each) => ({
          at: s.printTime(each.at),
          revision: each.revision,
          mode: each.mode,
          version_date: s.printTime(each.versionDate),
          added: each.added,
          removed: each.removed,
          numbers: each.numbers,
          lines: each.lines,
          invalid: each.invalid,
          done_by: each.doneBy,
        }))
        return { status: 200, body: { data } }
      },
    }),
    ...crud(kit, {
      name: 'dnc/lists',
      noun: 'list',
      store: stores.suppression.lists,
      who: ADMIN,
      ownerTypes: ['operator', 'buyer'],
      create: Create,
      patch: Patch,
      answer: Answer,
      async owner(body, caller) {
        if (body.kind === 'buyer') return ownerOf(kit, caller, body.account_id, ['buyer'])
        if (body.account_id !== undefined)
          throw invalid('/account_id', 'is for a list of kind buyer alone', 'unexpected')
        return (await stores.accounts.find(caller.accountId))!
      },
      draft(body, owner) {
        if (compliance.suppression.size >= MAX_SUPPRESSION_LISTS)
          throw new Problem('conflict', `There are ${MAX_SUPPRESSION_LISTS} lists, the most that are kept.`)
        if (isHouseList(body.name)) throw invalid('/name', 'is the name of one of the house’s own lists', 'taken')
        if ((body.kind === 'state') !== (body.state !== undefined))
          throw invalid(
            '/state',
            body.kind === 'state' ? 'say which state' : 'is for a list of kind state alone',
            'state',
          )
        const { name, kind, source } = body
        return {
          accountId: owner.id,
          name,
          kind,
          source,
          state: body.state ?? null,
          versionDate: null,
          expiresAfterDays: body.expires_after_days ?? (kind === 'national' ? NATIONAL_EXPIRES_DAYS : null),
          whenExpired: body.when_expired,
          lookup: body.lookup === undefined ? null : readLookup(kit, body.lookup, kind),
          numbers: 0,
          revision: 0,
          replacedAt: 0,
        }
      },
      changes({ source, expires_after_days: days, when_expired: expired, lookup }, current) {
        if (lookup !== undefined && current.lookup === null)
          throw invalid('/lookup', 'the numbers of this list are imported', 'unexpected')
        const asked = lookup && readLookup(kit, lookup, current.kind)
        return given({ source, expiresAfterDays: days, whenExpired: expired, lookup: asked })
      },
      async removing({ name }) {
        const rule = await ruleNaming(kit, name)
        if (rule !== null)
          throw new Problem('conflict', `The compliance rule "${rule}" asks this list: change it first.`)
      },
      print,
    }),
  ]
}

function readLookup(
  { mayCall }: Pick<Kit, 'mayCall'>,
  { deadline_ms: deadlineMs, when_away: whenAway, ...said }: z.output<typeof LookupInput>,
  kind: SuppressionList['kind'],
): SuppressionLookup {
  if (kind === 'buyer') throw invalid('/lookup', 'a buyer’s own list is imported', 'unexpected')
  const { url } = said
  const parsed = URL.canParse(url) ? new URL(url) : null
  if (parsed === null || !/^https?:$/.test(parsed.protocol) || parsed.username !== '' || parsed.hash !== '')
    throw invalid('/lookup/url', 'must be an http or https URL', 'invalid_url')
  if (!/\{(?:number|national)\}/.test(url.slice(url.indexOf(parsed.host) + parsed.host.length)))
    throw invalid('/lookup/url', 'must have {number} or {national} behind its host', 'placeholder')
  if (!mayCall(parsed.hostname)) throw invalid('/lookup/url', 'leads to an address that is not called', 'refused')
  return { ...said, deadlineMs, whenAway }
}

function printLookup({ headers, deadlineMs, whenAway, listed, clear, ...said }: SuppressionLookup) {
  return {
    ...said,
    headers: Object.keys(headers),
    listed: [...listed],
    clear: [...clear],
    deadline_ms: deadlineMs,
    when_away: whenAway,
  }
}

/** The name of a rule that asks a list; null: none does. */
async function ruleNaming({ stores }: Kit, list: string): Promise<string | null> {
  let cursor: string | null = null
  do {
    const page: Awaited<ReturnType<typeof stores.complianceRules.list>> = await stores.complianceRules.list(
      { limit: PAGE, cursor },
      {},
    )
    const found = page.data.find(({ terms }) => terms.type === 'dnc' && terms.lists.includes(list))
    if (found) return found.name
    cursor = page.nextCursor
  } while (cursor !== null)
  return null
}
