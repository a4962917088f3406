import { randomBytes } from 'node:crypto'
import { setImmediate as breathe } from 'node:timers/promises'
import { endingOf, jsonWithoutNumber, spellingsOf, withoutNumber } from '../../model/number-spellings.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import { packDecision, unpackDecision } from '../decision-rows.ts'
import { packEvents, unpackEvents } from '../outbox-body.ts'
import type { Queries, Row } from '../postgres.ts'
import { PLACES, type Place } from './places.ts'

/** Pages of a table (of 8 KB) that one statement reads: 8 MB, and where rows are to be unpacked, less. */
const PAGES = 1_000
const PACKED_PAGES = 100
const UNIQUE_VIOLATION = '23505'

/** One table, or one partition of it. */
interface Leaf {
  readonly table: string
  readonly leaf: string
  readonly place: Place
}

/** Rows of one statement that say the number. */
export interface Found extends Leaf {
  /** Each with its `ctid`, its columns as text (`text_<column>`), and unpacked those that are packed. */
  readonly rows: readonly Row[]
}

/** Transactions of a pool. */
export interface Transactions extends Queries {
  transaction<T>(work: (tx: Queries) => Promise<T>): Promise<T>
}

/** Goes over whole tables, page by page, and hands over the rows that say the number: `work` is done in the transaction that has them locked. */
export async function overRows(
  postgres: Transactions,
  number: PhoneNumber,
  isWanted: (place: Place, table: string) => boolean,
  work: (found: Found, tx: Queries) => Promise<void>,
): Promise<void> {
  for (const leaf of await leaves(postgres, isWanted)) {
    const { texts = [], packed = {} } = leaf.place
    if (texts.length === 0 && Object.keys(packed).length === 0) continue
    const step = Object.keys(packed).length > 0 ? PACKED_PAGES : PAGES
    for (let page = 0; page < (await pagesOf(postgres, leaf.leaf)); page += step) {
      await postgres.transaction(async (tx) => {
        const rows = await rowsIn(tx, leaf, number, page, page + step)
        if (rows.length > 0) await work({ ...leaf, rows }, tx)
      })
      await breathe()
    }
  }
}

async function leaves(queries: Queries, isWanted: (place: Place, table: string) => boolean): Promise<Leaf[]> {
  const found: Leaf[] = []
  for (const [table, place] of Object.entries(PLACES)) {
    if (!isWanted(place, table)) continue
    // A table without partitions is no tree.
    const rows = await queries.rows(
      `select relid::regclass::text as leaf from pg_partition_tree($1::regclass) where isleaf
       union select $1::text where not exists (select from pg_partition_tree($1::regclass))`,
      [table],
    )
    for (const { leaf } of rows) found.push({ table, leaf, place })
  }
  return found
}

async function pagesOf(queries: Queries, leaf: string): Promise<number> {
  const [row] = await queries.rows(
    `select (pg_relation_size($1::regclass) / current_setting('block_size')::bigint)::int as pages`,
    [leaf],
  )
  return row!['pages']
}

async function rowsIn(
  tx: Queries,
  { leaf, place }: Leaf,
  number: PhoneNumber,
  from: number,
  to: number,
): Promise<Row[]> {
  const { texts = [], packed = {} } = place
  const packedColumns = Object.keys(packed)
  const pattern = spellingsOf(number)
  // The last digits first: a search for them costs a tenth of the pattern's.
  const says = texts.map((column) => `(${column}::text like $3 and ${column}::text ~ $4)`)
  const may = packedColumns.length > 0 ? 'true' : `(${says.join(' or ')})`
  const rows = await tx.rows(
    `select ctid::text as ctid, to_jsonb(t) ->> 'call_id' as call_id, to_jsonb(t) ->> 'id' as id
       ${texts.map((column) => `, ${column}::text as "text_${column}"`).join('')}${packedColumns.map((column) => `, ${column}`).join('')}
     from only ${leaf} t where ctid >= $1::tid and ctid < $2::tid and ${may} and ($3 || $4) is not null for update`,
    [`(${from},0)`, `(${to},0)`, `%${endingOf(number)}%`, pattern],
  )
  if (packedColumns.length === 0) return rows
  const said = new RegExp(pattern)
  const unpacked = rows.map((row) => unpack(row, packed))
  return unpacked.filter((row) => textsOf(row, place).some((text) => text !== null && said.test(text)))
}

