import { createHash } from 'node:crypto'

/** How long a signature is remembered: no longer is any fresh, within `telephony.stir.freshness` of its time on either side. */
export const REMEMBERED_MS = 20 * 60_000
/** Signatures remembered at once, at 60 bytes or so: 83 a second for all that time. Beyond, the older half goes early. */
const MOST = 100_000

/**
 * Whose call a signature speaks for: the first it came with. Its freshness alone lets whoever has one of a consumer send it with calls of
 * its own for a while, which would count as the consumer's.
 */
export class SignedOnce {
  readonly #most: number
  #recent = new Set<string>()
  #older = new Set<string>()
  #turnedAtMs = -Infinity

  constructor(most = MOST) {
    this.#most = most
  }

  get size(): number {
    return this.#recent.size + this.#older.size
  }

  /** `signed`: what has been signed, which nobody can write otherwise and keep the signature. */
  isFirst(signed: string, nowMs: number): boolean {
    if (nowMs - this.#turnedAtMs >= REMEMBERED_MS || this.#recent.size * 2 >= this.#most) {
      this.#older = nowMs - this.#turnedAtMs >= 2 * REMEMBERED_MS ? new Set() : this.#recent
      this.#recent = new Set()
      this.#turnedAtMs = nowMs
    }
    const mark = createHash('sha256').update(signed).digest('base64')
    if (this.#recent.has(mark) || this.#older.has(mark)) return false
    this.#recent.add(mark)
    return true
  }
}
