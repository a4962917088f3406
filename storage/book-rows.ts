import type { Vault } from '../config/vault.ts'
import type { BookChange } from '../model/book.ts'
import type { DncList } from '../model/dnc.ts'
import type { Posting } from '../model/ledger.ts'
import { ACCOUNTS } from './account-store.ts'
import { BIDS } from './bid-store.ts'
import { BIDDERS } from './bidder-store.ts'
import { CAMPAIGNS } from './campaign-store.ts'
import { consentChanges } from './consent-rows.ts'
import { POSTING_COLUMNS, readPosting } from './ledger-rows.ts'
import { FRAUD_BLOCKS } from './fraud-block-store.ts'
import { NUMBERS } from './number-store.ts'
import type { Queries, Row } from './postgres.ts'
import { COMPLIANCE_RULES } from './rule-store.ts'
import { sealedLayout } from './sealed-layout.ts'
import { SIP_USERS } from './sip-user-store.ts'
import { SUPPRESSION_LISTS } from './suppression/suppression-rows.ts'
import type { TableLayout } from './table-layout.ts'
import { TARGETS } from './target-store.ts'
import { TRUNKS } from './trunk-store.ts'
import { WEBHOOKS } from './webhook-store.ts'

/** Most do-not-call numbers in one change: an import is many changes, so no single one stalls a gateway. */
export const DNC_CHUNK = 5_000

/** The book's tables, each after those it refers to. */
const TABLES: readonly TableLayout<any>[] = [
  ACCOUNTS,
  TRUNKS,
  SIP_USERS,
  NUMBERS,
  TARGETS,
  CAMPAIGNS,
  BIDS,
  COMPLIANCE_RULES,
  SUPPRESSION_LISTS,
  WEBHOOKS,
  BIDDERS,
  FRAUD_BLOCKS,
]

export function bookTables(vault: Vault | null): readonly TableLayout<any>[] {
  return TABLES.map((layout) => sealedLayout(layout, vault))
}

/**
 * Fetches what a run of listed changes needs (each changed row as it is now; the value may be newer than the change, which a later change
 * then repeats) and answers with a function from a listed row to the changes to apply. One that cannot be read (its key is not set here)
 * is left as it was: those behind it, numbers not to be called among them, do not wait for it.
 */
export async function readRowsOf(
  queries: Queries,
  listed: readonly Row[],
  tables: readonly TableLayout<any>[],
  onUnread: (kind: string, id: string, error: Error) => void,
): Promise<(row: Row) => BookChange[]> {
  const values = new Map<string, unknown>()
  const unread = new Set<string>()
  for (const layout of tables) {
    const ids = [
      ...new Set(listed.filter((row) => row['kind'] === layout.kind).map((row) => row['entity_id'] as string)),
    ]
    if (ids.length === 0) continue
    for (const row of await queries.rows(`select * from ${layout.table} where id = any ($1)`, [ids]))
      try {
        values.set(row['id'], layout.read(row))
      } catch (error) {
        unread.add(row['id'])
        onUnread(layout.kind, row['id'], error as Error)
      }
  }
  const postingIds = listed.filter((row) => row['kind'] === 'posting').map((row) => row['entity_id'] as string)
  const postings = new Map<string, Posting>()
  if (postingIds.length > 0)
    for (const row of await queries.rows(`select ${POSTING_COLUMNS} from ledger_postings p where p.id = any ($1)`, [
      postingIds,
    ]))
      postings.set(row['id'], readPosting(row))
  const consents = await consentChanges(queries, listed)

  return (row) => {
    if (row['kind'] === 'consent') return [consents(row)]
    if (row['kind'] === 'dnc') return [{ kind: 'dnc', ...row['payload'] }]
    if (row['kind'] === 'posting') {
      const posting = postings.get(row['entity_id'])
      return posting ? [{ kind: 'posting', posting, version: Number(row['version']) }] : []
    }
    if (unread.has(row['entity_id'])) return []
    return [{ kind: row['kind'], id: row['entity_id'], value: values.get(row['entity_id']) ?? null } as BookChange]
  }
}

/** All do-not-call numbers in chunks; `withRemoved` adds the tombstones, for a receiver that may still hold them. */
export async function* readDncRows(tx: Queries, withRemoved: boolean): AsyncGenerator<BookChange> {
  for (const list of ['internal', 'blocked'] as const satisfies readonly DncList[]) {
    let after = ''
    for (;;) {
      const rows = await tx.rows(
        `select number, removed_at is not null as removed from dnc_entries
         where list = $1 and number > $2 and ($3 or removed_at is null) order by number limit ${DNC_CHUNK}`,
        [list, after, withRemoved],
      )
      if (rows.length > 0) {
        const numbers = (removed: boolean) =>
          rows.filter((row) => row['removed'] === removed).map((row) => row['number'])
        yield { kind: 'dnc', list, add: numbers(false), remove: numbers(true) }
      }
      if (rows.length < DNC_CHUNK) break
      after = rows.at(-1)!['number']
    }
  }
}

/** Deposits, payouts and corrections listed after a version of the book, in their order. */
export async function readPostings(
  tx: Queries,
  afterVersion: number,
): Promise<{ posting: Posting; version: number }[]> {
  const rows = await tx.rows(
    `select ${POSTING_COLUMNS}, p.book_version from ledger_postings p where p.book_version > $1 order by p.book_version`,
    [afterVersion],
  )
  return rows.map((row) => ({ posting: readPosting(row), version: Number(row['book_version']) }))
}