/** What a found row says, column by column. */
export function textsOf(row: Row, { texts = [], packed = {} }: Place): (string | null)[] {
  return [...texts, ...Object.keys(packed)].map((column) => row[`text_${column}`] ?? null)
}

function unpack(row: Row, packed: NonNullable<Place['packed']>): Row {
  const unpacked = Object.entries(packed).map(([column, kind]) => {
    const value = row[column]
    if (value === null) return [`text_${column}`, null]
    try {
      return [`text_${column}`, kind === 'events' ? unpackEvents(value).join('\n') : unpackDecision(value)]
    } catch {
      return [`text_${column}`, Buffer.from(value).toString('latin1')] // Damaged: as it is.
    }
  })
  return { ...row, ...Object.fromEntries(unpacked) }
}

/** Writes the pseudonym in place of the number in every column that says it. */
export async function pseudonymise(
  { leaf, table, place, rows }: Found,
  tx: Queries,
  number: PhoneNumber,
  pseudonym: string,
): Promise<void> {
  const types = await columnTypes(tx, leaf)
  for (const row of rows) {
    const changes: [column: string, value: unknown][] = []
    for (const column of place.texts ?? []) {
      const text: string | null = row[`text_${column}`]
      if (text === null) continue
      const isJson = types[column]!.startsWith('json')
      const clean = isJson ? jsonWithoutNumber(text, number, pseudonym) : withoutNumber(text, number, pseudonym)
      if (clean !== text)
        changes.push([
          column,
          table === 'book_changes' ? JSON.stringify(withoutItem(JSON.parse(clean), pseudonym)) : clean,
        ])
    }
    for (const [column, kind] of Object.entries(place.packed ?? {})) {
      const text: string | null = row[`text_${column}`]
      if (text === null) continue
      const clean = text
        .split('\n')
        .map((line) => jsonWithoutNumber(line, number, pseudonym))
        .join('\n')
      if (clean !== text)
        changes.push([column, kind === 'events' ? packEvents(clean.split('\n')) : packDecision(clean)])
    }
    if (changes.length === 0) continue
    const sets = changes.map(([column], i) => `${column} = $${i + 2}::${types[column]}`)
    const statement = `update only ${leaf} set ${sets.join(', ')} where ctid = $1::tid`
    await tx.rows('savepoint one')
    try {
      await tx.rows(statement, [row['ctid'], ...changes.map(([, value]) => value)])
    } catch (error) {
      if ((error as { code?: string }).code !== UNIQUE_VIOLATION) throw error
      // Two spellings of the number told two rows apart: their pseudonyms do from now on.
      await tx.rows('rollback to savepoint one')
      const apart = `${pseudonym}-${randomBytes(4).toString('hex')}`
      await pseudonymise({ leaf, table, place, rows: [row] }, tx, number, apart)
    }
    await tx.rows('release savepoint one')
  }
}

/** A change lists numbers, alone or with what they are of: whoever reads it wants no pseudonyms there. */
function withoutItem(value: unknown, pseudonym: string): unknown {
  if (Array.isArray(value))
    return value
      .filter((item) => item !== pseudonym && !(Array.isArray(item) && item.includes(pseudonym)))
      .map((item) => withoutItem(item, pseudonym))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutItem(item, pseudonym)]))
}

async function columnTypes(tx: Queries, leaf: string): Promise<Record<string, string>> {
  const rows = await tx.rows(
    `select attname, format_type(atttypid, atttypmod) as type from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped`,
    [leaf],
  )
  return Object.fromEntries(rows.map((row) => [row['attname'], row['type']]))
}
