import assert from 'node:assert/strict'
import type { AnnouncePosting, LedgerStore, LedgerVerdict, Page, PageRequest } from '../api/needs.ts'
import type { AccountId } from '../model/ids.ts'
import type { Posting, PostingKind } from '../model/ledger.ts'
import type { Micros } from '../model/money.ts'
import type { BookWriter } from './book-writer.ts'
import { readMicros } from './columns.ts'
import { pageLimit, pageOf, readCursor, SERIAL_KEY } from './cursor.ts'
import { POSTING_COLUMNS, postingRow, readPosting } from './ledger-rows.ts'
import { keepEvents } from './outbox.ts'
import type { Postgres, Queries } from './postgres.ts'
import { verifyLedger } from './verify-ledger.ts'

/** The ledger as the API sees it: deposits, payouts and corrections go in here; calls are posted by the record writer. */
export class PostgresLedger implements LedgerStore {
  readonly #postgres: Postgres
  readonly #book: BookWriter

  constructor(postgres: Postgres, book: BookWriter) {
    this.#postgres = postgres
    this.#book = book
  }

  async post(posting: Posting, announce?: AnnouncePosting): Promise<Posting> {
    assert(
      posting.entries.length >= 2 && posting.entries.reduce((sum, entry) => sum + entry.amountMicros, 0n) === 0n,
      'a posting’s entries sum to zero',
    )
    const { version, stored } = await this.#postgres.transaction((tx) => this.postIn(tx, posting, announce))
    if (version !== null) await this.written(version, posting)
    return stored
  }

  /**
   * Posts within a transaction of the caller's, who awaits `written` after the commit. `version` is null, and `stored` the first one,
   * where this posting was there already.
   */
  async postIn(
    tx: Queries,
    posting: Posting,
    announce?: AnnouncePosting,
  ): Promise<{ version: number | null; stored: Posting }> {
    const row = postingRow(posting)
    // The counter is locked first: the posting carries the very version that lists it.
    const [counter] = await tx.rows('select version from book_version for update')
    const fresh = await tx.rows('select post_ledger($1, $2::bigint + 1) as id', [
      JSON.stringify([row]),
      counter!['version'],
    ])
    if (fresh.length === 0) {
      const [first] = await tx.rows(
        `select ${POSTING_COLUMNS} from ledger_postings p
         where p.id = $1 or (p.call_id = $2 and p.kind = 'call') or (p.kind = $3 and p.account_id = $4 and p.reference = $5 and p.reference <> '')`,
        [row['id'], row['call_id'], row['kind'], row['account_id'], row['reference']],
      )
      return { version: null, stored: readPosting(first!) }
    }
    if (announce) await keepEvents(tx, announce(await balancesAfter(tx, posting)))
    return { version: await this.#book.list(tx, 'posting', posting.id, null), stored: posting }
  }

  /** Resolves once this process's balances know of it. */
  async written(version: number, posting: Posting): Promise<void> {
    await this.#book.written(version, { kind: 'posting', posting, version })
  }

  async entries(
    accountId: AccountId,
    page: PageRequest,
  ): Promise<Page<{ posting: Posting; kind: PostingKind; amountMicros: Micros; balanceMicros: Micros }>> {
    const before = page.cursor === null ? null : readCursor(page.cursor, SERIAL_KEY).key
    const rows = await this.#postgres.rows(
      `select l.id as entry_id, l.amount_micros, l.balance_micros, ${POSTING_COLUMNS}
       from (select * from ledger_entries where account_id = $1 and ($2::bigint is null or id < $2) order by id desc limit $3) l
       join ledger_postings p on p.id = l.posting_id order by l.id desc`,
      [accountId, before, pageLimit(page) + 1],
    )
    return pageOf(
      rows,
      page,
      (row) => ({
        posting: readPosting(row),
        kind: row['kind'],
        amountMicros: readMicros(row['amount_micros']),
        balanceMicros: readMicros(row['balance_micros']),
      }),
      (row) => ({ ms: row['posted_at'].getTime(), key: row['entry_id'] }),
    )
  }

  verify(): Promise<LedgerVerdict> {
    return verifyLedger(this.#postgres)
  }
}

async function balancesAfter(tx: Queries, { id }: Posting): Promise<(account: AccountId) => Micros> {
  const rows = await tx.rows(
    'select account_id, balance_micros from ledger_entries where posting_id = $1 order by id',
    [id],
  )
  const balances = new Map(rows.map((row) => [row['account_id'], readMicros(row['balance_micros'])]))
  return (account) => balances.get(account) ?? 0n
}
