import { createHmac, hkdfSync } from 'node:crypto'
import type { AccountId } from '../../model/ids.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'

/** Keys kept: one for each buyer pinged today. */
const MAX_KEYS = 10_000
const DAY_MS = 86_400_000

/**
 * What a buyer is told of who calls, before it has won the call: HMAC-SHA-256 of the number, with a key for each buyer and day. It knows its own
 * repeated callers of a day by it; two buyers cannot compare theirs, and nobody can try all numbers without the key.
 */
export class CallerNames {
  readonly #secret: Buffer
  readonly #keys = new Map<AccountId, Buffer>()
  #day = -1

  constructor(secret: Buffer) {
    this.#secret = secret
  }

  get size(): number {
    return this.#keys.size
  }

  /** 64 hexadecimal digits. Days are UTC's. */
  nameOf(caller: PhoneNumber, buyer: AccountId, nowMs: number): string {
    return createHmac('sha256', this.#keyOf(buyer, nowMs)).update(caller).digest('hex')
  }

  #keyOf(buyer: AccountId, nowMs: number): Buffer {
    const day = Math.floor(nowMs / DAY_MS)
    if (day !== this.#day || this.#keys.size >= MAX_KEYS) this.#keys.clear()
    this.#day = day
    let key = this.#keys.get(buyer)
    if (!key) {
      key = Buffer.from(hkdfSync('sha256', this.#secret, '', `caller ${buyer} ${day}`, 32))
      this.#keys.set(buyer, key)
    }
    return key
  }
}
