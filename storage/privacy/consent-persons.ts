import { Unsealable, Vault } from '../../config/vault.ts'
import type { Queries, Row } from '../postgres.ts'
import { SET_KEYS } from '../sealed-layout.ts'
import { privacyKey } from './privacy-keys.ts'

const KEY_NAME = 'consents'
const WHAT = 'person of a consent'

/**
 * Who a consent's record says the consumer is, beside the number: sealed by a key that outlasts master keys, for versions of consents are
 * never written again. Records in the clear, of before there were keys, are read as they are.
 */
export class ConsentPersons {
  /** Null without keys. */
  readonly #vault: Vault | null

  private constructor(vault: Vault | null) {
    this.#vault = vault
  }

  /** Throws Unsealable. */
  static async load(queries: Queries, vault: Vault | null): Promise<ConsentPersons> {
    if (vault === null) return new ConsentPersons(null)
    return new ConsentPersons(new Vault([{ id: KEY_NAME, key: await privacyKey(queries, vault, KEY_NAME) }]))
  }

  /** The record as it is kept. */
  seal(record: Row, id: string): Row {
    if (this.#vault === null) return record
    const { name, ip, userAgent, ...rest } = record
    return { ...rest, sealed: this.#vault.seal(JSON.stringify({ name, ip, userAgent }), WHAT, id) }
  }

  /** The record as it was made. Throws Unsealable. */
  open(record: Row, id: string): Row {
    const { sealed, ...rest } = record
    if (typeof sealed !== 'string') return record
    if (this.#vault === null) throw new Unsealable(`the ${WHAT} is sealed in this database: ${SET_KEYS}`)
    return { ...rest, ...(JSON.parse(this.#vault.open(sealed, WHAT, id)) as Row) }
  }
}
