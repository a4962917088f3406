import { crc32 } from 'node:zlib'
import { AreaNumbers } from '../../model/area-numbers.ts'
import type { SuppressionListId } from '../../model/ids.ts'
import { FOREIGN_AREA, type ImportMode, type ImportOutcome } from '../../model/suppression-list.ts'
import type { Queries, Row } from '../postgres.ts'
import { BadImport, type AreaDrafts, type DraftedArea } from './area-drafts.ts'
import { AT_ONCE } from './pace.ts'
import type { ReadCounts } from './read-numbers.ts'

/** Any number, as long as all of us use it: one writer at a time on a list. */
const LOCK_CLASS = 7_203_118
/**
 * A file of which more lines are no numbers than one in so many is a mistake: one that only adds or only takes away need not be whole, and is
 * another kind of file.
 */
const INVALID_SHARE = { replace: 100, replace_areas: 100, change: 100, add: 2, remove: 2 } as const
/** But a few always may. */
const INVALID_ALLOWED = 10

/** Somebody else is changing the list. */
export class ListBusy extends Error {
  override readonly name = 'ListBusy'
}

export interface ListWrite {
  readonly listId: SuppressionListId
  readonly mode: ImportMode
  /** Null: as it was. */
  readonly versionDate: Date | null
  /** A replacement may leave less than half of the numbers. */
  readonly mayShrink: boolean
  readonly doneBy: string
  /** Waits for another writer; else ListBusy. */
  readonly waits: boolean
  readonly at: Date
}

/**
 * Writes what a file says of a list, in the transaction it is called in: until that is committed, and if it never is, the list is as it was. Each
 * area code is read, changed and written by itself. Answers null for a list that is not there. Throws BadImport for a replacement that is
 * surely a mistake, ListBusy.
 */
