import type { Page, PageRequest, PrivacyStore } from '../../api/needs.ts'
import { Unsealable, type Vault } from '../../config/vault.ts'
import type { BookChange } from '../../model/book.ts'
import type { Clock } from '../../model/clock.ts'
import type { DncList } from '../../model/dnc.ts'
import type { ConsentId } from '../../model/ids.ts'
import { withoutNumber } from '../../model/number-spellings.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import { PrivacyUnable, type Erasure, type ExportedRecord, type RetentionFigure } from '../../model/privacy.ts'
import { takenBack } from '../consent-rows.ts'
import { pageLimit, pageOf, readCursor, UUID_KEY } from '../cursor.ts'
import type { Postgres, Row } from '../postgres.ts'
import { SET_KEYS } from '../sealed-layout.ts'
import type { StorageLog } from '../storage-log.ts'
import { Archive, type ArchiveVerdict } from './archive.ts'
import { ConsentPersons } from './consent-persons.ts'
import { Erasures, readErasure, type EraseRecordings } from './erasures.ts'
import { overRows, type Found } from './forget-rows.ts'
import { Kept } from './kept.ts'
import { PLACES } from './places.ts'
import { Retention } from './retention.ts'
import type { RetentionDays } from './retention-classes.ts'
import { Subjects } from './subjects.ts'

export interface PrivacyParts {
  readonly postgres: Postgres
  /** Null: nothing is archived, and nobody can be forgotten. */
  readonly vault: Vault | null
  readonly days: RetentionDays
  readonly clock: Pick<Clock, 'now'>
  readonly log: StorageLog
  /** Brings what is on its way to the database there, and wipes the files it was in. */
  readonly settleFiles: () => Promise<void>
}

interface Able {
  readonly archive: Archive
  readonly kept: Kept
  readonly erasures: Erasures
  readonly subjects: Subjects
  readonly persons: ConsentPersons
}

/** Forgetting people, telling them what is known, and letting go what is too old. */
export class PostgresPrivacy implements PrivacyStore {
  readonly retention: Retention
  readonly #parts: PrivacyParts
  readonly #postgres: Postgres
  #opened: Promise<Able> | null = null

