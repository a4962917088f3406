/** libuv reads so many datagrams of a socket before it turns to another: with fewer, there were no more. */
const DATAGRAMS_A_TURN = 32
/** So many bytes of a stream count as one: who sends 64 kB in a turn has more, or waits to send it. */
const DATAGRAM_BYTES = 2_048
/** A loop that had some time to wait has got to everything that had come until then. */
const BUSY_SHARE = 0.97

/** Told by transports of what they read, before anything is made of it. */
export interface Reading {
  /** A datagram of this socket. */
  datagram(socket: object): void
  /** A piece of this stream. */
  piece(stream: object, bytes: number): void
}

/**
 * How long messages may lie unread, in the kernel's buffers or with who sends them: how long a turn of the event loop takes
 * them, and for how long none has read some socket to its end. That is no message's age: a pause of 50 ms on a thread that is
 * at work for half of its time is made up for after 100. Nor is it sure of a stream: a sender that may have less than 64 kB under
 * way seems to be read to its end each turn, and one that sends more in a turn and waits for nothing seems to hold back. That
 * a loop is never idle says less: one that shares its processors with others is at work, or waits for one of them, the
 * whole time, and is late for nothing. What the application sends is not counted: it shows in reaction times.
 */
export class Unread implements Reading {
  readonly #now: () => number
  /** The share of its time the loop was at work since it was last asked. */
  readonly #busyShare: () => number
  /** What was read in this turn, in datagrams. */
  readonly #read = new Map<object, number>()
  /** Since when what was not read to its end. */
  readonly #leftSinceMs = new Map<object, number>()
  #turnFromMs: number | null = null
  #longestMs = 0

  constructor(monotonicMs: () => number, busyShare: () => number) {
    this.#now = monotonicMs
    this.#busyShare = busyShare
  }

  datagram(socket: object): void {
    this.#add(socket, 1)
  }

  piece(stream: object, bytes: number): void {
    this.#add(stream, bytes / DATAGRAM_BYTES)
  }

  #add(source: object, datagrams: number): void {
    if (this.#turnFromMs === null) {
      this.#turnFromMs = this.#now()
      setImmediate(this.#endTurn)
    }
    this.#read.set(source, (this.#read.get(source) ?? 0) + datagrams)
  }

  readonly #endTurn = (): void => {
    this.#measure()
    // What nothing was read of had nothing.
    for (const source of this.#leftSinceMs.keys()) if (!this.#read.has(source)) this.#leftSinceMs.delete(source)
    for (const [source, datagrams] of this.#read) {
      if (datagrams < DATAGRAMS_A_TURN) this.#leftSinceMs.delete(source)
      else if (!this.#leftSinceMs.has(source)) this.#leftSinceMs.set(source, this.#turnFromMs!)
    }
    this.#read.clear()
    this.#turnFromMs = null
  }

  #measure(): void {
    const nowMs = this.#now()
    if (this.#turnFromMs !== null) this.#longestMs = Math.max(this.#longestMs, nowMs - this.#turnFromMs)
    for (const sinceMs of this.#leftSinceMs.values()) this.#longestMs = Math.max(this.#longestMs, nowMs - sinceMs)
  }

  /** The longest since it was last asked, milliseconds; 0: the loop had time to spare. */
  take(): number {
    this.#measure()
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
