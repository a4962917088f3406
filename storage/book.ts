import type { Vault } from '../config/vault.ts'
import type { BookChange } from '../model/book.ts'
import type { AccountId } from '../model/ids.ts'
import type { Currency, Micros } from '../model/money.ts'
import { readMicros } from './columns.ts'
import { bookTables, readDncRows, readPostings, readRowsOf } from './book-rows.ts'
import { readKeptConsents } from './consent-rows.ts'
import type { Postgres, Queries } from './postgres.ts'
import type { StorageLog } from './storage-log.ts'
import type { TableLayout } from './table-layout.ts'

/** Where `list_book_change` announces new versions. */
export const BOOK_CHANNEL = 'dce_book'
/** Rows fetched at a time while loading: bounds memory, not the book. */
export const LOAD_PAGE = 10_000
/** Changes read at a time while catching up. */
export const CATCH_UP_PAGE = 1_000

export interface Balance {
  readonly accountId: AccountId
  readonly currency: Currency
  readonly balanceMicros: Micros
}

/**
 * Keeps the receiver's memory at the committed state of the book: everything at `load`, then each change in its order. All work on the
 * applied version is done by one chain of promises, so changes of many writers and notifications never interleave.
 */
export class Book {
  readonly #postgres: Postgres
  readonly #log: StorageLog
  readonly #onChange: (change: BookChange) => void
  #applied: number | null = null
  #running: Promise<void> | null = null
  #again: Promise<void> | null = null
  readonly #tables: readonly TableLayout<any>[]
  /** What the receiver holds, by kind: after a gap, whatever is held and no longer stored is announced as gone. */
  readonly #held: Map<string, Set<string>>
  #balances: readonly Balance[] = []

  constructor(postgres: Postgres, log: StorageLog, onChange: (change: BookChange) => void, vault: Vault | null = null) {
    this.#tables = bookTables(vault)
    this.#held = new Map(this.#tables.map(({ kind }) => [kind, new Set()]))
    this.#postgres = postgres
    this.#log = log
    this.#onChange = onChange
  }

  /** The version the receiver is at; null before `load`. */
  get version(): number | null {
    return this.#applied
  }

  /** The balances at the moment of `load`: what came after arrives as `posting` changes, or is the process's own calls. */
  get balances(): readonly Balance[] {
    return this.#balances
  }

  /** Hands everything stored to `apply`, from one snapshot. Called once, before the first `catchUp`. */
  async load(apply: (change: BookChange) => void): Promise<void> {
    await this.#loadSnapshot(apply, null)
  }

  /** Resolves when the receiver has every change committed before the call. Calls that meet share one reading. */
  catchUp(): Promise<void> {
    if (this.#applied === null) return Promise.resolve() // Not loaded: the load will see it.
    if (this.#running === null) {
      this.#running = this.#readChanges().finally(() => (this.#running = null))
      return this.#running
    }
    // The reading under way may have begun before the caller's commit: one more follows it, shared by all who wait.
    this.#again ??= this.#running
      .catch(() => {})
      .then(() => {
        this.#again = null
        return this.catchUp()
      })
    return this.#again
  }

  /** After this process committed `version`: applied at once if it is the next one and its value is at hand, else read with the others. */
  async written(version: number, change: BookChange | null): Promise<void> {
    if (this.#applied === null || this.#applied >= version) return
    if (change !== null && version === this.#applied + 1 && this.#running === null) {
      this.#apply(this.#onChange, change)
      this.#applied = version
      return
    }
    await this.catchUp()
  }

  /** A notification: only news is worth a reading. */
  announced(version: number): Promise<void> {
    return this.#applied !== null && version > this.#applied ? this.catchUp() : Promise.resolve()
  }

  async #readChanges(): Promise<void> {
    for (;;) {
      const after = this.#applied!
      const rows = await this.#postgres.rows(
        'select version, kind, entity_id, payload from book_changes where version > $1 order by version limit $2',
        [after, CATCH_UP_PAGE],
      )
      if (rows.length === 0) {
        const [counter] = await this.#postgres.rows('select version from book_version')
        // Versions are listed in their order and none is skipped: a counter ahead of an empty list means the list was cut before us.
        if (Number(counter!['version']) > after && (await this.#isGap(after))) continue
        return
      }
      if (Number(rows[0]!['version']) !== after + 1) {
        await this.#reload(after)
        continue
      }
      const values = await readRowsOf(this.#postgres, rows, this.#tables, (kind, id, error) =>
        this.#log.error(
          { kind, id, reason: error.message },
          'a change cannot be read: what is known of it stays as it was',
        ),
      )
      for (const row of rows) {
        const version = Number(row['version'])
        if (version <= this.#applied!) continue // `written` applied it while the rows were fetched.
        for (const change of values(row)) this.#apply(this.#onChange, change)
        this.#applied = version
      }
      if (rows.length < CATCH_UP_PAGE) return
    }
  }

  async #isGap(after: number): Promise<boolean> {
    const [next] = await this.#postgres.rows('select exists (select from book_changes where version > $1) as more', [
      after,
    ])
    if (next!['more'] === false) await this.#reload(after)
    return true
  }

  async #reload(after: number): Promise<void> {
    this.#log.warn(
      { version: after },
      'the list of changes no longer reaches back to this version: the book is read anew',
    )
    await this.#loadSnapshot(this.#onChange, after)
  }

  /** `after` is the version the receiver already has, when it has one: then what is gone is announced too. */
  async #loadSnapshot(apply: (change: BookChange) => void, after: number | null): Promise<void> {
    await this.#postgres.transaction(async (tx) => {
      const [counter] = await tx.rows('select version from book_version')
      const version = Number(counter!['version'])
      const gone: BookChange[] = []
      for (const layout of this.#tables) {
        const missing = new Set(this.#held.get(layout.kind))
        for await (const row of pages(tx, layout.table)) {
          missing.delete(row['id'])
          this.#apply(apply, { kind: layout.kind, id: row['id'], value: layout.read(row) })
        }
        for (const id of missing) gone.unshift({ kind: layout.kind, id, value: null } as BookChange)
      }
      for (const change of gone) this.#apply(apply, change) // Bids before the targets and campaigns they name.
      for await (const change of readDncRows(tx, after !== null)) apply(change)
      for await (const change of readKeptConsents(tx, new Date())) apply(change)
      if (after !== null) for (const one of await readPostings(tx, after)) apply({ kind: 'posting', ...one })
      else this.#balances = await this.readBalances(tx)
      this.#applied = version
    }, 'begin isolation level repeatable read read only')
  }

  /** The balances as they are now. */
  async readBalances(queries: Queries): Promise<readonly Balance[]> {
    const rows = await queries.rows('select account_id, currency, balance_micros from account_balances')
    return rows.map((row) => ({
      accountId: row['account_id'],
      currency: row['currency'],
      balanceMicros: readMicros(row['balance_micros']),
    }))
  }

  #apply(apply: (change: BookChange) => void, change: BookChange): void {
    if (change.kind !== 'dnc' && change.kind !== 'consent' && change.kind !== 'posting') {
      const held = this.#held.get(change.kind)!
      if (change.value === null) held.delete(change.id)
      else held.add(change.id)
    }
    apply(change)
  }
}

async function* pages(tx: Queries, table: string): AsyncGenerator<Record<string, any>> {
  let after = '00000000-0000-0000-0000-000000000000'
  for (;;) {
    const rows = await tx.rows(`select * from ${table} where id > $1 order by id limit ${LOAD_PAGE}`, [after])
    yield* rows
    if (rows.length < LOAD_PAGE) return
    after = rows.at(-1)!['id']
  }
}
