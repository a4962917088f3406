import { createHash, hash, randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from 'node:crypto'
import type { DigestSecret } from '../model/sip-user.ts'

/** Work factors of new hashes: 32 MB and some 0.2 s of one core each (OWASP's password storage advice for scrypt). */
const COST = 2 ** 15
const BLOCK_SIZE = 8
const PARALLEL = 3
const KEY_BYTES = 32
const SALT_BYTES = 16
/** Most memory a stored hash may ask for, so that a tampered row cannot take the process down. */
const MAX_MEMORY = 160 * 1024 * 1024
/** Longest password taken: hashing must not be a way to make us work. */
export const MAX_PASSWORD_LENGTH = 1024

const STORED = /^scrypt\$(\d{1,7})\$(\d{1,2})\$(\d{1,2})\$([\w-]{16,64})\$([\w-]{32,128})$/

/** Hashes a password for keeping: `scrypt$N$r$p$salt$key` (RFC 7914), off the main thread. Throws RangeError when it is too long. */
export async function hashPassword(password: string): Promise<string> {
  if (password.length > MAX_PASSWORD_LENGTH)
    throw new RangeError(`a password has at most ${MAX_PASSWORD_LENGTH} characters`)
  const salt = randomBytes(SALT_BYTES)
  const key = await derive(password, salt, KEY_BYTES, { N: COST, r: BLOCK_SIZE, p: PARALLEL })
  return `scrypt$${COST}$${BLOCK_SIZE}$${PARALLEL}$${salt.toString('base64url')}$${key.toString('base64url')}`
}

/**
 * Whether the password is the hashed one. A null hash (nobody of that name) takes as long as a real one and is false, so
 * that the time of an answer does not tell which addresses have an account. A hash that cannot be read is false.
 */
export async function verifyPassword(password: string, storedHash: string | null): Promise<boolean> {
  if (password.length > MAX_PASSWORD_LENGTH) return false
  const match = STORED.exec(storedHash ?? NOBODY)
  if (match === null) return false
  const [, n, r, p, salt, key] = match
  const expected = Buffer.from(key!, 'base64url')
  try {
    const options = { N: Number(n), r: Number(r), p: Number(p) }
    const actual = await derive(password, Buffer.from(salt!, 'base64url'), expected.length, options)
    return timingSafeEqual(actual, expected) && storedHash !== null
  } catch {
    return false // Work factors that scrypt refuses.
  }
}

const NOBODY = `scrypt$${COST}$${BLOCK_SIZE}$${PARALLEL}$${'A'.repeat(22)}$${'A'.repeat(43)}`

/** A new API key: 256 random bits behind a prefix that scanners for leaked secrets can look for, and the hash that is kept. */
export function createApiKeySecret(): { secret: string; secretHash: string } {
  const secret = `dce_${randomBytes(32).toString('base64url')}`
  return { secret, secretHash: hashSecret(secret) }
}

/** SHA-256 in hex. Enough for secrets that are random and long; passwords are neither and take `hashPassword`. */
export function hashSecret(secret: string): string {
  return hash('sha256', secret, 'hex')
}

/** What is kept of a password that a SIP device answers challenges with (RFC 7616 §3.4.2), one HA1 for each algorithm. */
export function digestSecret(username: string, realm: string, password: string): DigestSecret {
  const text = `${username}:${realm}:${password}`
  return { realm, md5: hash('md5', text), sha256: hash('sha256', text) }
}

/** Whether two texts are the same, in a time that tells nothing of where they differ. */
export function isSameSecret(one: string, other: string): boolean {
  return timingSafeEqual(digest(one), digest(other))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function derive(password: string, salt: Buffer, length: number, options: ScryptOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFKC'), salt, length, { ...options, maxmem: MAX_MEMORY }, (error, key) => {
      if (error) reject(error)
      else resolve(key)
    })
  })
}
