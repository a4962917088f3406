/** libuv reads so many datagrams of a socket before it turns to another: with fewer, there were no more. */
const DATAGRAMS_A_TURN = 32
/** A loop that had some time to wait has got to everything that had come until then. */
const BUSY_SHARE = 0.97

/**
 * How long what has come may lie unread in the kernel's buffers. A turn of the event loop that does not read some socket to
 * its end leaves messages that only grow older; what comes while a turn lasts waits for its end. That a loop is never idle
 * says less: one that shares its processors with others is at work or waits for one the whole time, and is late for nothing.
 */
export class Unread {
  readonly #now: () => number
  /** The share of its time the loop was at work since it was last asked. */
  readonly #busyShare: () => number
  #turn = 0
  #isInTurn = false
  #isLeft = false
  /** When it was last known that nothing had been left. */
  #emptyAtMs: number
  #longestMs = 0

  constructor(monotonicMs: () => number, busyShare: () => number) {
    this.#now = monotonicMs
    this.#busyShare = busyShare
    this.#emptyAtMs = monotonicMs()
  }

  /** Something is being read: datagrams, or a piece of a stream. */
  readonly reading = (): void => {
    if (this.#isInTurn) return
    this.#isInTurn = true
    setImmediate(this.#endTurn)
  }

  /** To be called for each datagram of one socket. */
  socket(): () => void {
    let turn = -1
    let count = 0
    return () => {
      this.reading()
      if (turn !== this.#turn) count = 0
      turn = this.#turn
      if (++count === DATAGRAMS_A_TURN) this.#isLeft = true
    }
  }

  readonly #endTurn = (): void => {
    this.#isInTurn = false
    this.#turn++
    this.#waited()
    if (!this.#isLeft) this.#emptyAtMs = this.#now()
    this.#isLeft = false
  }

  #waited(): void {
    this.#longestMs = Math.max(this.#longestMs, this.#now() - this.#emptyAtMs)
  }

  /** How long something may have lain there since it was last asked, milliseconds at most; 0: the loop had time to spare. */
  take(): number {
    this.#waited()
    const longestMs = this.#longestMs
    this.#longestMs = 0
    return this.#busyShare() < BUSY_SHARE ? 0 : longestMs
  }
}

/** The share of its time this thread's event loop was at work, each time since the last. */
export function busyShareOfLoop(): () => number {
  let before = performance.eventLoopUtilization()
  return () => {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, before)
    before = now
    return utilization
  }
}
