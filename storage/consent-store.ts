import { VersionMismatch, type ConsentStore, type NewConsent, type Page, type PageRequest } from '../api/needs.ts'
import type { Vault } from '../config/vault.ts'
import type { BookChange } from '../model/book.ts'
import { keptConsent, type Certificate, type Consent, type KeptConsent } from '../model/consent.ts'
import type { ConsentId } from '../model/ids.ts'
import type { PhoneNumber } from '../model/phone-number.ts'
import type { BookWriter } from './book-writer.ts'
import { readDateOrNull } from './columns.ts'
import { CONSENT_CHUNK, type ListedConsents } from './consent-rows.ts'
import { pageLimit, pageOf, readCursor, UUID_KEY } from './cursor.ts'
import type { Postgres, Queries, Row } from './postgres.ts'
import { ConsentPersons } from './privacy/consent-persons.ts'

const COLUMNS = `r(id uuid, number text, version integer, at timestamptz, given_at timestamptz, expires_at timestamptz,
  revoked_at timestamptz, channels text[], certificates text[], certified_at timestamptz, sellers integer, accounts uuid[], zip text,
  fingerprint text, deed text, by text, record jsonb, hash text, previous_hash text)`
const LATEST = `select v.*, c.captured_at from consents c join consent_versions v on v.id = c.id and v.version = c.version`

/** Consents: what is in force of each, and every version there ever was. */
export class PostgresConsents implements ConsentStore {
  readonly #postgres: Postgres
  readonly #book: BookWriter

  readonly #vault: Vault | null
  #opened: Promise<ConsentPersons> | null = null

  /** Without a vault names and addresses are kept in the clear. */
  constructor(postgres: Postgres, book: BookWriter, vault: Vault | null) {
    this.#postgres = postgres
    this.#book = book
    this.#vault = vault
  }

  #persons(): Promise<ConsentPersons> {
    this.#opened ??= ConsentPersons.load(this.#postgres, this.#vault).catch((error: unknown) => {
      this.#opened = null // Tried again by whoever asks next.
      throw error
    })
    return this.#opened
  }

  async add(consents: readonly NewConsent[]): Promise<ReadonlySet<ConsentId>> {
    const persons = await this.#persons()
    const rows = consents.map(({ consent, fingerprint }) => ({ ...rowOf(consent, persons), fingerprint }))
    const byId = new Map(consents.map(({ consent }) => [consent.id, consent]))
    const kept = await this.#write(async (tx) => {
      // Sorted, so that two imports of the same lock them in one order.
      const fresh = await tx.rows(
        `with given as (select * from jsonb_to_recordset($1) as ${COLUMNS}),
         fresh as (
           insert into consents (id, number, version, captured_at, given_at, expires_at, revoked_at, channels, certificates,
             certified_at, sellers, accounts, zip, fingerprint)
           select id, number, version, at, given_at, expires_at, revoked_at, channels, certificates, certified_at, sellers,
             accounts, zip, decode(fingerprint, 'hex') from given order by fingerprint
           on conflict (fingerprint) do nothing returning id),
         kept as (${KEEP_VERSION} from given g join fresh using (id))
         select id from fresh`,
        [JSON.stringify(rows)],
      )
      return fresh.map(({ id }) => byId.get(id)!)
    })
    return new Set(kept.map(({ id }) => id))
  }

  async change(next: readonly Consent[]): Promise<void> {
    const persons = await this.#persons()
    await this.#write(async (tx) => {
      const changed = await tx.rows(
        `with given as (select * from jsonb_to_recordset($1) as ${COLUMNS}),
         changed as (
           update consents c set version = g.version, expires_at = g.expires_at, revoked_at = g.revoked_at,
             certificates = g.certificates, certified_at = g.certified_at
           from given g where c.id = g.id and c.version = g.version - 1 returning c.id),
         kept as (${KEEP_VERSION} from given g join changed using (id))
         select id from changed`,
        [JSON.stringify(next.map((each) => rowOf(each, persons)))],
      )
      if (changed.length < next.length)
        throw new VersionMismatch(`${next.length - changed.length} consents have changed meanwhile`)
      return next
    })
  }

  async find(id: ConsentId): Promise<Consent | null> {
    const [row] = await this.#postgres.rows(`${LATEST} where c.id = $1`, [id])
    return row ? readConsent(row, await this.#persons()) : null
  }

  async history(id: ConsentId): Promise<readonly Consent[]> {
    const rows = await this.#postgres.rows('select * from consent_versions where id = $1 order by version', [id])
    const persons = await this.#persons()
    return rows.map((row) => readConsent(row, persons))
  }

  async ofNumber(number: PhoneNumber, limit: number): Promise<readonly Consent[]> {
    const rows = await this.#postgres.rows(
      `${LATEST} where c.number = $1 order by c.captured_at desc, c.id desc limit $2`,
      [number, limit],
    )
    const persons = await this.#persons()
    return rows.map((row) => readConsent(row, persons))
  }

  async list(page: PageRequest): Promise<Page<Consent>> {
    const after = page.cursor === null ? null : readCursor(page.cursor, UUID_KEY)
    const rows = await this.#postgres.rows(
      `${LATEST} where $1::timestamptz is null or (c.captured_at, c.id) < ($1, $2)
       order by c.captured_at desc, c.id desc limit $3`,
      [after && new Date(after.ms), after?.key ?? null, pageLimit(page) + 1],
    )
    const persons = await this.#persons()
    return pageOf(
      rows,
      page,
      (row) => readConsent(row, persons),
      (row) => ({ ms: row['captured_at'].getTime(), key: row['id'] }),
    )
  }

  /** Forgets those that ended before then, at most a chunk; answers how many. */
  async forgetEnded(before: Date): Promise<number> {
    const gone = await this.#postgres.transaction(async (tx) => {
      const rows = await tx.rows(
        `delete from consents where id in (select id from consents where over_at < $1 order by over_at limit ${CONSENT_CHUNK})
         returning id, number`,
        [before],
      )
      if (rows.length === 0) return null
      await tx.rows('delete from consent_versions where id = any ($1)', [rows.map(({ id }) => id)])
      const listed: ListedConsents = rows.map(({ id, number }) => [id, number])
      return { rows, version: await this.#book.list(tx, 'consent', null, listed) }
    })
    if (gone === null) return 0
    const change = { kind: 'consent', kept: [], gone: gone.rows as Pick<KeptConsent, 'id' | 'number'>[] } as const
    await this.#book.written(gone.version, change)
    return gone.rows.length
  }

  /** One transaction of what `write` has written, told to every gateway chunk by chunk; resolves once this one's book has it. */
  async #write(write: (tx: Queries) => Promise<readonly Consent[]>): Promise<readonly Consent[]> {
    const { written, versions } = await this.#postgres.transaction(async (tx) => {
      const done = await write(tx)
      const chunks: { version: number; change: BookChange }[] = []
      for (let at = 0; at < done.length; at += CONSENT_CHUNK) {
        const kept = done.slice(at, at + CONSENT_CHUNK).map(keptConsent)
        const listed: ListedConsents = kept.map(({ id, number }) => [id, number])
        const version = await this.#book.list(tx, 'consent', null, listed)
        chunks.push({ version, change: { kind: 'consent', kept, gone: [] } })
      }
      return { written: done, versions: chunks }
    })
    for (const { version, change } of versions) await this.#book.written(version, change)
    return written
  }
}

