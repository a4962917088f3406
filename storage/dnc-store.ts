import type { DncStore, Page, PageRequest } from '../api/needs.ts'
import type { Clock } from '../model/clock.ts'
import type { DncEntry, DncList } from '../model/dnc.ts'
import type { PhoneNumber } from '../model/phone-number.ts'
import { DNC_CHUNK } from './book-rows.ts'
import type { BookWriter } from './book-writer.ts'
import { pageLimit, pageOf, readCursor } from './cursor.ts'
import type { Postgres, Row } from './postgres.ts'

/** Do-not-call and blocked numbers. */
export class PostgresDnc implements DncStore {
  readonly #postgres: Postgres
  readonly #book: BookWriter
  readonly #clock: Clock

  constructor(postgres: Postgres, book: BookWriter, clock: Clock) {
    this.#postgres = postgres
    this.#book = book
    this.#clock = clock
  }

  /** Each chunk commits on its own: an import that is cut off can be repeated and adds the rest. */
  async add(list: DncList, numbers: readonly PhoneNumber[], reason: string): Promise<number> {
    let added = 0
    for (let at = 0; at < numbers.length; at += DNC_CHUNK)
      added += (await this.#addChunk(list, numbers.slice(at, at + DNC_CHUNK), reason)).length
    return added
  }

  async #addChunk(list: DncList, numbers: readonly PhoneNumber[], reason: string): Promise<PhoneNumber[]> {
    const { fresh, version } = await this.#postgres.transaction(async (tx) => {
      // Sorted, so that two imports of the same numbers lock them in one order.
      const rows = await tx.rows(
        `insert into dnc_entries as d (list, number, reason, added_at)
         select distinct $1, n, $3, $4::timestamptz from unnest($2::text[]) n order by n
         on conflict (list, number) do update set reason = excluded.reason, added_at = excluded.added_at, removed_at = null
         where d.removed_at is not null returning number`,
        [list, numbers, reason, new Date(this.#clock.now())],
      )
      const added = rows.map((row) => row['number'] as PhoneNumber)
      return {
        fresh: added,
        version: added.length === 0 ? null : await this.#book.list(tx, 'dnc', null, { list, add: added, remove: [] }),
      }
    })
    if (version !== null) await this.#book.written(version, { kind: 'dnc', list, add: fresh, remove: [] })
    return fresh
  }

  async remove(list: DncList, number: PhoneNumber): Promise<boolean> {
    const change = { list, add: [], remove: [number] }
    const version = await this.#postgres.transaction(async (tx) => {
      const rows = await tx.rows(
        'update dnc_entries set removed_at = $3 where list = $1 and number = $2 and removed_at is null returning number',
        [list, number, new Date(this.#clock.now())],
      )
      return rows.length === 0 ? null : this.#book.list(tx, 'dnc', null, change)
    })
    if (version !== null) await this.#book.written(version, { kind: 'dnc', ...change })
    return version !== null
  }

  async find(number: PhoneNumber): Promise<readonly DncEntry[]> {
    return (
      await this.#postgres.rows('select * from dnc_entries where number = $1 and removed_at is null order by list', [
        number,
      ])
    ).map(readEntry)
  }

  async list(list: DncList | null, page: PageRequest): Promise<Page<DncEntry>> {
    const after = page.cursor === null ? null : readCursor(page.cursor, /^[bi]\+[1-9]\d{1,14}$/)
    const rows = await this.#postgres.rows(
      `select * from dnc_entries where removed_at is null and ($1::text is null or list = $1)
       and ($2::timestamptz is null or (added_at, number, list) < ($2, $3, $4)) order by added_at desc, number desc, list desc limit $5`,
      [
        list,
        after && new Date(after.ms),
        after?.key.slice(1) ?? null,
        after && (after.key.startsWith('b') ? 'blocked' : 'internal'),
        pageLimit(page) + 1,
      ],
    )
    return pageOf(rows, page, readEntry, (row) => ({
      ms: row['added_at'].getTime(),
      key: `${row['list'][0]}${row['number']}`,
    }))
  }
}

function readEntry(row: Row): DncEntry {
  return { number: row['number'], list: row['list'], reason: row['reason'], addedAt: row['added_at'] }
}
