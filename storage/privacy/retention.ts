import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../../model/clock.ts'
import type { RetentionFigure } from '../../model/privacy.ts'
import type { Postgres, Queries } from '../postgres.ts'
import type { StorageLog } from '../storage-log.ts'
import type { Archive } from './archive.ts'
import { forgetOldNumbers, oldNumbersWaiting } from './old-numbers.ts'
import { ARCHIVED, DELETED, saveProgress, type ArchivedClass, type RetentionDays } from './retention-classes.ts'
import type { Subjects } from './subjects.ts'

const DAY_MS = 86_400_000
/** Any number, as long as all of us use it: one of the gateways retires rows at a time. */
const RETENTION_LOCK = 7_203_120
/** Rows of one transaction: calls wait for none of it, and what is cut off is little. */
export const BATCH_ROWS = 500
/** Batches of one class in one run; the next run goes on. At an hour a run that is 250,000 rows an hour. */
const MOST_BATCHES = 500
/** More than so many that wait are not counted. */
export const MOST_COUNTED = 10_000
/** Between two batches, as a share of what the last one took: the database has others to serve. */
const REST = 1

export interface RetentionParts {
  readonly postgres: Postgres
  readonly days: RetentionDays
  readonly clock: Pick<Clock, 'now'>
  readonly log: StorageLog
  /** Resolves to null without keys: then nothing is archived, and nothing that should be is taken away. */
  readonly able: () => Promise<{ readonly archive: Archive; readonly subjects: Subjects } | null>
}

interface Counted {
  waiting: number | null
  done: number
  failures: number
  fault: string | null
}

type Errand = { readonly name: string; readonly setting: keyof RetentionDays; readonly source: string }

/** What is too old goes: to the archive, for good, or out of a row that stays. In batches of one transaction each. */
export class Retention {
  readonly #parts: RetentionParts
  readonly #counted = new Map<string, Counted>()
  #isClosed = false

  constructor(parts: RetentionParts) {
    this.#parts = parts
    for (const { name } of ERRANDS) this.#counted.set(name, { waiting: null, done: 0, failures: 0, fault: null })
  }

  get figures(): readonly RetentionFigure[] {
    const { days } = this.#parts
    return ERRANDS.map(({ name, setting, source }) => ({
      class: name,
      days: days[setting],
      source,
      ...this.#counted.get(name)!,
    }))
  }

  /** Does all there is to do, class by class; one that fails leaves the others theirs. Never rejects. */
  async run(): Promise<void> {
    for (const errand of ERRANDS) {
      if (this.#isClosed) return
      const counted = this.#counted.get(errand.name)!
      const before = new Date(this.#parts.clock.now() - this.#parts.days[errand.setting] * DAY_MS)
      try {
        const done = await this.#batches(errand, before)
        counted.done += done
        counted.fault = null
        if (done > 0)
          this.#parts.log.info({ class: errand.name, rows: done, before }, 'rows that were old enough have gone')
      } catch (error) {
        counted.failures++
        counted.fault = (error as Error).message
        this.#parts.log.warn(
          { class: errand.name, reason: counted.fault },
          'old rows could not go; it is tried again in an hour',
        )
      }
      counted.waiting = await this.#waiting(errand, before).catch(() => null)
    }
  }

  /** Counts what waits, without taking anything. */
  async look(): Promise<readonly RetentionFigure[]> {
    for (const errand of ERRANDS) {
      const before = new Date(this.#parts.clock.now() - this.#parts.days[errand.setting] * DAY_MS)
      this.#counted.get(errand.name)!.waiting = await this.#waiting(errand, before)
    }
    return this.figures
  }

  /** The batch under way is the last. */
  close(): void {
    this.#isClosed = true
  }

  async #batches(errand: Errand, before: Date): Promise<number> {
    let done = 0
    for (let batch = 0; batch < MOST_BATCHES && !this.#isClosed; batch++) {
      const begun = performance.now()
      const count = await this.#parts.postgres.transaction(async (tx) => {
        const [lock] = await tx.rows(`select pg_try_advisory_xact_lock(${RETENTION_LOCK}) as taken`)
        if (lock!['taken'] !== true) return 0 // Another gateway is at it.
        await tx.rows('set local synchronous_commit = on')
        return this.#batch(errand, tx, before)
      })
      done += count
      if (count < BATCH_ROWS) break
      await sleep((performance.now() - begun) * REST)
    }
    return done
  }

  async #batch(errand: Errand, tx: Queries, before: Date): Promise<number> {
    const archived = ARCHIVED.find(({ name }) => name === errand.name)
    if (archived) return this.#archive(archived, tx, before)
    const dropped = DELETED.find(({ name }) => name === errand.name)
    if (dropped) return dropped.drop(tx, before, BATCH_ROWS)
    if (errand === KEPT) return dropKept(tx, new Date(this.#parts.clock.now()))
    return forgetOldNumbers(tx, (await this.#able()).subjects, before, BATCH_ROWS)
  }

  async #archive({ name, take }: ArchivedClass, tx: Queries, before: Date): Promise<number> {
    const { archive } = await this.#able()
    const { rows, after } = await take(tx, before, BATCH_ROWS)
    if (rows.length === 0) return 0
    const ids = rows.map(({ callId }) => callId).toSorted()
    await archive.add(
      tx,
      {
        class: name,
        lines: rows.map(({ line }) => line),
        firstId: ids[0]!,
        lastId: ids.at(-1)!,
        youngestAt: new Date(Math.max(...rows.map(({ at }) => at.getTime()))),
      },
      new Date(this.#parts.clock.now()),
    )
    if (after !== null) await saveProgress(tx, name, after)
    return rows.length
  }

  async #able(): Promise<{ readonly archive: Archive; readonly subjects: Subjects }> {
    const able = await this.#parts.able()
    if (able === null) throw new Error('nothing is archived without security.encryption_keys')
    return able
  }

  async #waiting(errand: Errand, before: Date): Promise<number> {
    const { postgres, clock } = this.#parts
    const known = [...ARCHIVED, ...DELETED].find(({ name }) => name === errand.name)
    if (known) return known.waiting(postgres, before, MOST_COUNTED)
    if (errand === NUMBERS) return oldNumbersWaiting(postgres, before, MOST_COUNTED)
    const [row] = await postgres.rows(
      `select count(*)::int as n from (select from privacy_kept where keep_until < $1 limit ${MOST_COUNTED}) over`,
      [new Date(clock.now())],
    )
    return row!['n']
  }
}

/** Numbers in what stays: calls (money and reports are counted from them) and the audit (its chain is). */
const NUMBERS: Errand = {
  name: 'numbers',
  setting: 'archiveDays',
  source: 'with the archive of its call a number has no purpose left; the money of the call stays',
}
const KEPT: Errand = {
  name: 'kept',
  setting: 'lawDays',
  source: '16 CFR 310.5 and 47 CFR 64.1200(d)(6): 5 years; each record has its own end',
}
const ERRANDS: readonly Errand[] = [...ARCHIVED, ...DELETED, NUMBERS, KEPT]

async function dropKept(tx: Queries, now: Date): Promise<number> {
  const gone = await tx.rows(
    `delete from privacy_kept where id in (select id from privacy_kept where keep_until < $1 limit ${BATCH_ROWS}) returning 1`,
    [now],
  )
  return gone.length
}
