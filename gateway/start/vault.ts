import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readMasterKeys, type MasterKey } from '../../config/master-keys.ts'
import { SettingsError } from '../../config/settings-error.ts'
import type { Settings } from '../../config/settings.ts'
import { Vault } from '../../config/vault.ts'

const FILE = 'encryption.keys'
const WHAT = 'encryption key'

type KeySettings = Pick<Settings, 'dataDir' | 'security' | 'database'>

/**
 * What sensitive columns and the archive are sealed with: `security.encryption_keys`; without them keys made in the data folder, which serve
 * the embedded database beside them; null for a database that other gateways may share. Throws SettingsError for keys that cannot be read.
 */
export function vaultOf(settings: KeySettings): Vault | null {
  const { encryptionKeys } = settings.security
  if (encryptionKeys !== null) return new Vault(keysFrom(encryptionKeys))
  if (settings.database.url !== null) return null
  const path = keyFile(settings)
  const read = (): readonly MasterKey[] => readMasterKeys(readFileSync(path, 'utf8').trim(), WHAT)
  try {
    return new Vault(read(), read)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw inSettings(error as Error, path)
  }
  writeKeys(path, newKey())
  return new Vault(read(), read)
}

/** Puts a new key before those in the data folder: a running exchange finds it there when it meets what it seals. False: settings name the keys. */
export function addKey(settings: KeySettings): boolean {
  if (settings.security.encryptionKeys !== null || settings.database.url !== null) return false
  vaultOf(settings)
  const path = keyFile(settings)
  writeKeys(path, `${newKey()},${readFileSync(path, 'utf8').trim()}`)
  return true
}

function keysFrom(text: string): readonly MasterKey[] {
  try {
    return readMasterKeys(text, WHAT)
  } catch (error) {
    throw inSettings(error as Error, 'security.encryption_keys')
  }
}

function inSettings(error: Error, where: string): SettingsError {
  return new SettingsError('security.encryption_keys', `${where}: ${error.message}`)
}

function keyFile({ dataDir }: KeySettings): string {
  return join(dataDir, 'keys', FILE)
}

function newKey(): string {
  return `made-${Date.now().toString(36)}:${randomBytes(32).toString('hex')}`
}

/** Whole or not at all, for its owner alone. */
function writeKeys(path: string, text: string): void {
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(`${path}.new`, `${text}\n`, { mode: 0o600, flush: true })
  renameSync(`${path}.new`, path)
}