  constructor(parts: PrivacyParts) {
    this.#parts = parts
    this.#postgres = parts.postgres
    const { postgres, days, clock, log } = parts
    const able = (): Promise<Able | null> => (parts.vault === null ? Promise.resolve(null) : this.#able())
    this.retention = new Retention({ postgres, days, clock, log, able })
  }

  async erase(
    number: PhoneNumber,
    asked: { askedBy: string; reason: string },
    recordings: EraseRecordings,
  ): Promise<Erasure> {
    const { erasures } = await this.#able()
    return erasures.erase(number, asked, recordings)
  }

  /** Finishes what was cut off. */
  async resume(recordings: EraseRecordings): Promise<void> {
    if (this.#parts.vault !== null) await (await this.#able()).erasures.resume(recordings)
  }

  async *export(number: PhoneNumber): AsyncGenerator<ExportedRecord> {
    const { archive, kept, persons } = await this.#able()
    // Page by page: what one statement has found waits here while it is sent.
    for (const table of Object.keys(PLACES)) {
      const found: ExportedRecord[] = []
      await overRows(
        this.#postgres,
        number,
        (_place, name) => name === table,
        async (rows, tx) => {
          const columns = await tx.rows(
            `select ctid::text as ctid, to_jsonb(t) as record from only ${rows.leaf} t where ctid = any ($1::tid[])`,
            [rows.rows.map((row) => row['ctid'])],
          )
          const opened = (record: Row): Row =>
            table === 'consent_versions' ? { ...record, record: persons.open(record['record'], record['id']) } : record
          const records = new Map<string, Row>(columns.map((row) => [row['ctid'], opened(row['record'])]))
          for (const row of rows.rows)
            found.push({ place: table, record: shown(rows, row, records.get(row['ctid'])!, number) })
        },
      )
      yield* found
    }
    for await (const { class: of, line } of archive.linesOf(this.#postgres, number))
      yield { place: `archive of ${of}`, record: JSON.parse(line) }
    for (const { kind, source, keepUntil, record } of await kept.of(this.#postgres, number))
      yield { place: 'kept', record: { kind, source, keep_until: keepUntil, ...record } }
  }

  async erasures(page: PageRequest): Promise<Page<Erasure>> {
    const after = page.cursor === null ? null : readCursor(page.cursor, UUID_KEY)
    const rows = await this.#postgres.rows(
      `select * from privacy_erasures where ($1::timestamptz is null or (asked_at, id) < ($1, $2::uuid))
       order by asked_at desc, id desc limit $3`,
      [after && new Date(after.ms), after && after.key, pageLimit(page) + 1],
    )
    return pageOf(rows, page, readErasure, (row) => ({ ms: row['asked_at'].getTime(), key: row['id'] }))
  }

  look(): Promise<readonly RetentionFigure[]> {
    return this.retention.look()
  }

  async verifyArchive(): Promise<ArchiveVerdict> {
    return (await this.#able()).archive.verify(this.#postgres)
  }

  async archivedOf(callId: string): Promise<readonly { class: string; line: string }[]> {
    return (await this.#able()).archive.ofCall(this.#postgres, callId)
  }

  /** What gateways must know of people who were forgotten: that they asked not to be called, and took consents back. Throws Unsealable. */
  async *keptForBook(): AsyncGenerator<BookChange> {
    if (this.#parts.vault === null) {
      const [any] = await this.#postgres.rows(
        `select exists (select from privacy_kept where kind in ('do_not_call', 'consent') and keep_until > now()) as any`,
      )
      if (any!['any'] === true) throw new Unsealable(`numbers not to be called are sealed here: ${SET_KEYS}`)
      return
    }
    const { kept } = await this.#able()
    for (const [list, add] of await this.#keptDoNotCall(kept)) yield { kind: 'dnc', list, add, remove: [] }
    const consents = await kept.ofKind(this.#postgres, 'consent', new Date(this.#parts.clock.now()))
    const takenBackOnes = consents.flatMap(({ consent_id: id, number, taken_back_at: at }) =>
      typeof at === 'string' ? [takenBack(id as ConsentId, number as PhoneNumber, Date.parse(at))] : [],
    )
    if (takenBackOnes.length > 0) yield { kind: 'consent', kept: takenBackOnes, gone: [] }
  }

  /** Numbers not to be called that were forgotten otherwise: by list. */
  async #keptDoNotCall(kept: Kept): Promise<ReadonlyMap<DncList, readonly PhoneNumber[]>> {
    const lists = new Map<DncList, PhoneNumber[]>()
    const records = await kept.ofKind(this.#postgres, 'do_not_call', new Date(this.#parts.clock.now()))
    for (const { list, number } of records) {
      const numbers = lists.get(list as DncList)
      if (numbers) numbers.push(number as PhoneNumber)
      else lists.set(list as DncList, [number as PhoneNumber])
    }
    return lists
  }

  #able(): Promise<Able> {
    this.#opened ??= this.#open().catch((error: unknown) => {
      this.#opened = null // Tried again by whoever asks next.
      throw error
    })
    return this.#opened
  }

  async #open(): Promise<Able> {
    const { postgres, vault, days, clock, log, settleFiles } = this.#parts
    if (vault === null) throw new PrivacyUnable()
    const subjects = await Subjects.load(postgres, vault)
    const archive = new Archive(vault, subjects)
    const kept = new Kept(vault, subjects)
    const { lawDays } = days
    const now = (): number => clock.now()
    const persons = await ConsentPersons.load(postgres, vault)
    const erasures = new Erasures({ postgres, vault, subjects, archive, kept, persons, lawDays, now, settleFiles, log })
    return { archive, kept, erasures, subjects, persons }
  }
}

/** A row as its subject may read it: without what opens something, what is sealed, and what is said of others beside it. */
function shown({ place, table }: Found, row: Row, record: Row, number: PhoneNumber): Row {
  const texts = Object.entries(place.packed ?? {}).map(([column, kind]) => {
    const text: string | null = row[`text_${column}`]
    return [
      column,
      kind === 'events' ? (text?.split('\n').filter((line) => says(line, number)) ?? null) : text,
    ] as const
  })
  const open = Object.entries(record).filter(([column]) => !SECRET.test(column))
  const own = table === 'book_changes' ? open.filter(([column]) => column !== 'payload') : open
  return { ...Object.fromEntries(own), ...Object.fromEntries(texts) }
}

function says(text: string, number: PhoneNumber): boolean {
  return withoutNumber(text, number, '') !== text
}

const SECRET = /secret|password|digest|sealed|hash|salt/
