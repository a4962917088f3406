import { digestSecret } from '../../accounts/credentials.ts'
import type { ClickTerms, IssuedClickToken } from '../../model/click-token.ts'
import type { Random } from '../../model/random.ts'
import type { DigestSecret } from '../../model/sip-user.ts'

/** The longest a token is good for (§ `POST /click-to-call/tokens`). */
export const MAX_CLICK_TTL_MS = 300_000
/** How long one that is over is still known, so that its holder hears why instead of being asked for a password. */
const REMEMBERED_MS = 300_000
/** Tokens kept at once, the spent ones included: some 600 bytes each. */
export const MAX_CLICK_TOKENS = 50_000
const PREFIX = 'click-'

/** A call a page's visitor may place by a click: a username with a password that is good for one number, from one origin, for minutes. */
export interface ClickCredential {
  readonly kind: 'click'
  /** Its username once more. */
  readonly id: string
  readonly username: string
  readonly secret: DigestSecret
  readonly terms: ClickTerms
  readonly expiresAtMs: number
  usesLeft: number
}

export interface ClickTokensOptions {
  readonly realm: string
  /** Milliseconds that never run backwards. */
  readonly now: () => number
  readonly random: Random
  /** From no token to one: strangers may now begin a call, since they can prove that they may. */
  readonly onFirst?: () => void
  readonly maxTokens?: number
}

/**
 * The tokens of click-to-call, in memory: a restart voids them, and the next click has a new one. Of the password only the digest's
 * hashes are kept.
 */
export class ClickTokens {
  readonly #options: ClickTokensOptions
  readonly #tokens = new Map<string, ClickCredential>()

  constructor(options: ClickTokensOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#tokens.size
  }

  /** A new token; null when there are the most already. */
  issue(terms: ClickTerms): IssuedClickToken | null {
    const { realm, now, random, onFirst, maxTokens = MAX_CLICK_TOKENS } = this.#options
    this.#forgetOld()
    if (this.#tokens.size >= maxTokens) return null
    const username = PREFIX + Buffer.from(random.bytes(12)).toString('hex')
    const password = Buffer.from(random.bytes(24)).toString('base64url')
    const ttlMs = Math.min(terms.ttlMs, MAX_CLICK_TTL_MS)
    const secret = digestSecret(username, realm, password)
    this.#tokens.set(username, {
      kind: 'click',
      id: username,
      username,
      secret,
      terms,
      expiresAtMs: now() + ttlMs,
      usesLeft: terms.uses,
    })
    if (this.#tokens.size === 1) onFirst?.()
    return { username, password }
  }

  find(username: string): ClickCredential | undefined {
    return username.startsWith(PREFIX) ? this.#tokens.get(username) : undefined
  }

  /** Why this token is not good for a call to `number` from a page of `origin` now; null when it is. */
  whyNot(token: ClickCredential, number: string | null, origin: string | null): string | null {
    const { terms } = token
    if (origin !== null && origin.toLowerCase() !== terms.origin) return 'The token is for pages of another origin'
    if (number !== terms.number) return 'The token is for another number'
    if (this.#options.now() >= token.expiresAtMs) return 'The token has expired'
    if (token.usesLeft <= 0) return 'The token has been used'
    return null
  }

  /** Oldest first; those of a short life may wait behind longer ones, at most five minutes. */
  #forgetOld(): void {
    const now = this.#options.now()
    for (const [username, { expiresAtMs }] of this.#tokens) {
      if (expiresAtMs + REMEMBERED_MS > now) return
      this.#tokens.delete(username)
    }
  }
}
