import type { IncomingMessage } from 'node:http'
import { z } from 'zod'
import { IMPORT_MODES, needsDate, usualMode, type ImportMode, type SuppressionList } from '../model/suppression-list.ts'
import { limited } from './body.ts'
import type { Caller } from './endpoint.ts'
import type { Kit } from './kit.ts'
import { invalid } from './problems.ts'

/** The whole national registry is a third of this. */
const MAX_FILE_BYTES = 12_000_000_000

/** Types a file of numbers may come in: what it is, its first bytes say. */
export const FILE_TYPES = [
  'text/csv',
  'text/plain',
  'application/xml',
  'text/xml',
  'application/zip',
  'application/gzip',
  'application/octet-stream',
] as const

export const ListImportReport = z.strictObject({
  list: z.string(),
  mode: z.enum(IMPORT_MODES),
  added: z.int(),
  removed: z.int(),
  numbers: z.int().meta({ description: 'On the list afterwards' }),
  lines: z.int(),
  invalid: z.array(z.strictObject({ line: z.int(), value: z.string() })),
  invalid_omitted: z.int(),
})

export interface ListImportQuery {
  readonly mode?: ImportMode | undefined
  readonly version_date?: Date | null | undefined
  readonly may_shrink: boolean
}

/** Hands a body to the list as it comes, and answers once this gateway screens by it. */
export async function importIntoList(
  kit: Kit,
  request: IncomingMessage,
  list: SuppressionList,
  { mode = usualMode(list), version_date: versionDate = null, may_shrink: mayShrink }: ListImportQuery,
  caller: Caller,
): Promise<z.input<typeof ListImportReport>> {
  if (list.lookup !== null)
    throw invalid('/query/list', `${list.name} is kept by somebody else, who is asked by HTTP`, 'not_importable')
  if (versionDate === null && needsDate(list, mode)) {
    const why = `say of when the numbers are: the list may be used for ${list.expiresAfterDays} days from then`
    throw invalid('/query/version_date', why, 'required')
  }
  if (versionDate !== null && versionDate.getTime() > kit.clock.now())
    throw invalid('/query/version_date', 'is in the future', 'in_future')
  const options = { mode, versionDate, mayShrink, doneBy: nameOf(caller) }
  const told = await kit.stores.suppression.import(list.id, limited(request, MAX_FILE_BYTES), options)
  await kit.listLoaded(list.id)
  const { added, removed, numbers, lines, invalid: invalidLines, invalidShown } = told
  return {
    list: list.name,
    mode,
    added,
    removed,
    numbers,
    lines,
    invalid: [...invalidShown],
    invalid_omitted: invalidLines - invalidShown.length,
  }
}

/** For a list's history. */
export function nameOf({ userId, accountId }: Caller): string {
  return userId === null ? `an API key of account ${accountId}` : `user ${userId}`
}
