import type { Vault } from '../../config/vault.ts'
import { newId } from '../../model/ids.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import type { KeptKind, KeptRecord } from '../../model/privacy.ts'
import type { Queries } from '../postgres.ts'
import { PRIVACY_SEALS } from './reseal.ts'
import type { Subjects } from './subjects.ts'

/** What the law wants kept of people who are forgotten: sealed, found by a keyed hash of their number, deleted when its time is over. */
export class Kept {
  readonly #vault: Vault
  readonly #subjects: Subjects

  constructor(vault: Vault, subjects: Subjects) {
    this.#vault = vault
    this.#subjects = subjects
  }

  async keep(tx: Queries, number: PhoneNumber, kept: KeptRecord, at: Date): Promise<void> {
    const id = newId()
    const sealed = this.#vault.seal(JSON.stringify({ number, ...kept.record }), PRIVACY_SEALS.kept, id)
    await tx.rows(
      'insert into privacy_kept (id, subject, kind, source, keep_until, sealed, kept_at) values ($1, $2, $3, $4, $5, $6, $7)',
      [id, this.#subjects.finderOf(number), kept.kind, kept.source, kept.keepUntil, sealed, at],
    )
  }

  async of(queries: Queries, number: PhoneNumber): Promise<KeptRecord[]> {
    const rows = await queries.rows('select * from privacy_kept where subject = $1 order by kept_at, id', [
      this.#subjects.finderOf(number),
    ])
    return rows.map((row) => ({
      kind: row['kind'],
      source: row['source'],
      keepUntil: row['keep_until'],
      record: JSON.parse(this.#vault.open(row['sealed'], PRIVACY_SEALS.kept, row['id'])) as Record<string, unknown>,
    }))
  }

  /** Everything kept of a kind that is still to be kept. */
  async ofKind(queries: Queries, kind: KeptKind, now: Date): Promise<Record<string, unknown>[]> {
    const rows = await queries.rows('select id, sealed from privacy_kept where kind = $1 and keep_until > $2', [
      kind,
      now,
    ])
    return rows.map(
      ({ id, sealed }) => JSON.parse(this.#vault.open(sealed, PRIVACY_SEALS.kept, id)) as Record<string, unknown>,
    )
  }
}
