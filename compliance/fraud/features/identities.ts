import type { Attestation } from '../../../model/compliance-rule.ts'
import { RATE_MEASURES, Rates } from './rates.ts'
import { SlotTable } from './slot-table.ts'

/** What is counted of whoever is behind a caller's number, in the order it is written. */
export const IDENTITY_MEASURES = [...RATE_MEASURES.map((name) => `identity.${name}` as const), 'identity.open'] as const

const OPEN_AT = RATE_MEASURES.length

/**
 * Who is behind a caller's number, as a whole number. With attestation A (RFC 8588 §4: its carrier vouches for the number) that is the number's owner, wherever the
 * call comes from; else it may be forged, and is whoever calls with it through that seller.
 */
export function identityOf(caller: number, seller: number, attestation: Attestation | null): number {
  return attestation === 'A' ? caller : (1 + (seller % 32_767)) * 2 ** 38 + (caller % 2 ** 38)
}

/** How many calls each of those make: what a caller may be refused for must not be what others did in its name. */
export class Identities {
  readonly #table: SlotTable
  readonly #rates: Rates
  readonly #open: Uint32Array

  constructor(most: number) {
    this.#table = new SlotTable(most)
    this.#rates = new Rates(this.#table.capacity)
    this.#open = new Uint32Array(this.#table.capacity)
  }

  get size(): number {
    return this.#table.size
  }

  /** Counts a call and writes `IDENTITY_MEASURES`. */
  arrived(identity: number, atMs: number, to: Float64Array, from: number): void {
    const slot = this.#table.take(identity, atMs)
    if (this.#table.isNew) {
      this.#rates.clear(slot)
      this.#open[slot] = 0
    }
    this.#rates.add(slot, atMs)
    this.#rates.write(slot, atMs, to, from)
    to[from + OPEN_AT] = ++this.#open[slot]!
  }

  /** A call is over, or was forgotten; nothing happens when whoever made it has lost its place. */
  ended(identity: number): void {
    const slot = this.#table.find(identity)
    if (slot >= 0 && this.#open[slot]! > 0) this.#open[slot]!--
  }
}
