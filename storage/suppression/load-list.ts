import type { SuppressionListId } from '../../model/ids.ts'
import type { Queries, Row } from '../postgres.ts'
import { BadImport } from './area-drafts.ts'
import { AT_ONCE } from './pace.ts'
import { readPacked } from './write-list.ts'

/** What was read of a list; `list` null: there is none. */
export interface ReadList {
  readonly list: Row | null
  readonly isWhole: boolean
  readonly damage: string | null
}

/**
 * Reads the area codes of a list that have changed since a revision, or all of them when it was replaced since. In a transaction of one snapshot,
 * an area code at a time.
 */
export async function loadList(
  tx: Queries,
  listId: SuppressionListId,
  after: number,
  take: (area: number, packed: Buffer) => void,
  pace = AT_ONCE,
): Promise<ReadList> {
  const [list] = await tx.rows('select * from suppression_lists where id = $1', [listId])
  if (!list) return { list: null, isWhole: true, damage: null }
  const isWhole = after === 0 || (list['replaced_at'] as number) > after
  const rows = await tx.rows('select area from suppression_areas where list_id = $1 and revision > $2 order by area', [
    listId,
    isWhole ? 0 : after,
  ])
  try {
    for (const { area } of rows) {
      const [row] = await tx.rows('select packed, checksum from suppression_areas where list_id = $1 and area = $2', [
        listId,
        area,
      ])
      const packed = readPacked(row!)
      take(area, packed)
      await pace.after(packed.length)
    }
  } catch (error) {
    if (!(error instanceof BadImport)) throw error
    return { list, isWhole, damage: error.message }
  }
  return { list, isWhole, damage: null }
}

/** So that all statements of a transaction see the same. */
export const ONE_SNAPSHOT = 'begin isolation level repeatable read read only'
