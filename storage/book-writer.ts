import type { BookChange } from '../model/book.ts'
import type { Book } from './book.ts'
import type { Postgres, Queries, Row } from './postgres.ts'
import type { RowKind } from './table-layout.ts'

/**
 * Writes to the book's tables. With each write the single-row counter grows by one and the change is listed under that version; the
 * counter's row lock is taken last and held to the commit, so versions commit in their order. Resolves once this process's book has it.
 */
export class BookWriter {
  readonly #postgres: Postgres
  readonly #book: Book

  constructor(postgres: Postgres, book: Book) {
    this.#postgres = postgres
    this.#book = book
  }

  /**
   * Runs one insert, update or delete (`… returning *`) of at most one row, in one round trip with its change. `read` makes the change's
   * value of the row; null for a delete. Answers null when the statement touched nothing: then nothing is listed either, nor is `event`
   * kept for publishing.
   */
  async write<T>(
    kind: RowKind,
    statement: string,
    values: readonly unknown[],
    read: ((row: Row) => T) | null,
    event: string | null = null,
  ): Promise<T | null> {
    const announced =
      event === null
        ? ''
        : `, announced as (insert into outbox (events, body) select 1, $${values.length + 1}::bytea from written)`
    const [row] = await this.#postgres.rows(
      `with written as (${statement})${announced} select written.*, list_book_change('${kind}', id, null) as book_version from written`,
      event === null ? values : [...values, Buffer.from(event)],
    )
    if (!row) return null
    const value = read ? read(row) : null
    await this.#book.written(Number(row['book_version']), { kind, id: row['id'], value } as unknown as BookChange)
    return value ?? (row as T)
  }

  /** Lists a change in a transaction that already did its writing; the caller awaits `written` after the commit. */
  async list(
    tx: Queries,
    kind: 'dnc' | 'consent' | 'posting',
    entityId: string | null,
    payload: unknown,
  ): Promise<number> {
    const [row] = await tx.rows('select list_book_change($1, $2, $3) as version', [
      kind,
      entityId,
      JSON.stringify(payload),
    ])
    return Number(row!['version'])
  }

  /** Resolves once this process's book is at `version` or later. */
  async written(version: number, change: BookChange | null): Promise<void> {
    await this.#book.written(version, change)
  }
}
