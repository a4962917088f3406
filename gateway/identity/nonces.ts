import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/** How a nonce is taken: `stale` ones (too old, replayed, or not of this process) earn a fresh challenge. */
export type NonceVerdict = 'fresh' | 'stale'

const TIME_BYTES = 6
const RANDOM_BYTES = 10
const MAC_BYTES = 16
const TEXT = /^[\w-]{43}$/

export interface NoncesOptions {
  readonly realm: string
  /** How long after a challenge its nonce may be used. */
  readonly lifetimeMs: number
  /** Most nonces whose counts are remembered; past it the oldest are forgotten, and with them all that are as old. */
  readonly maxRemembered: number
  /** A time that never steps, whole ms. */
  readonly now: () => number
}

/**
 * The nonces of our challenges (RFC 7616 §3.3): each says when it was made and carries a MAC over that, so that nothing need
 * be kept for a challenge nobody answers. What is kept is the highest nonce count of each nonce that *was* used: a count must
 * grow, else the answer is a replay (§3.4.5).
 */
export class Nonces {
  readonly #options: NoncesOptions
  readonly #key = randomBytes(32)
  /** Nonce → its highest count, in the order of first use. */
  readonly #counts = new Map<string, { issuedMs: number; count: number }>()
  /** Nonces issued up to here may have been forgotten, so none of them is taken as new. */
  #forgottenUpToMs = -1

  constructor(options: NoncesOptions) {
    this.#options = options
  }

  /** Nonces whose counts are remembered. */
  get remembered(): number {
    return this.#counts.size
  }

  issue(): string {
    const head = Buffer.alloc(TIME_BYTES + RANDOM_BYTES)
    head.writeUIntBE(this.#options.now(), 0, TIME_BYTES)
    randomBytes(RANDOM_BYTES).copy(head, TIME_BYTES)
    return Buffer.concat([head, this.#macOf(head)]).toString('base64url')
  }

  /**
   * Takes one use of a nonce. Ask only after the answer was found right: otherwise whoever overhears a nonce could use it up.
   */
  take(nonce: string, count: number): NonceVerdict {
    const issuedMs = this.#issuedMs(nonce)
    const { now, lifetimeMs, maxRemembered } = this.#options
    if (issuedMs === null || issuedMs + lifetimeMs < now() || issuedMs > now()) return 'stale'
    const known = this.#counts.get(nonce)
    if (known !== undefined) {
      if (count <= known.count) return 'stale'
      known.count = count
      return 'fresh'
    }
    if (issuedMs <= this.#forgottenUpToMs || count < 1) return 'stale'
    this.#makeRoom(maxRemembered)
    this.#counts.set(nonce, { issuedMs, count })
    return 'fresh'
  }

  #makeRoom(maxRemembered: number): void {
    const expiredBefore = this.#options.now() - this.#options.lifetimeMs
    for (const [nonce, { issuedMs }] of this.#counts) {
      if (issuedMs >= expiredBefore && this.#counts.size < maxRemembered) return
      this.#counts.delete(nonce)
      if (issuedMs >= expiredBefore) this.#forgottenUpToMs = Math.max(this.#forgottenUpToMs, issuedMs)
    }
  }

  /** When we made it; null when we did not. */
  #issuedMs(nonce: string): number | null {
    if (!TEXT.test(nonce)) return null
    const bytes = Buffer.from(nonce, 'base64url')
    const head = bytes.subarray(0, TIME_BYTES + RANDOM_BYTES)
    if (!timingSafeEqual(bytes.subarray(head.length), this.#macOf(head))) return null
    return head.readUIntBE(0, TIME_BYTES)
  }

  #macOf(head: Buffer): Buffer {
    return createHmac('sha256', this.#key).update(head).update(this.#options.realm).digest().subarray(0, MAC_BYTES)
  }
}
