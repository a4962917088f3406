import { randomBytes, randomUUID } from 'node:crypto'
import { detach } from './characters.ts'

/** Where the server takes names and numbers nobody can guess from. A simulation passes a seeded one. */
export interface Chance {
  /** `length` (even) hexadecimal digits: tags, branches, Call-IDs. */
  token(length: number): string
  /** A version 4 UUID: what applications call transactions. */
  uuid(): string
  /** A whole number from 0 up to, not including, `limit`. */
  below(limit: number): number
}

let pool = ''

/** The real source. */
export const systemChance: Chance = {
  token(length) {
    // One call of the generator serves hundreds of tokens.
    if (pool.length < length) pool = randomBytes(4096).toString('hex')
    const token = pool.slice(0, length)
    pool = pool.slice(length)
    // A slice would keep the whole pool alive.
    return detach(token)
  },
  // Node puts it together from 20 pieces, which would be kept as long as it is.
  uuid: () => detach(randomUUID()),
  below: (limit) => Math.floor(Math.random() * limit),
}
