import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { Client } from 'pg'
import type { ConnectionOptions } from './postgres.ts'
import { useTimescale } from './timescale.ts'

const FOLDER = new URL('./migrations/', import.meta.url)
const FILE = /^(\d{4})-([a-z0-9-]+)\.up\.sql$/
/** Any number, as long as all of us use it: one migrator at a time on a database. */
const ADVISORY_LOCK = 7_203_117
/** Earlier texts of migrations that older servers could not run: where one could, it has made the same tables. */
const SAME_BEFORE: ReadonlyMap<number, string> = new Map([
  [29, '47c39c1137bafb94c62e06140f2d7f8411ecb9cd71917f717193f2f8ff4fd29b'],
])
/** Postgres 15 is the oldest this is written for. */
const OLDEST_SERVER = 150_000

export interface Migration {
  readonly id: number
  readonly name: string
  readonly up: string
  readonly down: string
  /** SHA-256 of `up`, hex. */
  readonly checksum: string
}

export interface MigrationStatus {
  readonly id: number
  readonly name: string
  readonly appliedAt: Date | null
}

/** The migrations cannot be applied: a file changed after it was applied, or the database knows one that we do not. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError'
}

/** The migrations of this version of the program, in order. */
export async function readMigrations(folder: URL = FOLDER): Promise<Migration[]> {
  const files = (await readdir(folder)).filter((file) => FILE.test(file)).toSorted()
  return Promise.all(
    files.map(async (file) => {
      const [, id, name] = FILE.exec(file)!
      const up = await readFile(new URL(file, folder), 'utf8')
      const down = await readFile(new URL(file.replace('.up.sql', '.down.sql'), folder), 'utf8')
      return { id: Number(id), name: name!, up, down, checksum: createHash('sha256').update(up).digest('hex') }
    }),
  )
}

/**
 * Applies what is not applied yet, each in a transaction of its own. Answers with the names applied; `timescale` is among them when the
 * sums by minute have just become a hypertable (timescale.ts). `warn` hears why they have not where they could have.
 */
export function migrateUp(options: ConnectionOptions, warn: (why: string) => void = () => {}): Promise<string[]> {
  return locked(options, async (client, migrations, applied) => {
    const done: string[] = []
    for (const migration of migrations) {
      if (applied.has(migration.id)) continue
      await inTransaction(
        client,
        migration.up,
        'insert into schema_migrations (id, name, checksum) values ($1, $2, $3)',
        [migration.id, migration.name, migration.checksum],
      )
      done.push(migration.name)
    }
    try {
      if (await useTimescale(client)) done.push('timescale')
    } catch (error) {
      await client.query('select') // Away, then: the start tries again.
      warn((error as Error).message)
    }
    return done
  })
}

/** Takes the last `steps` migrations back, their data with them. Answers with the names taken back. */
export function migrateDown(options: ConnectionOptions, steps = 1): Promise<string[]> {
  return locked(options, async (client, migrations, applied) => {
    const undone: string[] = []
    for (const migration of migrations
      .filter(({ id }) => applied.has(id))
      .toReversed()
      .slice(0, steps)) {
      await inTransaction(client, migration.down, 'delete from schema_migrations where id = $1', [migration.id])
      undone.push(migration.name)
    }
    return undone
  })
}

/** Every migration, with the time it was applied or null. */
export function migrationStatus(options: ConnectionOptions): Promise<MigrationStatus[]> {
  return locked(options, async (_client, migrations, applied) =>
    migrations.map(({ id, name }) => ({ id, name, appliedAt: applied.get(id)?.appliedAt ?? null })),
  )
}

interface Applied {
  readonly checksum: string
  readonly appliedAt: Date
}

async function locked<T>(
  options: ConnectionOptions,
  work: (client: Client, migrations: readonly Migration[], applied: ReadonlyMap<number, Applied>) => Promise<T>,
): Promise<T> {
  const migrations = await readMigrations()
  const client = new Client({ ...options, connectionTimeoutMillis: 5_000, application_name: 'dce migrate' })
  client.on('error', () => {}) // The statement under way rejects with the same.
  await client.connect()
  try {
    const server = Number((await client.query('show server_version_num')).rows[0].server_version_num)
    if (server < OLDEST_SERVER)
      throw new MigrationError(`PostgreSQL 15 or later is needed, this server is ${Math.floor(server / 10_000)}`)
    await client.query('select pg_advisory_lock($1)', [ADVISORY_LOCK])
    await client.query(
      'create table if not exists schema_migrations (id integer primary key, name text not null, checksum text not null, applied_at timestamptz not null default now())',
    )
    const rows = (await client.query('select id, name, checksum, applied_at from schema_migrations order by id')).rows
    const applied = new Map<number, Applied>(
      rows.map((row) => [row.id, { checksum: row.checksum, appliedAt: row.applied_at }]),
    )
    for (const row of rows) {
      const migration = migrations.find(({ id }) => id === row.id)
      if (!migration)
        throw new MigrationError(
          `the database has migration ${row.id} (${row.name}), which this version of the program does not know`,
        )
      if (migration.checksum !== row.checksum && SAME_BEFORE.get(row.id) !== row.checksum)
        throw new MigrationError(`migration ${row.id} (${row.name}) was changed after it was applied`)
    }
    return await work(client, migrations, applied)
  } finally {
    await client.end() // The advisory lock goes with the connection.
  }
}

async function inTransaction(client: Client, script: string, note: string, values: readonly unknown[]): Promise<void> {
  await client.query('begin')
  try {
    await client.query(script)
    await client.query(note, values as unknown[])
    await client.query('commit')
  } catch (error) {
    await client.query('rollback')
    throw error
  }
}
