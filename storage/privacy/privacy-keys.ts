import { randomBytes } from 'node:crypto'
import type { Vault } from '../../config/vault.ts'
import type { Queries } from '../postgres.ts'
import { PRIVACY_SEALS } from './reseal.ts'

/** A key that outlasts every master key, made when there is none. Throws Unsealable when it was sealed with a key that is not set. */
export async function privacyKey(queries: Queries, vault: Vault, name: string): Promise<Buffer> {
  const fresh = vault.seal(randomBytes(32).toString('base64'), PRIVACY_SEALS.key, name)
  await queries.rows('insert into privacy_keys (name, sealed) values ($1, $2) on conflict do nothing', [name, fresh])
  const [row] = await queries.rows('select sealed from privacy_keys where name = $1', [name])
  return Buffer.from(vault.open(row!['sealed'], PRIVACY_SEALS.key, name), 'base64')
}
