/** Who is told when a timer fires. */
export interface TimerOwner {
  onTimer(name: string): void
}

/** An armed timer, in the ring of its slot. One that is cancelled leaves it at once: most are, and a call has two dozen. */
export class TimerEntry {
  /** Null once it has fired or been cancelled, and in the entry that holds a ring together. */
  owner: TimerOwner | null
  readonly name: string
  readonly dueTick: number
  next: TimerEntry = this
  previous: TimerEntry = this

  constructor(owner: TimerOwner | null, name: string, dueTick: number) {
    this.owner = owner
    this.name = name
    this.dueTick = dueTick
  }

  cancel(): void {
    this.owner = null
    this.unlink()
  }

  unlink(): void {
    this.previous.next = this.next
    this.next.previous = this.previous
    this.next = this.previous = this
  }
}

const SLOTS = 1024

/**
 * All timers of the server in one hashed wheel: arming and cancelling cost a few stores, where a `setTimeout` each would cost a
 * closure and a list by its duration as well. A timer never fires early, and at most two ticks late.
 */
export class TimerWheel {
  readonly tickMs: number
  readonly #slots = Array.from({ length: SLOTS }, newRing)
  #tick = 0
  #startMs: number
  #driver: NodeJS.Timeout | null = null
  readonly #onError: (error: unknown) => void

  /** `onError` hears of owners that threw; without it the error is the caller's. */
  constructor(tickMs: number, nowMs: number, onError?: (error: unknown) => void) {
    this.tickMs = tickMs
    this.#startMs = nowMs
    this.#onError = onError ?? rethrow
  }

  /** The time as timers see it: at most a tick behind the clock that drives it. */
  get nowMs(): number {
    return this.#startMs + this.#tick * this.tickMs
  }

  arm(delayMs: number, owner: TimerOwner, name: string): TimerEntry {
    // One tick more, because we stand somewhere inside the present one.
    const dueTick = this.#tick + Math.max(0, Math.ceil(delayMs / this.tickMs)) + 1
    const entry = new TimerEntry(owner, name, dueTick)
    append(this.#slots[dueTick % SLOTS]!, entry)
    return entry
  }

  /** Fires everything due until `nowMs`. The real clock calls it each tick; a test calls it with its own time. */
  advanceTo(nowMs: number): void {
    const target = Math.floor((nowMs - this.#startMs) / this.tickMs)
    while (this.#tick < target) {
      this.#tick++
      const slot = this.#slots[this.#tick % SLOTS]!
      if (slot.next !== slot) this.#empty(slot)
    }
  }

  /** Fires what is due in a slot; the rest is for another round. What is armed or cancelled meanwhile may be in it, too. */
  #empty(slot: TimerEntry): void {
    const ring = newRing()
    append(slot, ring)
    slot.unlink()
    while (ring.next !== ring) {
      const entry = ring.next
      entry.unlink()
      if (entry.dueTick > this.#tick) append(slot, entry)
      else this.#fire(entry)
    }
  }

  #fire(entry: TimerEntry): void {
    const { owner } = entry
    if (owner === null) return
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
    for (const slot of this.#slots) for (let entry = slot.next; entry !== slot; entry = entry.next) count++
    return count
  }
}

function newRing(): TimerEntry {
  return new TimerEntry(null, '', 0)
}

/** Puts a lone entry last in a ring. */
function append(ring: TimerEntry, entry: TimerEntry): void {
  entry.next = ring
  entry.previous = ring.previous
  ring.previous.next = entry
  ring.previous = entry
}

function rethrow(error: unknown): never {
  throw error
}
