import { SlotTable } from './slot-table.ts'

/** What is remembered of an open call, each a key of its subject, then its marks and who made it. */
export const OPEN = { caller: 0, block: 1, number: 2, seller: 3, trunk: 4, marks: 5, identity: 6 } as const
const STRIDE = 7

/** The calls that have not ended yet: what their end will be counted for. */
export class OpenCalls {
  readonly #table: SlotTable
  readonly #rows: Float64Array

  constructor(most: number) {
    this.#table = new SlotTable(most)
    this.#rows = new Float64Array(this.#table.capacity * STRIDE)
  }

  get size(): number {
    return this.#table.size
  }

  /** Its place; whoever had it before is still written there when `hasEvicted`. */
  take(call: number, atMs: number): number {
    return this.#table.take(call, atMs) * STRIDE
  }

  get hasEvicted(): boolean {
    return this.#table.isNew && this.#table.evicted !== 0
  }

  /** The place of a call that ends now; -1 when it is not known. What is written there holds until the next call. */
  end(call: number): number {
    const slot = this.#table.remove(call)
    return slot < 0 ? -1 : slot * STRIDE
  }

  /** Calls of before then end now, too; `onEnded` hears the place of each. */
  endBefore(atMs: number, onEnded: (place: number) => void): void {
    this.#table.removeBefore(atMs, (slot) => onEnded(slot * STRIDE))
  }

  get(place: number, what: number): number {
    return this.#rows[place + what]!
  }

  set(place: number, what: number, value: number): void {
    this.#rows[place + what] = value
  }
}
