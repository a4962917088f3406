import type { SocketPair } from './relay-socket.ts'

/** Most pairs that rest open, in a thread: two descriptors each. */
export const MOST_RESTING = 2048
/** Below so many given back in a second none is kept: their ports would come round too soon for whoever guesses them, and few are bound. */
export const MANY_A_SECOND = 64
/** What nobody needs for so long is closed, ms. */
export const KEPT_MS = 5000

interface Resting {
  readonly pair: SocketPair
  readonly sinceMs: number
  /** When something came last: somebody still sends there. */
  heardMs: number
}

/**
 * Pairs that calls have left, still bound, for calls to come: binding and closing two pairs was a third of what a call costs a relay thread.
 * Kept only while many calls end. One is given again when nothing has come to it for the quiet time; it is whoever rests longest.
 */
export class RestingPairs {
  readonly #quietMs: number
  readonly #most: number
  /** The longest resting first, by their address. */
  readonly #lines = new Map<string, Resting[]>()
  #size = 0
  #second = 0
  #inSecond = 0
  #inSecondBefore = 0

  constructor(quietMs: number, most: number) {
    this.#quietMs = quietMs
    this.#most = Math.min(most, MOST_RESTING)
  }

  get size(): number {
    return this.#size
  }

  /** Takes a pair that a call has left; false: it is to be closed. */
  rest(pair: SocketPair, nowMs: number): boolean {
    if (!this.#areMany(nowMs) || this.#size >= this.#most) return false
    const resting = { pair, sinceMs: nowMs, heardMs: -Infinity }
    for (const socket of [pair.rtp, pair.rtcp]) {
      socket.removeAllListeners('message')
      socket.removeAllListeners('error')
      socket.on('error', ignore)
      socket.on('message', () => void (resting.heardMs = performance.now()))
    }
    const line = this.#lines.get(pair.address)
    if (line) line.push(resting)
    else this.#lines.set(pair.address, [resting])
    this.#size++
    return true
  }

  /** A pair at this address that may be given to a call; null: there is none. */
  take(address: string, nowMs: number): SocketPair | null {
    const oldest = this.#lines.get(address)?.[0]
    return oldest && this.#isQuiet(oldest, nowMs) ? this.#leave(oldest) : null
  }

  /** A pair at whatever address, to be closed for its port; null: there is none that may be used now. */
  takeAny(nowMs: number): SocketPair | null {
    for (const [oldest] of this.#lines.values()) if (oldest && this.#isQuiet(oldest, nowMs)) return this.#leave(oldest)
    return null
  }

  /** Those that nobody has needed, and those that somebody still sends to: to be closed. */
  takeOverdue(nowMs: number): SocketPair[] {
    const overdue: SocketPair[] = []
    for (const line of this.#lines.values()) {
      while (line.length > 0 && this.#isOverdue(line[0]!, nowMs)) overdue.push(this.#leave(line[0]!))
    }
    return overdue
  }

  #isOverdue(resting: Resting, nowMs: number): boolean {
    const sinceMs = nowMs - resting.sinceMs
    return sinceMs >= KEPT_MS || (sinceMs >= this.#quietMs && !this.#isQuiet(resting, nowMs))
  }

  #isQuiet({ sinceMs, heardMs }: Resting, nowMs: number): boolean {
    return nowMs - Math.max(sinceMs, heardMs) >= this.#quietMs
  }

  #leave({ pair }: Resting): SocketPair {
    this.#lines.get(pair.address)!.shift()
    this.#size--
    pair.rtp.removeAllListeners('message')
    pair.rtcp.removeAllListeners('message')
    return pair
  }

  /** Whether this second has many, or the one before had. */
  #areMany(nowMs: number): boolean {
    const second = Math.floor(nowMs / 1000)
    if (second !== this.#second) {
      this.#inSecondBefore = second === this.#second + 1 ? this.#inSecond : 0
      this.#inSecond = 0
      this.#second = second
    }
    return ++this.#inSecond >= MANY_A_SECOND || this.#inSecondBefore >= MANY_A_SECOND
  }
}

/** A socket that nobody has: nobody's loss. */
function ignore(): void {}
