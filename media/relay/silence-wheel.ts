/** Something that should be heard from now and then. */
export interface Watched {
  /** Monotonic milliseconds of the last packet. */
  lastHeardMs: number
  /** The wheel's own note of where it filed this; -1 when it did not. */
  slot: number
}

/** The hand moves this many times a limit, within reason: how late a silence may be noticed. */
const TICKS_PER_LIMIT = 20
const TICK_MIN_MS = 10
const TICK_MAX_MS = 1000

/**
 * Finds who has been silent too long without a timer for each: everyone is filed under the tick when they would be late, and
 * looked at only then; whoever was heard meanwhile is filed again. A packet costs one assignment, a leg one look a limit.
 */
export class SilenceWheel<T extends Watched> {
  readonly limitMs: number
  readonly tickMs: number
  readonly #slots: Set<T>[]
  #tick: number

  constructor(limitMs: number, nowMs: number) {
    this.limitMs = limitMs
    this.tickMs = Math.min(TICK_MAX_MS, Math.max(TICK_MIN_MS, Math.floor(limitMs / TICKS_PER_LIMIT)))
    this.#slots = Array.from({ length: Math.ceil(limitMs / this.tickMs) + 2 }, () => new Set<T>())
    this.#tick = Math.floor(nowMs / this.tickMs)
  }

  /** Starts the silence of `item` now. */
  watch(item: T, nowMs: number): void {
    this.unwatch(item)
    item.lastHeardMs = nowMs
    this.#file(item)
  }

  unwatch(item: T): void {
    if (item.slot === -1) return
    this.#slots[item.slot]!.delete(item)
    item.slot = -1
  }

  /** Moves the hand to `nowMs`; returns everyone silent for the limit, no longer watched. */
  turn(nowMs: number): T[] {
    const silent: T[] = []
    const now = Math.floor(nowMs / this.tickMs)
    // A stalled thread may come back many turns late: each slot is then looked at once.
    const first = Math.max(this.#tick + 1, now - this.#slots.length + 1)
    this.#tick = Math.max(now, this.#tick)
    for (let tick = first; tick <= now; tick++) {
      const due = Array.from(this.#slots[tick % this.#slots.length]!) // A copy: filing again may use this very slot.
      for (const item of due) {
        this.unwatch(item)
        if (nowMs - item.lastHeardMs >= this.limitMs) silent.push(item)
        else this.#file(item)
      }
    }
    return silent
  }

  #file(item: T): void {
    const due = Math.ceil((item.lastHeardMs + this.limitMs) / this.tickMs)
    item.slot = Math.max(due, this.#tick + 1) % this.#slots.length
    this.#slots[item.slot]!.add(item)
  }
}