const KEEP_VERSION = `insert into consent_versions (id, version, deed, at, by, record, hash, previous_hash)
  select g.id, g.version, g.deed, g.at, g.by, g.record, decode(g.hash, 'hex'), decode(g.previous_hash, 'hex')`

function rowOf({ id, version, deed, at, by, hash, previousHash, ...record }: Consent, persons: ConsentPersons): Row {
  const kept = keptConsent({ id, ...record })
  return {
    id,
    number: record.number,
    version,
    at,
    given_at: record.givenAt,
    expires_at: record.expiresAt,
    revoked_at: record.revocation?.at ?? null,
    channels: kept.channels,
    certificates: kept.certificates,
    certified_at: new Date(kept.certifiedAtMs),
    sellers: kept.sellers,
    accounts: kept.accounts,
    zip: kept.zip,
    deed,
    by,
    record: persons.seal(record, id),
    hash,
    previous_hash: previousHash,
  }
}

function readConsent(row: Row, persons: ConsentPersons): Consent {
  const opened: Row[string] = persons.open(row['record'], row['id'])
  const { revocation, certificates, givenAt, expiresAt, ...record } = opened
  return {
    ...record,
    givenAt: new Date(givenAt),
    expiresAt: readDateOrNull(expiresAt),
    certificates: certificates.map((each: Certificate & { issuedAt: string | null }) => ({
      ...each,
      issuedAt: readDateOrNull(each.issuedAt),
    })),
    revocation: revocation && {
      ...revocation,
      at: new Date(revocation.at),
      honouredAt: new Date(revocation.honouredAt),
    },
    id: row['id'],
    version: row['version'],
    deed: row['deed'],
    at: row['at'],
    by: row['by'],
    hash: row['hash'].toString('hex'),
    previousHash: row['previous_hash']?.toString('hex') ?? null,
  }
}
