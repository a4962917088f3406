import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { constants, zstdCompress, zstdDecompress } from 'node:zlib'
import type { Vault } from '../../config/vault.ts'
import { newId } from '../../model/ids.ts'
import { jsonWithoutNumber, spellingsOf } from '../../model/number-spellings.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import type { Queries, Row } from '../postgres.ts'
import { PRIVACY_SEALS } from './reseal.ts'
import type { Subjects } from './subjects.ts'

const compress = promisify(zstdCompress)
const decompress = promisify(zstdDecompress)
/** The most a chunk may grow to when it is unpacked, bytes: chunks of the largest rows are far below. */
const MAX_CHUNK_BYTES = 512 * 1024 * 1024
const SMALL = { params: { [constants.ZSTD_c_compressionLevel]: 9 } }

/** Rows on their way to the archive: their JSON, a line each, and what tells where they belong. */
export interface ArchivedRows {
  readonly class: string
  readonly lines: readonly string[]
  readonly firstId: string
  readonly lastId: string
  readonly youngestAt: Date
}

export interface ArchiveVerdict {
  readonly chunks: number
  readonly rows: number
  /** A sentence each. */
  readonly faults: readonly string[]
}

/** Rows that were old enough: compressed, encrypted, in chunks, in the database they come from. */
export class Archive {
  readonly #vault: Vault
  readonly #subjects: Subjects

  constructor(vault: Vault, subjects: Subjects) {
    this.#vault = vault
    this.#subjects = subjects
  }

  /** In the transaction that takes the rows out of their table: a row is in exactly one of the two. */
  async add(tx: Queries, rows: ArchivedRows, at: Date): Promise<void> {
    const id = newId()
    const { sha256, key, body } = await this.#pack(id, rows.lines)
    await tx.rows(
      `insert into privacy_archive (id, class, first_id, last_id, youngest_at, rows, sha256, key, body, numbers, archived_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
      [
        id,
        rows.class,
        rows.firstId,
        rows.lastId,
        rows.youngestAt,
        rows.lines.length,
        sha256,
        key,
        body,
        this.#subjects.findersIn(rows.lines),
        at,
      ],
    )
  }

  /** Every line that says the number, with the class it is of. */
  async *linesOf(queries: Queries, number: PhoneNumber): AsyncGenerator<{ class: string; line: string }> {
    const says = new RegExp(spellingsOf(number))
    for await (const row of this.#chunksOf(queries, number))
      for (const line of await this.#unpack(row)) if (says.test(line)) yield { class: row['class'], line }
  }

  /** The lines about one call. */
  async ofCall(queries: Queries, callId: string): Promise<{ class: string; line: string }[]> {
    const found: { class: string; line: string }[] = []
    // An auction's id is made a moment after its call's, a report's has no time in it.
    const rows = await queries.rows(
      `select * from privacy_archive where (class in ('calls', 'auctions', 'decisions') and last_id >= $1::uuid) or class = 'tracking'
       order by class, last_id`,
      [callId],
    )
    for (const row of rows)
      for (const line of await this.#unpack(row)) if (line.includes(callId)) found.push({ class: row['class'], line })
    return found
  }

  /** Writes the pseudonym in the number's place in every chunk. Answers how many lines that changed. */
  async forget(
    transaction: <T>(work: (tx: Queries) => Promise<T>) => Promise<T>,
    queries: Queries,
    number: PhoneNumber,
    pseudonym: string,
  ): Promise<number> {
    let changed = 0
    const finder = this.#subjects.finderOf(number)
    const chunks = await queries.rows('select id from privacy_archive where numbers @> array[$1::bytea]', [finder])
    for (const { id } of chunks)
      changed += await transaction(async (tx) => {
        const [row] = await tx.rows('select * from privacy_archive where id = $1 for update', [id])
        if (!row) return 0
        const before = await this.#unpack(row)
        const after = before.map((line) => jsonWithoutNumber(line, number, pseudonym))
        const { sha256, key, body } = await this.#pack(id, after)
        await tx.rows('update privacy_archive set sha256 = $2, key = $3, body = $4, numbers = $5 where id = $1', [
          id,
          sha256,
          key,
          body,
          this.#subjects.findersIn(after),
        ])
        return after.filter((line, i) => line !== before[i]).length
      })
    return changed
  }

  /** Opens every chunk. */
  async verify(queries: Queries): Promise<ArchiveVerdict> {
    const faults: string[] = []
    let [chunks, rows] = [0, 0]
    for (const { id } of await queries.rows('select id from privacy_archive order by id')) {
      const [row] = await queries.rows('select * from privacy_archive where id = $1', [id])
      if (!row) continue
      try {
        const lines = await this.#unpack(row)
        rows += lines.length
        if (lines.length !== row['rows']) faults.push(`chunk ${id}: ${lines.length} rows, and should be ${row['rows']}`)
      } catch (error) {
        faults.push(`chunk ${id}: ${(error as Error).message}`)
      }
      chunks++
    }
    return { chunks, rows, faults }
  }

  async *#chunksOf(queries: Queries, number: PhoneNumber): AsyncGenerator<Row> {
    const finder = this.#subjects.finderOf(number)
    const chunks = await queries.rows('select id from privacy_archive where numbers @> array[$1::bytea] order by id', [
      finder,
    ])
    for (const { id } of chunks) yield* await queries.rows('select * from privacy_archive where id = $1', [id])
  }

  async #pack(id: string, lines: readonly string[]): Promise<{ sha256: Buffer; key: string; body: Buffer }> {
    const text = Buffer.from(lines.join('\n'))
    const sealed = this.#vault.sealBytes(await compress(text, SMALL), PRIVACY_SEALS.archive, id)
    return { ...sealed, sha256: createHash('sha256').update(text).digest() }
  }

  async #unpack(row: Row): Promise<string[]> {
    const packed = this.#vault.openBytes(row['key'], row['body'], PRIVACY_SEALS.archive, row['id'])
    const text = await decompress(packed, { maxOutputLength: MAX_CHUNK_BYTES })
    if (!createHash('sha256').update(text).digest().equals(row['sha256']))
      throw new Error('its lines are not those that were put there')
    return text.toString('utf8').split('\n')
  }
}
