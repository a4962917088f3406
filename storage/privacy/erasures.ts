import { setTimeout as sleep } from 'node:timers/promises'
import type { Vault } from '../../config/vault.ts'
import { newId } from '../../model/ids.ts'
import { withoutNumber } from '../../model/number-spellings.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import { NumberInUse, type Erasure, type ErasureId, type KeptRecord } from '../../model/privacy.ts'
import type { Queries, Row } from '../postgres.ts'
import type { StorageLog } from '../storage-log.ts'
import type { Archive } from './archive.ts'
import { overRows, pseudonymise, type Found, type Transactions } from './forget-rows.ts'
import type { ConsentPersons } from './consent-persons.ts'
import type { Kept } from './kept.ts'
import { dropConsents, KEPT_OF, keptConsent } from './kept-rows.ts'
import { commitLines } from './old-numbers.ts'
import { PRIVACY_SEALS } from './reseal.ts'
import type { Subjects } from './subjects.ts'

/** How long gateways may take to hear that a consent is gone, before the word that says whose it was goes too. */
const HEARD_MS = 1_000
/** What is written while an erasure goes over the tables is found by another pass; a number that is in use all the time is not chased for ever. */
const MOST_PASSES = 4

export interface ErasureParts {
  readonly postgres: Transactions
  readonly vault: Vault
  readonly subjects: Subjects
  readonly archive: Archive
  readonly kept: Kept
  readonly persons: ConsentPersons
  /** Days that the law wants records kept. */
  readonly lawDays: number
  readonly now: () => number
  /** Brings what is on its way to the database there, and wipes the files it was in. */
  readonly settleFiles: () => Promise<void>
  readonly log: StorageLog
}

/** Deletes the recordings of these calls; rejects when one could not be deleted. */
export type EraseRecordings = (callIds: readonly string[]) => Promise<void>

/** Forgets people by their numbers. */
export class Erasures {
  readonly #parts: ErasureParts
  readonly #underWay = new Set<string>()

  constructor(parts: ErasureParts) {
    this.#parts = parts
  }

  /**
   * Forgets a number: it becomes its pseudonym wherever it stands, but for what the law wants kept, which is sealed. Cut off, it is
   * finished by `resume`. Throws NumberInUse before anything is changed.
   */
  async erase(
    number: PhoneNumber,
    { askedBy, reason }: { readonly askedBy: string; readonly reason: string },
    eraseRecordings: EraseRecordings,
  ): Promise<Erasure> {
    const { postgres, vault, subjects, now } = this.#parts
    const places = await this.#placesInUse(number)
    if (places.length > 0) throw new NumberInUse(places)
    const id = newId<ErasureId>()
    const pseudonym = subjects.pseudonymOf(number)
    const why = withoutNumber(reason, number, pseudonym)
    await postgres.rows(
      `insert into privacy_erasures (id, subject, pseudonym, number_sealed, asked_by, reason, state, asked_at)
       values ($1, $2, $3, $4, $5, $6, 'running', $7)`,
      [
        id,
        subjects.finderOf(number),
        pseudonym,
        vault.seal(number, PRIVACY_SEALS.number, id),
        askedBy,
        why,
        new Date(now()),
      ],
    )
    return this.#run(id, number, eraseRecordings)
  }

  /** Finishes what was cut off, one after the other; one that fails says why and leaves the others theirs. */
  async resume(eraseRecordings: EraseRecordings): Promise<void> {
    const { postgres, vault, log } = this.#parts
    for (const row of await postgres.rows(`select * from privacy_erasures where state = 'running' order by asked_at`)) {
      if (this.#underWay.has(row['id'])) continue
      try {
        const number = vault.open(row['number_sealed'], PRIVACY_SEALS.number, row['id']) as PhoneNumber
        await this.#run(row['id'], number, eraseRecordings)
      } catch (error) {
        log.warn({ erasure: row['id'], reason: (error as Error).message }, 'an erasure is not done yet')
      }
    }
  }

  async #run(id: ErasureId, number: PhoneNumber, eraseRecordings: EraseRecordings): Promise<Erasure> {
    const { postgres, archive, subjects, settleFiles, now } = this.#parts
    this.#underWay.add(id)
    try {
      const changed = new Map<string, number>()
      const count = (table: string, rows: number): void => void changed.set(table, (changed.get(table) ?? 0) + rows)
      await settleFiles()
      let pass = 0
      for (let found = 1; found > 0 || pass < 2; pass++) {
        if (pass === 1 && changed.has('consents')) await sleep(HEARD_MS)
        if (pass === MOST_PASSES) throw new Error('the number goes on being written: it may be calling now')
        found = 0
        await overRows(
          postgres,
          number,
          // What tells gateways of the consents that go stays until they have heard.
          ({ treatment }, table) =>
            treatment !== 'in use' && treatment !== 'own' && (pass > 0 || table !== 'book_changes'),
          async (rows, tx) => {
            await this.#forget(rows, tx, number, eraseRecordings)
            count(rows.table, rows.rows.length)
            found += rows.rows.length
          },
        )
      }
      const transaction = <T>(work: (tx: Queries) => Promise<T>): Promise<T> => postgres.transaction(work)
      const lines = await archive.forget(transaction, postgres, number, subjects.pseudonymOf(number))
      if (lines > 0) count('archive', lines)
      await settleFiles()
      await this.#sweepUp([...changed.keys()])
      const [row] = await postgres.rows(
        `update privacy_erasures set state = 'done', done_at = $2, number_sealed = null, changed = $3, fault = null where id = $1 returning *`,
        [id, new Date(now()), JSON.stringify(Object.fromEntries(changed))],
      )
      return readErasure(row!)
    } catch (error) {
      const reason = withoutNumber((error as Error).message, number, subjects.pseudonymOf(number))
      await postgres.rows('update privacy_erasures set fault = $2 where id = $1', [id, reason]).catch(() => {})
      throw error
    } finally {
      this.#underWay.delete(id)
    }
  }

