import { createHmac } from 'node:crypto'
import type { Vault } from '../../config/vault.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import { possibleNumbers } from '../../model/number-spellings.ts'
import type { Queries } from '../postgres.ts'
import { privacyKey } from './privacy-keys.ts'

const KEY_NAME = 'subjects'
/** Of a pseudonym: two numbers of a hundred million share one with a chance of one in 10^8. */
const PSEUDONYM_HEX = 20
/** Of what numbers are found by: a false find costs a look. */
const FINDER_BYTES = 8

/** What numbers are known by once they are forgotten: hashes under a key that is kept sealed. */
export class Subjects {
  readonly #key: Buffer

  private constructor(key: Buffer) {
    this.#key = key
  }

  /** Makes the key when there is none. Throws Unsealable when it was sealed with a key that is not set. */
  static async load(queries: Queries, vault: Vault): Promise<Subjects> {
    return new Subjects(await privacyKey(queries, vault, KEY_NAME))
  }

  /** The same for the same number always: what was one person's stays one person's. */
  pseudonymOf(number: PhoneNumber): string {
    return `erased-${this.#hash('pseudonym', number.slice(1)).toString('hex').slice(0, PSEUDONYM_HEX)}`
  }

  /** What a number's kept records and archives are found by. */
  finderOf(number: PhoneNumber): Buffer {
    return this.#finder(number.slice(1))
  }

  /** Of every number a text may hold. */
  findersIn(texts: readonly string[]): Buffer[] {
    const possible = new Set<string>()
    for (const text of texts) for (const digits of possibleNumbers(text)) possible.add(digits)
    return [...possible].map((digits) => this.#finder(digits))
  }

  #finder(digits: string): Buffer {
    return this.#hash('finder', digits).subarray(0, FINDER_BYTES)
  }

  #hash(use: string, digits: string): Buffer {
    return createHmac('sha256', this.#key).update(`${use} ${digits}`).digest()
  }
}
