/** RFC 3261 Table 4, in milliseconds. A test may pass a smaller T1. */
export interface AgentTimers {
  /** Round-trip estimate: the first retransmission. */
  readonly t1Ms: number
  /** The longest wait between retransmissions. */
  readonly t2Ms: number
}

export const DEFAULT_TIMERS: AgentTimers = { t1Ms: 500, t2Ms: 4000 }

/** Timers B, F, H and the life of a finished transaction. */
export function timeoutMs(timers: AgentTimers): number {
  return 64 * timers.t1Ms
}

/** Sends again at T1, 2·T1, 4·T1 … up to `capMs`, until `stop`; after 64·T1 it gives up and says so. */
export class Retransmission {
  readonly #timers: AgentTimers
  readonly #capMs: number
  readonly #send: () => void
  readonly #onTimeout: () => void
  #next: NodeJS.Timeout | undefined
  #last: NodeJS.Timeout | undefined

  constructor(options: { timers: AgentTimers; capMs: number; send: () => void; onTimeout: () => void }) {
    this.#timers = options.timers
    this.#capMs = options.capMs
    this.#send = options.send
    this.#onTimeout = options.onTimeout
  }

  start(): void {
    this.#arm(this.#timers.t1Ms)
    this.#last = setTimeout(() => {
      this.stop()
      this.#onTimeout()
    }, timeoutMs(this.#timers))
  }

  /** No more sending; giving up stays. For an INVITE that got a provisional answer. */
  stopSending(): void {
    clearTimeout(this.#next)
    this.#next = undefined
  }

  stop(): void {
    this.stopSending()
    clearTimeout(this.#last)
    this.#last = undefined
  }

  #arm(waitMs: number): void {
    this.#next = setTimeout(() => {
      this.#send()
      this.#arm(Math.min(waitMs * 2, this.#capMs))
    }, waitMs)
  }
}
