/** Who is told when a timer fires. */
export interface TimerOwner {
  onTimer(name: string): void
}

/** An armed timer. Cancelling only forgets the owner; the entry itself goes when its slot comes round. */
export class TimerEntry {
  owner: TimerOwner | null
  readonly name: string
  readonly dueTick: number

  constructor(owner: TimerOwner, name: string, dueTick: number) {
    this.owner = owner
    this.name = name
    this.dueTick = dueTick
  }

  cancel(): void {
    this.owner = null
  }
}

const SLOTS = 1024

/**
 * All timers of the server in one hashed wheel: arming and cancelling cost an array push and a store, where a
 * `setTimeout` each would cost a list node and a closure. A timer never fires early, and at most two ticks late.
 */
export class TimerWheel {
  readonly tickMs: number
  #slots: TimerEntry[][]
  #tick = 0
  #startMs: number
  #driver: NodeJS.Timeout | null = null
  readonly #onError: (error: unknown) => void

  /** `onError` hears of owners that threw; without it the error is the caller's. */
  constructor(tickMs: number, nowMs: number, onError?: (error: unknown) => void) {
    this.tickMs = tickMs
    this.#startMs = nowMs
    this.#onError = onError ?? rethrow
    this.#slots = Array.from({ length: SLOTS }, () => [])
  }

  /** The time as timers see it: at most a tick behind the clock that drives it. */
  get nowMs(): number {
    return this.#startMs + this.#tick * this.tickMs
  }

  arm(delayMs: number, owner: TimerOwner, name: string): TimerEntry {
    // One tick more, because we stand somewhere inside the present one.
    const dueTick = this.#tick + Math.max(0, Math.ceil(delayMs / this.tickMs)) + 1
    const entry = new TimerEntry(owner, name, dueTick)
    this.#slots[dueTick % SLOTS]!.push(entry)
    return entry
  }

  /** Fires everything due until `nowMs`. The real clock calls it each tick; a test calls it with its own time. */
  advanceTo(nowMs: number): void {
    const target = Math.floor((nowMs - this.#startMs) / this.tickMs)
    while (this.#tick < target) {
      this.#tick++
      const slot = this.#tick % SLOTS
      const entries = this.#slots[slot]!
      if (entries.length === 0) continue
      this.#slots[slot] = []
      for (const entry of entries) this.#fire(entry, slot)
    }
  }

  #fire(entry: TimerEntry, slot: number): void {
    const { owner } = entry
    if (owner === null) return
    if (entry.dueTick > this.#tick) {
      this.#slots[slot]!.push(entry)
      return
    }
    entry.owner = null
    try {
      owner.onTimer(entry.name)
    } catch (error) {
      this.#onError(error)
    }
  }

  /** Runs on the real clock until `stop`. */
  start(): void {
    this.#driver ??= setInterval(() => this.advanceTo(performance.now()), this.tickMs)
  }

  stop(): void {
    if (this.#driver !== null) clearInterval(this.#driver)
    this.#driver = null
  }

  /** Timers armed and not cancelled: for tests that look for leaks. */
  get armed(): number {
    let count = 0
    for (const slot of this.#slots) for (const entry of slot) if (entry.owner !== null) count++
    return count
  }
}

function rethrow(error: unknown): never {
  throw error
}
