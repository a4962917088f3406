import type { SocketPair } from './relay-socket.ts'

/** Most pairs that rest open, in a thread: two descriptors each. */
export const MOST_RESTING = 2048
/** Below so many given back in a second none is kept: their ports would come round too soon for whoever guesses them, and few are bound. */
export const MANY_A_SECOND = 64
/** What nobody needs for so long is closed, ms; never before its quiet time is over. */
export const KEPT_MS = 5000
/** Of those that somebody still sends to so many are passed over at a time. */
const MOST_PASSED = 16

interface Resting {
  readonly pair: SocketPair
  /** Since when its call is over. */
  readonly leftMs: number
  /** Since when it rests, or rests again. */
  sinceMs: number
  /** When something came last: somebody still sends there. */
  heardMs: number
  /** It began anew already, since something came: what a party sends while it hears of the end. */
  isAnew: boolean
}

/**
 * Pairs that calls have left, still bound, for calls to come: binding and closing two pairs was a third of what a call costs a relay thread.
 * Kept only while many calls end. One is given again when nothing has come to it for the quiet time, whoever rests longest first.
 */
export class RestingPairs {
  readonly #quietMs: number
  readonly #most: number
  /** The longest resting first, by their address. */
  readonly #lines = new Map<string, Resting[]>()
  /** Somebody goes on sending there. */
  #noisy: SocketPair[] = []
  #size = 0
  /** All that had come by then was read: a thread that stood still knows nothing of what came meanwhile. */
  #readMs = -Infinity
  #second = 0
  #inSecond = 0
  #inSecondBefore = 0

  constructor(quietMs: number, most: number) {
    this.#quietMs = quietMs
    this.#most = Math.min(most, MOST_RESTING)
  }

  get size(): number {
    return this.#size + this.#noisy.length
  }

  /** Takes a pair that a call has left; false: it is to be closed. */
  rest(pair: SocketPair, nowMs: number): boolean {
    if (!this.#areMany(nowMs) || this.size >= this.#most) return false
    const resting = { pair, leftMs: nowMs, sinceMs: nowMs, heardMs: -Infinity, isAnew: false }
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

  /** The sockets have just been read, as they are once in each turn of the event loop. */
  haveBeenRead(nowMs: number): void {
    this.#readMs = nowMs
  }

  /** A pair at this address that may be given to a call; null: there is none. */
  take(address: string): SocketPair | null {
    const line = this.#lines.get(address) ?? []
    for (let i = 0; i < MOST_PASSED && line.length > 0; i++) {
      const oldest = line[0]!
      if (this.#readMs - oldest.sinceMs < this.#quietMs) return null
      this.#leave(line)
      if (oldest.heardMs <= oldest.sinceMs) return freed(oldest.pair)
      this.#passOver(oldest, line)
    }
    return null
  }

  /** A pair at whatever address, to be closed for its port, if need be one that somebody still sends to; null: none has rested for the quiet time. */
  takeAny(nowMs: number): SocketPair | null {
    for (const address of this.#lines.keys()) {
      const quiet = this.take(address)
      if (quiet) return quiet
    }
    const noisy = this.#noisy.shift()
    if (noisy) return freed(noisy)
    for (const line of this.#lines.values()) {
      const at = line.findIndex(({ leftMs }) => nowMs - leftMs >= this.#quietMs)
      if (at === -1) continue
      this.#size--
      return freed(line.splice(at, 1)[0]!.pair)
    }
    return null
  }

  /** Some of those that nobody has needed, or that somebody goes on sending to: to be closed. */
  takeOverdue(nowMs: number, most: number): SocketPair[] {
    const overdue = this.#noisy.splice(0, most)
    const leftMs = nowMs - Math.max(KEPT_MS, this.#quietMs)
    for (const line of this.#lines.values())
      while (overdue.length < most && line.length > 0 && line[0]!.leftMs <= leftMs) overdue.push(this.#leave(line))
    return overdue.map(freed)
  }

  #passOver(resting: Resting, line: Resting[]): void {
    if (resting.isAnew) {
      this.#noisy.push(resting.pair)
      return
    }
    resting.sinceMs = resting.heardMs
    resting.isAnew = true
    line.push(resting)
    this.#size++
  }

  #leave(line: Resting[]): SocketPair {
    this.#size--
    return line.shift()!.pair
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

function freed(pair: SocketPair): SocketPair {
  pair.rtp.removeAllListeners('message')
  pair.rtcp.removeAllListeners('message')
  return pair
}

/** A socket that nobody has: nobody's loss. */
function ignore(): void {}
