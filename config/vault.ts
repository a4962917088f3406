import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { MasterKey } from './master-keys.ts'

const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16
/** What sealed texts begin with; those of bank accounts were `v1` once, without a key of their own. */
const MARK = 'v2.'

/** Something sealed that cannot be opened, and why; never what it holds. */
export class Unsealable extends Error {
  override readonly name = 'Unsealable'
}

/** Encrypted by AES-256-GCM with the key of this name. */
export interface Encrypted {
  readonly keyId: string
  readonly nonce: Buffer
  readonly bytes: Buffer
  readonly tag: Buffer
}

/** Encrypts bytes for one thing and no other: `what` it is, and which one (`of`). */
export function encrypt({ id, key }: MasterKey, bytes: Uint8Array, what: string, of: string): Encrypted {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(boundTo(what, id, of))
  return { keyId: id, nonce, bytes: Buffer.concat([cipher.update(bytes), cipher.final()]), tag: cipher.getAuthTag() }
}

/** Undoes `encrypt`. Throws Unsealable when the key is not among these, or this is another thing, or changed. */
export function decrypt(keys: readonly MasterKey[], encrypted: Encrypted, what: string, of: string): Buffer {
  const { keyId, nonce, bytes, tag } = encrypted
  const named = keys.filter(({ id }) => id === keyId)
  if (named.length === 0) throw new Unsealable(`the ${what} was sealed with the key “${keyId}”, which is not set`)
  // Two settings may call their keys the same.
  for (const { id, key } of named) {
    try {
      const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
      decipher.setAAD(boundTo(what, id, of)).setAuthTag(tag)
      return Buffer.concat([decipher.update(bytes), decipher.final()])
    } catch {}
  }
  throw new Unsealable(`the key “${keyId}” is not the one the ${what} was sealed with, or it was changed`)
}

/** What is sealed serves the thing it was sealed for and no other. */
function boundTo(what: string, keyId: string, of: string): Buffer {
  return Buffer.from(`dce ${what}\n${keyId}\n${of}`)
}

/**
 * Seals what is kept in tables, each thing with a key of its own, which is sealed in turn with a master key: another master key
 * seals that key anew and leaves the thing alone. A sealed text is `v2.KEY ID.KEY.TEXT`, never the same twice.
 */
export class Vault {
  #keys: readonly MasterKey[]
  readonly #reread: (() => readonly MasterKey[]) | null

  /** The first of `keys` seals, the others open what is older: at least one. `reread` asks for keys made meanwhile. */
  constructor(keys: readonly MasterKey[], reread: (() => readonly MasterKey[]) | null = null) {
    this.#keys = keys
    this.#reread = reread
  }

  /** The name of the key that seals. */
  get keyId(): string {
    return this.#keys[0]!.id
  }

  seal(text: string, what: string, of = ''): string {
    const { key, body } = this.sealBytes(Buffer.from(text), what, of)
    return `${key}.${body.toString('base64url')}`
  }

  /** Throws Unsealable. */
  open(sealed: string, what: string, of = ''): string {
    if (sealed.startsWith('v1.')) return this.#openFirst(sealed, what, of)
    const at = sealed.lastIndexOf('.')
    return this.openBytes(sealed.slice(0, at), Buffer.from(sealed.slice(at + 1), 'base64url'), what, of).toString()
  }

  /** The same of bytes: their key, sealed, stands apart from them. */
  sealBytes(bytes: Uint8Array, what: string, of = ''): { key: string; body: Buffer } {
    const dataKey = { id: '', key: randomBytes(KEY_BYTES) }
    const inner = encrypt(dataKey, bytes, what, of)
    return { key: this.#wrap(dataKey.key, what, of), body: Buffer.concat([inner.nonce, inner.bytes, inner.tag]) }
  }

  /** Throws Unsealable. */
  openBytes(key: string, body: Buffer, what: string, of = ''): Buffer {
    const dataKey = { id: '', key: this.#unwrap(key, what, of) }
    return decrypt([dataKey], { keyId: '', ...apart(body) }, what, of)
  }

  /** The same sealed by the first key; null: it is already. Throws Unsealable. */
  reseal(sealed: string, what: string, of = ''): string | null {
    if (sealed.startsWith('v1.')) return this.seal(this.open(sealed, what, of), what, of)
    const [version, id, wrapped, ...body] = sealed.split('.')
    if (idOf(id) === this.keyId) return null
    return [this.#wrap(this.#unwrap(`${version}.${id}.${wrapped}`, what, of), what, of), ...body].join('.')
  }

  #wrap(dataKey: Buffer, what: string, of: string): string {
    const { keyId, nonce, bytes, tag } = encrypt(this.#keys[0]!, dataKey, `key of ${what}`, of)
    const wrapped = Buffer.concat([nonce, bytes, tag]).toString('base64url')
    return `${MARK}${Buffer.from(keyId).toString('base64url')}.${wrapped}`
  }

  #unwrap(key: string, what: string, of: string): Buffer {
    const [version, id, wrapped] = key.split('.')
    if (`${version}.` !== MARK || wrapped === undefined) throw new Unsealable(`the ${what} is not sealed as we do`)
    const encrypted = { keyId: idOf(id), ...apart(Buffer.from(wrapped, 'base64url')) }
    if (this.#reread !== null && !this.#keys.some((each) => each.id === encrypted.keyId)) this.#keys = this.#reread()
    return decrypt(this.#keys, encrypted, `key of ${what}`, of)
  }

  #openFirst(sealed: string, what: string, of: string): string {
    const [, id, nonce, text, tag] = sealed.split('.')
    const [iv, bytes, authTag] = [nonce, text, tag].map((part) => Buffer.from(part ?? '', 'base64url'))
    return decrypt(this.#keys, { keyId: idOf(id), nonce: iv!, bytes: bytes!, tag: authTag! }, what, of).toString()
  }
}

/** The name of the key that a text was sealed with; null when it is not sealed. */
export function sealedBy(text: string): string | null {
  const [version, id, body] = text.split('.')
  return /^v[12]$/.test(version!) && id && body ? idOf(id) : null
}

function idOf(encoded: string | undefined): string {
  return Buffer.from(encoded ?? '', 'base64url').toString()
}

function apart(body: Buffer): Omit<Encrypted, 'keyId'> {
  return {
    nonce: body.subarray(0, NONCE_BYTES),
    bytes: body.subarray(NONCE_BYTES, -TAG_BYTES),
    tag: body.subarray(-TAG_BYTES),
  }
}