export async function writeList(
  tx: Queries,
  drafts: AreaDrafts,
  counts: Pick<ReadCounts, 'lines' | 'invalid' | 'shown'>,
  write: ListWrite,
  pace = AT_ONCE,
): Promise<{ readonly outcome: ImportOutcome; readonly bookVersion: number } | null> {
  const { listId, mode } = write
  await lock(tx, write)
  const [list] = await tx.rows('select name, revision, numbers from suppression_lists where id = $1', [listId])
  if (!list) return null
  const isWhole = mode === 'replace'
  const replaces = isWhole || mode === 'replace_areas'
  const revision = (list['revision'] as number) + 1
  const before = Number(list['numbers'])
  refuseMistakes(drafts, counts, mode)

  const known = await tx.rows('select area from suppression_areas where list_id = $1', [listId])
  const areas = new Set(drafts.areas)
  if (isWhole) for (const { area } of known) if (area !== FOREIGN_AREA) areas.add(area)
  let [added, removed] = [0, 0]
  // Of the area codes that are written: how many numbers they have had, by their rows, and have.
  let [had, has] = [0, 0]
  const keep = async (area: number, drafted: DraftedArea, stored: Stored | null): Promise<void> => {
    added += drafted.added
    removed += drafted.removed
    had += stored?.numbers ?? 0
    has += drafted.size
    if (isWhole && drafted.size === 0)
      await tx.rows('delete from suppression_areas where list_id = $1 and area = $2', [listId, area])
    else if (drafted.added + drafted.removed > 0) await writeArea(tx, listId, area, revision, drafted)
    await pace.after(drafted.packed.length)
  }
  for (const area of areas) {
    const stored = await readArea(tx, listId, area, replaces)
    const packed = stored?.packed ?? null
    await keep(area, drafts.take(area, packed && new AreaNumbers(packed), replaces), stored)
  }
  if (drafts.hasForeign || (isWhole && known.some(({ area }) => area === FOREIGN_AREA))) {
    const stored = await readArea(tx, listId, FOREIGN_AREA, isWhole)
    const texts = new Set(stored?.packed?.toString().split('\n').filter(Boolean))
    await keep(FOREIGN_AREA, drafts.takeForeign(texts, isWhole), stored)
  }
  const numbers = before + has - had
  if (replaces && has * 2 < had && !write.mayShrink)
    throw new BadImport(
      `the file has ${has} numbers and the list ${had}${isWhole ? '' : ' in its area codes'}: less than half would be left`,
    )

  await tx.rows(
    `update suppression_lists set numbers = $2, revision = $3, replaced_at = case when $4 then $3 else replaced_at end,
       version_date = coalesce($5, version_date), version = version + 1, updated_at = $6 where id = $1`,
    [listId, numbers, revision, isWhole, write.versionDate, write.at],
  )
  const { lines, invalid } = counts
  await tx.rows(
    `insert into suppression_imports
       (list_id, list_name, at, revision, mode, version_date, added, removed, numbers, lines, invalid, done_by)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
    [
      listId,
      list['name'],
      write.at,
      revision,
      mode,
      write.versionDate,
      added,
      removed,
      numbers,
      lines,
      invalid,
      write.doneBy,
    ],
  )
  const [listed] = await tx.rows(`select list_book_change('suppression-list', $1, null) as version`, [listId])
  const outcome = { added, removed, numbers, lines, invalid, invalidShown: counts.shown }
  return { outcome, bookVersion: Number(listed!['version']) }
}

async function lock(tx: Queries, { listId, waits }: ListWrite): Promise<void> {
  if (waits) await tx.rows('select pg_advisory_xact_lock($1, hashtext($2))', [LOCK_CLASS, listId])
  else {
    const [row] = await tx.rows('select pg_try_advisory_xact_lock($1, hashtext($2)) as is_mine', [LOCK_CLASS, listId])
    if (row!['is_mine'] !== true) throw new ListBusy('another import of this list is under way')
  }
}

function refuseMistakes(
  drafts: AreaDrafts,
  { lines, invalid }: Pick<ReadCounts, 'lines' | 'invalid'>,
  mode: ImportMode,
): void {
  if (drafts.areas.length === 0 && !drafts.hasForeign)
    throw new BadImport(lines === 0 ? 'the file is empty' : 'no line of the file is a number')
  if (invalid > INVALID_ALLOWED && invalid * INVALID_SHARE[mode] > lines)
    throw new BadImport(`${invalid} of ${lines} lines are no numbers: the list would not be what the file means`)
}

interface Stored {
  readonly numbers: number
  /** Null: damaged, which is no matter to what replaces it. */
  readonly packed: Buffer | null
}

async function readArea(
  tx: Queries,
  listId: SuppressionListId,
  area: number,
  isReplaced: boolean,
): Promise<Stored | null> {
  const [row] = await tx.rows(
    'select numbers, packed, checksum from suppression_areas where list_id = $1 and area = $2',
    [listId, area],
  )
  if (!row) return null
  return { numbers: row['numbers'], packed: isReplaced && !isSound(row) ? null : readPacked(row) }
}

/** The packed numbers of a row. Throws BadImport where they are not what was written. */
export function readPacked(row: Row): Buffer {
  if (!isSound(row)) throw new BadImport('its stored numbers are damaged: import it anew')
  return row['packed'] as Buffer
}

function isSound(row: Row): boolean {
  return crc32(row['packed'] as Buffer) === Number(row['checksum'])
}

async function writeArea(
  tx: Queries,
  listId: SuppressionListId,
  area: number,
  revision: number,
  { packed, size }: DraftedArea,
): Promise<void> {
  await tx.rows(
    `insert into suppression_areas (list_id, area, revision, numbers, packed, checksum) values ($1, $2, $3, $4, $5, $6)
     on conflict (list_id, area) do update set revision = excluded.revision, numbers = excluded.numbers,
       packed = excluded.packed, checksum = excluded.checksum`,
    [listId, area, revision, size, packed, crc32(packed)],
  )
}