  async #placesInUse(number: PhoneNumber): Promise<string[]> {
    const places = new Set<string>()
    await overRows(
      this.#parts.postgres,
      number,
      ({ treatment }) => treatment === 'in use',
      async ({ table }) => void places.add(table),
    )
    return [...places]
  }

  async #forget(found: Found, tx: Queries, number: PhoneNumber, eraseRecordings: EraseRecordings): Promise<void> {
    const { leaf, table, place, rows } = found
    const ctids = rows.map((row) => row['ctid'])
    await tx.rows(`set local dce.privacy = 'erase'`)
    switch (place.treatment) {
      case 'commit':
        await tx.rows(commitLines(`tableoid = $2::regclass and ctid = any ($1::tid[])`), [ctids, leaf])
        return
      case 'law':
        if (table.startsWith('consent')) return this.#forgetConsents(rows, tx, number)
        await this.#keepRows(found, tx, number)
        await tx.rows(`delete from only ${leaf} where ctid = any ($1::tid[])`, [ctids])
        return
      case 'forget':
        await tx.rows(`delete from only ${leaf} where ctid = any ($1::tid[])`, [ctids])
        return
      case 'pseudonymise':
        if (table === 'calls') {
          await eraseRecordings(rows.map((row) => row['id']))
          await this.#keepRows(found, tx, number)
        }
        await pseudonymise(found, tx, number, this.#parts.subjects.pseudonymOf(number))
        return
      case 'in use':
      case 'own':
    }
  }

  /** Seals what the law wants of these rows. */
  async #keepRows({ leaf, table, rows }: Found, tx: Queries, number: PhoneNumber): Promise<void> {
    const { lawDays } = this.#parts
    const full = await tx.rows(`select * from only ${leaf} where ctid = any ($1::tid[])`, [
      rows.map((row) => row['ctid']),
    ])
    for (const row of full) await this.#keep(tx, number, KEPT_OF[table]?.(row, number, lawDays) ?? null)
  }

  async #forgetConsents(rows: readonly Row[], tx: Queries, number: PhoneNumber): Promise<void> {
    const { lawDays, now, persons } = this.#parts
    const ids = [...new Set(rows.map((row) => row['id'] as string))]
    for (const id of ids)
      await this.#keep(tx, number, await keptConsent(tx, id, persons, { lawDays, now: new Date(now()) }))
    await dropConsents(tx, ids, new Date(now()))
  }

  async #keep(tx: Queries, number: PhoneNumber, record: KeptRecord | null): Promise<void> {
    const { kept, now } = this.#parts
    if (record && record.keepUntil.getTime() > now()) await kept.keep(tx, number, record, new Date(now()))
  }

  /** What the database has put aside is overwritten in time; this is when it may. */
  async #sweepUp(tables: readonly string[]): Promise<void> {
    const { postgres, log } = this.#parts
    for (const table of tables) {
      const name = table === 'archive' ? 'privacy_archive' : table
      await postgres
        .rows(`vacuum ${name}`)
        .catch((error: Error) => log.warn({ table: name, reason: error.message }, 'left to the database to sweep up'))
    }
  }
}

export function readErasure(row: Row): Erasure {
  return {
    id: row['id'],
    pseudonym: row['pseudonym'],
    askedBy: row['asked_by'],
    reason: row['reason'],
    state: row['state'],
    askedAt: row['asked_at'],
    doneAt: row['done_at'],
    changed: row['changed'],
    fault: row['fault'],
  }
}
