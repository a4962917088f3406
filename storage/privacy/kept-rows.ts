import type { KeptRecord } from '../../model/privacy.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import type { ConsentPersons } from './consent-persons.ts'
import type { ListedConsents } from '../consent-rows.ts'
import type { Queries, Row } from '../postgres.ts'

const DAY_MS = 86_400_000

/** What the law wants of a row, by its table; null: nothing. */
export type KeptOf = (row: Row, number: PhoneNumber, lawDays: number) => KeptRecord | null

function after(time: Date, days: number): Date {
  return new Date(time.getTime() + days * DAY_MS)
}

export const KEPT_OF: Readonly<Record<string, KeptOf>> = {
  /** What 16 CFR 310.5(a) wants of a call; none when the number only stands somewhere in its record. */
  calls: (row, number, lawDays) =>
    row['ani'] !== number && row['dnis'] !== number
      ? null
      : {
          kind: 'call',
          source: '16 CFR 310.5(a)(2)',
          keepUntil: after(row['received_at'], lawDays),
          record: {
            call_id: row['id'],
            calling_number: row['ani'],
            called_number: row['dnis'],
            at: row['received_at'],
            duration_ms: row['duration_ms'],
            disposition: row['outcome'],
            end_reason: row['end_reason'],
            traffic_type: row['traffic_type'],
            seller_id: row['seller_id'],
            buyer_id: row['buyer_id'],
            campaign_id: row['campaign_id'],
            product: row['vertical'],
          },
        },
  dnc_entries: (row, _number, lawDays) =>
    row['removed_at'] !== null
      ? null
      : {
          kind: 'do_not_call',
          source: '47 CFR 64.1200(d)(6)',
          keepUntil: after(row['added_at'], lawDays),
          record: { list: row['list'], reason: row['reason'], added_at: row['added_at'] },
        },
  dnc_entry_history: ({ list, deed, reason, at }, _number, lawDays) => ({
    kind: 'do_not_call_history',
    source: '47 CFR 64.1200(d)(6)',
    keepUntil: after(at, lawDays),
    record: { list, deed, reason, at },
  }),
  reassigned_answers: ({ consent_date, answer, asked_at }, _number, lawDays) => ({
    kind: 'reassigned_number',
    source: '47 CFR 64.1200(m)',
    keepUntil: after(asked_at, lawDays),
    record: { consent_date, answer, asked_at },
  }),
}

/** A consent with every version of it; null when it is not there any more. */
export async function keptConsent(
  tx: Queries,
  id: string,
  persons: ConsentPersons,
  { lawDays, now }: { readonly lawDays: number; readonly now: Date },
): Promise<KeptRecord | null> {
  const [consent] = await tx.rows('select over_at, revoked_at from consents where id = $1', [id])
  if (!consent) return null
  const found = await tx.rows(
    `select version, deed, at, by, record, encode(hash, 'hex') as hash, encode(previous_hash, 'hex') as previous_hash
     from consent_versions where id = $1 order by version`,
    [id],
  )
  // It is sealed as a whole, and outlasts this.
  const versions = found.map((version) => ({ ...version, record: persons.open(version['record'], id) }))
  // A consent of somebody who wants to be forgotten is over now, at the latest.
  const end: Date | null = consent['over_at']
  const over = end !== null && end < now ? end : now
  return {
    kind: 'consent',
    source: '16 CFR 310.5(a)(8)',
    keepUntil: after(over, lawDays),
    record: { consent_id: id, taken_back_at: takenBackAt(consent, now)?.toISOString() ?? null, versions },
  }
}

/** When the consumer's no was heard, by being forgotten at the latest; null: the consent was over by itself before. */
function takenBackAt({ revoked_at: revokedAt, over_at: overAt }: Row, now: Date): Date | null {
  return revokedAt ?? (overAt !== null && overAt < now ? null : now)
}

/** Takes consents out of the database; gateways remember the no alone. Only where `dce.privacy` is `erase`. */
export async function dropConsents(tx: Queries, ids: readonly string[], now: Date): Promise<void> {
  const gone = await tx.rows('delete from consents where id = any ($1) returning id, number, revoked_at, over_at', [
    ids,
  ])
  await tx.rows('delete from consent_versions where id = any ($1)', [ids])
  if (gone.length === 0) return
  const listed: ListedConsents = gone.map((row) => [row['id'], row['number'], takenBackAt(row, now)?.getTime() ?? null])
  await tx.rows(`select list_book_change('consent', null, $1)`, [JSON.stringify(listed)])
}
