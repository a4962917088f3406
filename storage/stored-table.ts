import type { Store, Draft, Page, PageRequest } from '../api/needs.ts'
import { VersionMismatch } from '../api/needs.ts'
import type { Stored } from '../model/account.ts'
import type { Clock } from '../model/clock.ts'
import { fullEventJson, type DomainEvent } from '../model/events.ts'
import { isId, newId } from '../model/ids.ts'
import type { AccountId } from '../model/ids.ts'
import type { BookWriter } from './book-writer.ts'
import { pageLimit, pageOf, readCursor, UUID_KEY } from './cursor.ts'
import type { Queries, Row } from './postgres.ts'
import type { TableLayout } from './table-layout.ts'

type Storable = Stored & { id: string; accountId?: AccountId }

/** A Store over one table of the book: every write is one statement, in which the row, the book's version and the change commit together. */
export class StoredTable<T extends Storable> implements Store<T> {
  readonly #layout: TableLayout<T>
  readonly #queries: Queries
  readonly #book: BookWriter
  readonly #clock: Clock

  constructor(layout: TableLayout<T>, queries: Queries, book: BookWriter, clock: Clock) {
    this.#layout = layout
    this.#queries = queries
    this.#book = book
    this.#clock = clock
  }

  async create(draft: Draft<T>, announce?: (thing: T) => DomainEvent): Promise<T> {
    const { table, kind, columns, read } = this.#layout
    const now = new Date(this.#clock.now())
    const id = newId()
    const row: Row = { id, ...columns(draft), created_at: now, updated_at: now }
    const names = Object.keys(row)
    const statement = `insert into ${table} (${names.join(', ')}) values (${names.map((_, i) => `$${i + 1}`).join(', ')}) returning *`
    // As the statement will return it: a new row has no version but the first.
    const thing = { ...draft, id, version: 1, createdAt: now, updatedAt: now } as unknown as T
    const event = announce ? fullEventJson(announce(thing)) : null
    return (await this.#book.write(kind, statement, Object.values(row), read as (row: Row) => never, event))!
  }

  async find(id: string): Promise<T | null> {
    if (!isId(id)) return null
    const [row] = await this.#queries.rows(`select * from ${this.#layout.table} where id = $1`, [id])
    return row ? this.#layout.read(row) : null
  }

  async list(page: PageRequest, filter: { accountId?: AccountId; status?: string }): Promise<Page<T>> {
    const { table, hasStatus, read } = this.#layout
    const values: unknown[] = []
    const tests: string[] = []
    const given = (value: unknown): string => `$${values.push(value)}`
    if (filter.accountId !== undefined)
      tests.push(`${table === 'accounts' ? 'id' : 'account_id'} = ${given(filter.accountId)}`)
    if (filter.status !== undefined && hasStatus) tests.push(`status = ${given(filter.status)}`)
    if (page.cursor !== null) {
      const { ms, key } = readCursor(page.cursor, UUID_KEY)
      tests.push(`(created_at, id) < (${given(new Date(ms))}, ${given(key)})`)
    }
    const where = tests.length > 0 ? `where ${tests.join(' and ')}` : ''
    const text = `select * from ${table} ${where} order by created_at desc, id desc limit ${pageLimit(page) + 1}`
    return pageOf(await this.#queries.rows(text, values), page, read, (row) => ({
      ms: row['created_at'].getTime(),
      key: row['id'],
    }))
  }

  async update(id: string, changes: Partial<Draft<T>>, ifVersion: number | null): Promise<T | null> {
    if (!isId(id)) return null
    const { table, kind, columns, read } = this.#layout
    const row: Row = { ...columns(changes), updated_at: new Date(this.#clock.now()) }
    const sets = Object.keys(row).map((name, i) => `${name} = $${i + 3}`)
    const statement = `update ${table} set version = version + 1, ${sets.join(', ')} where id = $1 and ($2::integer is null or version = $2) returning *`
    const updated = await this.#book.write(
      kind,
      statement,
      [id, ifVersion, ...Object.values(row)],
      read as (row: Row) => never,
    )
    if (updated !== null) return updated
    const stored = await this.find(id)
    if (stored === null) return null
    throw new VersionMismatch(`version ${ifVersion} was asked for, ${stored.version} is stored`)
  }

  async remove(id: string): Promise<boolean> {
    if (!isId(id)) return false
    const { table, kind } = this.#layout
    return (await this.#book.write(kind, `delete from ${table} where id = $1 returning *`, [id], null)) !== null
  }
}
