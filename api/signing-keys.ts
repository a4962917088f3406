import { generateKeyPairSync } from 'node:crypto'
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { SigningKeys } from './options.ts'

const PRIVATE = 'jwt-private.pem'
const PUBLIC = 'jwt-public.pem'

/**
 * The pair access tokens are signed with, kept in `dir` (readable by the owner only) and made there at the first start:
 * tokens outlive a restart, and several API processes that share the folder trust each other's.
 */
export function loadOrCreate(dir: string): SigningKeys {
  const found = findKeys(dir)
  if (found) return found
  mkdirSync(dir, { recursive: true })
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  // The private one last: a pair counts from the moment it is there, so a crash in between only makes a new pair.
  writeWhole(join(dir, PUBLIC), publicKey.export({ type: 'spki', format: 'pem' }).toString(), 0o644)
  writeWhole(join(dir, PRIVATE), privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), 0o600)
  return findKeys(dir) ?? fail(dir)
}

/** The pair kept in `dir`; null when none has been made yet. */
export function findKeys(dir: string): SigningKeys | null {
  try {
    const privateKeyPem = readFileSync(join(dir, PRIVATE), 'utf8')
    return { privateKeyPem, publicKeyPem: readFileSync(join(dir, PUBLIC), 'utf8') }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

function writeWhole(path: string, content: string, mode: number): void {
  writeFileSync(`${path}.new`, content, { mode })
  chmodSync(`${path}.new`, mode) // The umask, or an older file, may have said otherwise.
  renameSync(`${path}.new`, path)
}

function fail(dir: string): never {
  throw new Error(`the signing keys written to ${dir} cannot be read back`)
}
