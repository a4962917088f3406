import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { keyIdOf } from './chain.ts'

const PRIVATE = 'audit-private.pem'
const PUBLIC = /^audit-.*public\.pem$/

export interface AuditSigner {
  readonly keyId: string
  readonly privateKey: KeyObject
}

/** The Ed25519 key this gateway seals with: kept in `folder`, readable by its owner alone, and made there at the first start. */
export function auditSigner(folder: string): AuditSigner {
  const path = join(folder, PRIVATE)
  try {
    const privateKey = createPrivateKey(readFileSync(path))
    return { keyId: keyIdOf(createPublicKey(privateKey)), privateKey }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const keyId = keyIdOf(publicKey)
  mkdirSync(folder, { recursive: true })
  // The private one last: what it signs can be checked from the first moment.
  writeFileSync(join(folder, `audit-${keyId}-public.pem`), publicKey.export({ type: 'spki', format: 'pem' }))
  const fresh = `${path}.new`
  writeFileSync(fresh, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
  chmodSync(fresh, 0o600) // The umask, or an older file, may have said otherwise.
  renameSync(fresh, path)
  return { keyId, privateKey }
}

/** The public keys in `folder`: this gateway's, and those of others that were put beside it. */
export function auditKeys(folder: string): KeyObject[] {
  let names: string[]
  try {
    names = readdirSync(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
  return names.filter((name) => PUBLIC.test(name)).map((name) => createPublicKey(readFileSync(join(folder, name))))
}
