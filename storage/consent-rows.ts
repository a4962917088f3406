import type { BookChange } from '../model/book.ts'
import type { KeptConsent } from '../model/consent.ts'
import type { ConsentId } from '../model/ids.ts'
import type { PhoneNumber } from '../model/phone-number.ts'
import type { Queries, Row } from './postgres.ts'

/** Most consents in one change: an import is many changes, so no single one stalls a gateway. */
export const CONSENT_CHUNK = 1_000

type ConsentChange = Extract<BookChange, { kind: 'consent' }>
/**
 * How a change is listed: whose they are, so that what is read anew is as it is by then; of those that were forgotten with their number
 * also when the consumer had taken them back, ms.
 */
export type ListedConsents = readonly (readonly [ConsentId, PhoneNumber, (number | null)?])[]

const KEPT = `id, number, given_at, expires_at, revoked_at, channels, certificates, certified_at, sellers, accounts, zip`

/** Answers with a function from a listed change to what became of its consents. */
export async function consentChanges(queries: Queries, listed: readonly Row[]): Promise<(row: Row) => ConsentChange> {
  const ids = new Set<string>()
  for (const row of listed)
    if (row['kind'] === 'consent') for (const [id] of row['payload'] as ListedConsents) ids.add(id)
  const found = new Map<string, KeptConsent>()
  if (ids.size > 0)
    for (const row of await queries.rows(`select ${KEPT} from consents where id = any ($1)`, [[...ids]]))
      found.set(row['id'], readKept(row))
  return (row) => {
    const kept: KeptConsent[] = []
    const gone: Pick<KeptConsent, 'id' | 'number'>[] = []
    for (const [id, number, takenBackAtMs = null] of row['payload'] as ListedConsents) {
      const consent = found.get(id)
      if (consent) kept.push(consent)
      else if (takenBackAtMs !== null) kept.push(takenBack(id, number, takenBackAtMs))
      else gone.push({ id, number })
    }
    return { kind: 'consent', kept, gone }
  }
}

/**
 * All consents in chunks but those that expired before `now` by themselves; revoked ones too, for what a call brings must not be older.
 * An empty chunk says that there have been some.
 */
export async function* readKeptConsents(tx: Queries, now: Date): AsyncGenerator<ConsentChange> {
  let after = '00000000-0000-0000-0000-000000000000'
  for (;;) {
    const rows = await tx.rows(
      `select ${KEPT} from consents where id > $1 and (expires_at is null or expires_at > $2 or revoked_at is not null)
       order by id limit ${CONSENT_CHUNK}`,
      [after, now],
    )
    if (rows.length > 0) yield { kind: 'consent', kept: rows.map(readKept), gone: [] }
    if (rows.length < CONSENT_CHUNK) break
    after = rows.at(-1)!['id']
  }
  const [any] = await tx.rows('select exists (select from consents) as any')
  if (any!['any'] === true) yield { kind: 'consent', kept: [], gone: [] }
}

/** What gateways remember of a consent that was forgotten with its number: the consumer's no, which what calls bring must not be older than. */
export function takenBack(id: ConsentId, number: PhoneNumber, revokedAtMs: number): KeptConsent {
  const nobody = { channels: [], certificates: [], certifiedAtMs: 0, sellers: 0, accounts: [], zip: null }
  return { id, number, givenAtMs: 0, expiresAtMs: null, revokedAtMs, ...nobody }
}

function readKept(row: Row): KeptConsent {
  return {
    id: row['id'],
    number: row['number'],
    givenAtMs: row['given_at'].getTime(),
    expiresAtMs: row['expires_at']?.getTime() ?? null,
    revokedAtMs: row['revoked_at']?.getTime() ?? null,
    channels: row['channels'],
    certificates: row['certificates'],
    certifiedAtMs: row['certified_at'].getTime(),
    sellers: row['sellers'],
    accounts: row['accounts'],
    zip: row['zip'],
  }
}
