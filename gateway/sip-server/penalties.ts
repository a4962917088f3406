import type { Hop } from './hop.ts'

/**
 * Hops that have just failed (RFC 3263 §4.3, RFC 3261 §21.5.4): until their time is up the others of their name are tried
 * before them. The oldest is forgotten when there are too many.
 */
export class Penalties {
  readonly #untilMs = new Map<string, number>()
  readonly #max: number
  readonly #nowMs: () => number

  constructor(max: number, nowMs: () => number) {
    this.#max = max
    this.#nowMs = nowMs
  }

  get size(): number {
    return this.#untilMs.size
  }

  add(hop: Hop, forMs: number): void {
    const key = keyOf(hop)
    // Set anew, it is the youngest.
    this.#untilMs.delete(key)
    if (this.#untilMs.size >= this.#max) this.#untilMs.delete(this.#untilMs.keys().next().value!)
    this.#untilMs.set(key, this.#nowMs() + forMs)
  }

  /** It works after all. */
  lift(hop: Hop): void {
    if (this.#untilMs.size > 0) this.#untilMs.delete(keyOf(hop))
  }

  holds(hop: Hop): boolean {
    if (this.#untilMs.size === 0) return false
    const key = keyOf(hop)
    const untilMs = this.#untilMs.get(key)
    if (untilMs === undefined) return false
    if (untilMs > this.#nowMs()) return true
    this.#untilMs.delete(key)
    return false
  }
}

function keyOf({ transport, host, port }: Hop): string {
  return `${transport} ${host} ${port}`
}
