import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EmbeddedPostgres } from '../../storage/embedded-postgres.ts'
import { migrateUp } from '../../storage/migrate.ts'

let prepared: Promise<string> | null = null

/**
 * A data folder in which an exchange finds its database made, and nothing in it: for stories that are not about a first start. Making one
 * is a quarter of such a start; this is made once, and copied.
 */
export function preparedData(): Promise<string> {
  return (prepared ??= prepare())
}

async function prepare(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'dce-prepared-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
  const postgres = await EmbeddedPostgres.start(folder, quiet)
  await migrateUp(postgres.connection)
  await postgres.close()
  return folder
}
