import { SlotTable } from '../features/slot-table.ts'

/** The callers that are counted at a time. */
export const MAX_VELOCITY_CALLERS = 131_072

/** `fraud.velocity_checks`. */
export interface VelocityLimit {
  readonly windowMs: number
  readonly maxCalls: number
}

/**
 * How many calls each caller makes within a window of the operator's choice. It keeps the count of the running window and of the one before,
 * and takes of the latter the part that the sliding one still covers.
 */
export class Velocity {
  readonly limit: VelocityLimit
  readonly #table: SlotTable
  readonly #windows: Float64Array
  readonly #counts: Uint32Array

  constructor(limit: VelocityLimit, most = MAX_VELOCITY_CALLERS) {
    this.limit = limit
    this.#table = new SlotTable(most)
    this.#windows = new Float64Array(this.#table.capacity)
    this.#counts = new Uint32Array(this.#table.capacity * 2)
  }

  /** The caller's calls within the window, this one included. */
  add(caller: number, atMs: number): number {
    const windows = atMs / this.limit.windowMs
    const now = Math.floor(windows)
    const slot = this.#table.take(caller, atMs)
    const before = this.#windows[slot]!
    if (this.#table.isNew || now > before + 1) this.#counts[slot * 2 + 1] = 0
    else if (now === before + 1) this.#counts[slot * 2 + 1] = this.#counts[slot * 2]!
    if (this.#table.isNew || now > before) {
      this.#counts[slot * 2] = 0
      this.#windows[slot] = now
    }
    const count = ++this.#counts[slot * 2]!
    return count + Math.floor(this.#counts[slot * 2 + 1]! * (1 - Math.max(0, windows - now)))
  }
}
