import { StoreUnavailable } from '../api/needs.ts'
import { EmbeddedPostgres } from './embedded-postgres.ts'
import { migrateUp } from './migrate.ts'
import { Postgres } from './postgres.ts'
import type { ConnectionOptions } from './postgres.ts'
import type { StorageLog } from './storage-log.ts'
import { isAway } from './store-errors.ts'

/** Between two attempts to reach a database that is down at the start, ms. */
export const START_RETRY_MS = 500
/** Changes of the book kept for gateways that were away; one that missed more reads the whole book anew. */
export const BOOK_CHANGES_KEPT = 100_000

export interface Database {
  readonly postgres: Postgres
  embeddedPid(): number | undefined
  close(): Promise<void>
}

/** Reaches the database (starts the embedded one when `url` is null) and brings its tables up to date. */
export async function openDatabase(
  url: string | null,
  dataDir: string,
  log: StorageLog,
  startTimeoutMs: number,
  statementMs?: number,
): Promise<Database> {
  const embedded = url === null ? await EmbeddedPostgres.start(dataDir, log) : null
  try {
    const connection: ConnectionOptions = embedded ? embedded.connection : { connectionString: url! }
    const withoutTimescale = (error: string): void =>
      log.warn({ error }, 'TimescaleDB is offered, but cannot be used: sums by minute stay in native partitions')
    const applied = await withPatience(() => migrateUp(connection, withoutTimescale), log, startTimeoutMs)
    if (applied.length > 0) log.info({ migrations: applied }, 'the database was brought up to date')
    const postgres = new Postgres(connection, log, statementMs)
    await postgres.rows('delete from book_changes where version <= (select version from book_version) - $1', [
      BOOK_CHANGES_KEPT,
    ])
    return {
      postgres,
      embeddedPid: () => embedded?.pid,
      close: async () => {
        await postgres.close()
        await embedded?.close()
      },
    }
  } catch (error) {
    await embedded?.close()
    throw error
  }
}

async function withPatience<T>(work: () => Promise<T>, log: StorageLog, timeoutMs: number): Promise<T> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!isAway(error)) throw error
      const reason =
        (error as Error).message ||
        ((error as AggregateError).errors?.[0] as Error | undefined)?.message ||
        String(error)
      if (performance.now() + START_RETRY_MS > deadline)
        throw new StoreUnavailable(`the database is down (waited ${timeoutMs} ms): ${reason}`, { cause: error })
      log.warn({ error: reason }, 'the database is down: trying again')
      await new Promise((resolve) => setTimeout(resolve, START_RETRY_MS))
    }
  }
}
