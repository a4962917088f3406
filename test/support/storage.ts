import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { BookChange } from '../../model/book.ts'
import { systemClock } from '../../model/clock.ts'
import { EmbeddedPostgres } from '../../storage/embedded-postgres.ts'
import { migrateUp } from '../../storage/migrate.ts'
import { openStorage } from '../../storage/storage.ts'
import type { Storage, StorageOptions } from '../../storage/storage.ts'
import type { StorageLog } from '../../storage/storage-log.ts'

/** One real PostgreSQL for the whole test run; each `createDatabase` is a database of its own on it. */
let server: Promise<{ postgres: EmbeddedPostgres; folder: string }> | null = null
let databases = 0
/** The name of the one that others are copies of. */
let migratedDatabase: Promise<string> | null = null

async function start(): Promise<{ postgres: EmbeddedPostgres; folder: string }> {
  const folder = temporaryFolder()
  return { postgres: await EmbeddedPostgres.start(folder, silentLog), folder }
}

/** The URL of a new, empty database: on the server that DCE_TEST_POSTGRES_URL names, where it does, else on one of our own. */
export async function createDatabase(): Promise<string> {
  const named = process.env['DCE_TEST_POSTGRES_URL']
  return named === undefined ? copyDatabase('template1') : onNamedServer(named)
}

/** The URL of a new database with all tables in it: on our own server a copy of the first, since making them takes longer. */
async function createMigratedDatabase(): Promise<string> {
  if (process.env['DCE_TEST_POSTGRES_URL'] !== undefined) return createDatabase()
  const migrated = await (migratedDatabase ??= createDatabase().then(async (url) => {
    await migrateUp({ connectionString: url })
    return new URL(url).pathname.slice(1)
  }))
  return copyDatabase(migrated)
}

async function copyDatabase(template: string): Promise<string> {
  const { folder } = await (server ??= start())
  const host = join(folder, 'postgres')
  const name = `test_${++databases}`
  await query({ host, user: 'dce', database: 'postgres' }, `create database ${name} template ${template}`)
  return `postgresql:///${name}?host=${host}&user=dce`
}

async function onNamedServer(named: string): Promise<string> {
  const url = new URL(named)
  const name = `dce_test_${process.pid}_${++databases}`
  await query({ connectionString: named }, `create database ${name}`)
  toDrop.push({ named, name })
  url.pathname = `/${name}`
  return url.href
}

async function query(connection: pg.ClientConfig, text: string): Promise<void> {
  const client = new pg.Client(connection)
  await client.connect()
  await client.query(text)
  await client.end()
}

const toDrop: { named: string; name: string }[] = []

// At the top of a module this is a hook of mocha's root suite: it runs once, after all.
after(async function () {
  this.timeout(300_000) // Hundreds of databases are some hundred thousand files to remove.
  const started = await server
  await started?.postgres.close()
  for (const { named, name } of toDrop)
    await query({ connectionString: named }, `drop database if exists ${name} with (force)`)
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

const folders: string[] = []

/** A new folder that goes when the tests end. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'dce-test-'))
  folders.push(folder)
  return folder
}

export const silentLog: StorageLog = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

/** A log that keeps what it is told. */
export function recordingLog(): StorageLog & {
  lines: { level: string; message: string; fields: Record<string, unknown> }[]
} {
  const lines: { level: string; message: string; fields: Record<string, unknown> }[] = []
  const at = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, message, fields: fields as Record<string, unknown> })
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

export interface TestStorage extends Storage {
  /** Every change handed over since the opening, those of `book.load` not included. */
  readonly changes: BookChange[]
  readonly options: StorageOptions
}

/** Storage over a database of its own, with small limits; anything may be overridden. The caller closes it. */
export async function openTestStorage(overrides: Partial<StorageOptions> = {}): Promise<TestStorage> {
  const changes: BookChange[] = []
  const options: StorageOptions = {
    databaseUrl: overrides.databaseUrl === undefined ? await createMigratedDatabase() : overrides.databaseUrl,
    dataDir: temporaryFolder(),
    gatewayId: 'test',
    log: silentLog,
    clock: systemClock,
    onBookChange: (change) => void changes.push(change),
    spoolBytes: 1024 * 1024,
    minFreeBytes: 0,
    startTimeoutMs: 20_000,
    ...overrides,
  }
  return Object.assign(await openStorage(options), { changes, options })
}
