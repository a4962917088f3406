import assert from 'node:assert/strict'
import type { Random } from '../../model/random.ts'

export interface PortRange {
  readonly from: number
  /** Inclusive. */
  readonly to: number
}

/** Every even port of the range whose odd neighbour is in it too: RTP is even, its RTCP one above (RFC 3550 §11). */
export function portPairs(range: PortRange): number[] {
  const pairs: number[] = []
  for (let port = range.from + (range.from % 2); port + 1 <= range.to; port += 2) pairs.push(port)
  return pairs
}

/**
 * Hands out RTP/RTCP pairs. A returned pair goes to the end of the line and is not given again before its quiet time is over, so that
 * packets still on their way to one call cannot fall into another. The line starts shuffled: neighbouring calls do not get
 * neighbouring ports, which makes them harder to guess.
 */
export class PortPool {
  readonly #pairs: Int32Array
  readonly #quietUntilMs: Float64Array
  readonly quietMs: number
  #head = 0
  #free: number

  constructor(pairs: readonly number[], quietMs: number, random: Random) {
    this.#pairs = Int32Array.from(shuffle(pairs, random))
    this.#quietUntilMs = new Float64Array(pairs.length)
    this.quietMs = quietMs
    this.#free = pairs.length
  }

  /** Pairs not given out, the quiet ones included. */
  get free(): number {
    return this.#free
  }

  get size(): number {
    return this.#pairs.length
  }

  /** The even port of the pair that has been quiet longest; null when there is none that may be used now. */
  take(nowMs: number): number | null {
    if (this.#free === 0 || this.#quietUntilMs[this.#head]! > nowMs) return null
    const port = this.#pairs[this.#head]!
    this.#head = (this.#head + 1) % this.#pairs.length
    this.#free--
    return port
  }

  /** Takes back a pair: closed, or found in use by another program (which may let go of it by its next turn). */
  give(port: number, nowMs: number): void {
    assert(this.#free < this.#pairs.length, 'a port pair is given back once')
    const tail = (this.#head + this.#free) % this.#pairs.length
    this.#pairs[tail] = port
    this.#quietUntilMs[tail] = nowMs + this.quietMs
    this.#free++
  }

  /** Takes back a pair that nobody ever used: it is the next one to be given. */
  giveUnused(port: number): void {
    assert(this.#free < this.#pairs.length, 'a port pair is given back once')
    this.#head = (this.#head + this.#pairs.length - 1) % this.#pairs.length
    this.#pairs[this.#head] = port
    this.#quietUntilMs[this.#head] = 0
    this.#free++
  }
}

function shuffle(pairs: readonly number[], random: Random): number[] {
  const line = [...pairs]
  for (let i = line.length - 1; i > 0; i--) {
    const bytes = random.bytes(4)
    const draw = ((bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!) >>> 0
    const j = draw % (i + 1)
    const other = line[j]!
    line[j] = line[i]!
    line[i] = other
  }
  return line
}
