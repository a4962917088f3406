import { z } from 'zod'
import { isHouseList } from '../model/dnc.ts'
import type { SuppressionListId } from '../model/ids.ts'
import {
  IMPORT_MODES,
  isExpired,
  MAX_SUPPRESSION_LISTS,
  NATIONAL_EXPIRES_DAYS,
  SUPPRESSION_KINDS,
  WHEN_UNKNOWN,
  type SuppressionList,
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

const state = z.string().regex(/^[A-Z]{2}$/, 'must be a two-letter state, such as TX')
const expiresAfterDays = z.int().min(1).max(MAX_DAYS).nullable()
const whenExpired = z.enum(WHEN_UNKNOWN).meta({
  description: 'What follows for calls once its numbers are older than that, or cannot be read: refuse or warn',
})

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
})
const Patch = z
  .strictObject({ source: s.text(500), expires_after_days: expiresAfterDays, when_expired: whenExpired })
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
          lookup: null,
          numbers: 0,
          revision: 0,
          replacedAt: 0,
        }
      },
      changes: ({ source, expires_after_days: days, when_expired: expired }) =>
        given({ source, expiresAfterDays: days, whenExpired: expired }),
      async removing({ name }) {
        const rule = await ruleNaming(kit, name)
        if (rule !== null)
          throw new Problem('conflict', `The compliance rule "${rule}" asks this list: change it first.`)
      },
      print,
    }),
  ]
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
