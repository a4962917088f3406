import type { AccountId, CallId } from '../../model/ids.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'

/** Callers remembered; the oldest are forgotten first. */
const MAX_CALLERS = 100_000
/** Sales of one caller remembered. */
const MAX_SALES = 20

interface Sale {
  readonly callId: CallId
  readonly buyerId: AccountId
  /** The number the caller had dialled. */
  readonly number: PhoneNumber
  readonly atMs: number
  isUp: boolean
}

/**
 * Who was sold to which buyer's bidder a moment ago. A caller whose call is still up, or who comes by another number within minutes, has most
 * likely not dialled again: whoever bought the call is passing it on, and would buy it from us again.
 */
export class Reentry {
  readonly #windowMs: number
  readonly #sales = new Map<PhoneNumber, Sale[]>()

  constructor(windowMs: number) {
    this.#windowMs = windowMs
  }

  get size(): number {
    return this.#sales.size
  }

  sold(caller: PhoneNumber, sale: Omit<Sale, 'isUp'>): void {
    const sales = (this.#sales.get(caller) ?? []).filter((each) => this.#counts(each, sale.atMs))
    if (sales.length >= MAX_SALES) sales.shift()
    sales.push({ ...sale, isUp: true })
    this.#sales.delete(caller) // The last in the map is the one that was sold last.
    this.#sales.set(caller, sales)
    for (const [oldest] of this.#sales) {
      if (this.#sales.size <= MAX_CALLERS) break
      this.#sales.delete(oldest)
    }
  }

  ended(caller: PhoneNumber, callId: CallId): void {
    for (const sale of this.#sales.get(caller) ?? []) if (sale.callId === callId) sale.isUp = false
  }

  /** The buyers by way of whom a call of this caller to this number may have come back. */
  buyersBehind(caller: PhoneNumber, number: PhoneNumber, nowMs: number): ReadonlySet<AccountId> {
    const sales = this.#sales.get(caller)
    if (sales === undefined) return NOBODY
    const behind = sales.filter((sale) => this.#counts(sale, nowMs) && (sale.isUp || sale.number !== number))
    return new Set(behind.map(({ buyerId }) => buyerId))
  }

  #counts({ isUp, atMs }: Sale, nowMs: number): boolean {
    return isUp || nowMs - atMs < this.#windowMs
  }
}

const NOBODY: ReadonlySet<AccountId> = new Set()
