import { createDecipheriv, hkdfSync } from 'node:crypto'
import type { MasterKey } from '../../config/master-keys.ts'
import { sealedBy, Unsealable, Vault } from '../../config/vault.ts'

const IV_BYTES = 12
const TAG_BYTES = 16
/** What texts begin with that were sealed before there was a vault. */
const FIRST_MARK = 'v1:'
/** The name of the key that is made of the exchange's own secret. */
const OWN_KEY = 'bidders.secret'
/** What is sealed, in the words that sealing binds it to. */
export const BIDDER_SECRET = 'bidder secret'

/** Seals what a customer has entrusted to us: a copy of the database tells nobody. */
export class SecretBox {
  readonly #key: MasterKey
  readonly #own: Vault
  readonly #vault: Vault

  /** Without a vault a key made of `secret` seals. */
  constructor(secret: Buffer, vault: Vault | null = null) {
    this.#key = { id: OWN_KEY, key: Buffer.from(hkdfSync('sha256', secret, '', 'bidder secrets', 32)) }
    this.#own = new Vault([this.#key])
    this.#vault = vault ?? this.#own
  }

  seal(text: string): string {
    return this.#vault.seal(text, BIDDER_SECRET)
  }

  /** Null: it was sealed with another secret, or is none of ours. */
  open(sealed: string): string | null {
    try {
      if (sealed.startsWith(FIRST_MARK)) return openFirst(sealed, this.#key.key)
      const vault = sealedBy(sealed) === OWN_KEY ? this.#own : this.#vault
      return vault.open(sealed, BIDDER_SECRET)
    } catch (error) {
      if (error instanceof Unsealable) return null
      throw error
    }
  }
}

function openFirst(sealed: string, key: Buffer): string | null {
  const bytes = Buffer.from(sealed.slice(FIRST_MARK.length), 'base64')
  if (bytes.length < IV_BYTES + TAG_BYTES) return null
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, IV_BYTES))
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
  try {
    return decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
  } catch {
    return null
  }
}
