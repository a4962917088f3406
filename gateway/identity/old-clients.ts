/** User agents that are known for it: JsSIP 3, SIP.js and sipsak take the first challenge or none, baresip up to 1.x all or none. */
const KNOWN = /^(?:JsSIP|SIP\.js|sipsak|baresip v[01]\.)/

/** SIPp says no name, but its scenarios have signed their From tags with it since its first release. */
const SIPP_TAG = /;\s*tag=[^;]*SIPpTag/

/** Clients remembered, and for how long after they were last heard of. */
const MAX_REMEMBERED = 10_000
const REMEMBERED_MS = 600_000

/**
 * Clients that know nothing but MD5 and break off, instead of passing over it, when any other algorithm is offered (as
 * RFC 8760 §2.5 wants; baresip 1.0 and SIPp 3.6 do). One that got such a challenge and comes again without an answer is
 * offered MD5 alone, and so are those known by name. Whoever sits between could bid a client down anyway: digest does not protect the challenge.
 */
export class OldClients {
  readonly #now: () => number
  /** When each was last challenged in vain, in that order. */
  readonly #seen = new Map<string, number>()

  constructor(now: () => number) {
    this.#now = now
  }

  get remembered(): number {
    return this.#seen.size
  }

  /** Notes a challenge that is about to be sent; true when the last one to this client was not answered. */
  challenged(client: string): boolean {
    const lastMs = this.#seen.get(client)
    this.#seen.delete(client)
    if (this.#seen.size >= MAX_REMEMBERED) {
      const [oldest] = this.#seen.keys()
      this.#seen.delete(oldest!)
    }
    this.#seen.set(client, this.#now())
    return lastMs !== undefined && lastMs + REMEMBERED_MS > this.#now()
  }

  /** Whether the client is old by its own word: the User-Agent header, and the From of one that has none. */
  static isKnown(userAgent: string | undefined, from: string | undefined): boolean {
    return userAgent === undefined ? SIPP_TAG.test(from ?? '') : KNOWN.test(userAgent)
  }

  /** It answered with something better than MD5. */
  answered(client: string): void {
    this.#seen.delete(client)
  }
}
