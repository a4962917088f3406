import {
  isFault,
  readSigningCertificate,
  type CertificateFault,
  type SigningCertificate,
  type TrustedRoots,
} from '../../compliance/stir/signing-certificate.ts'

export interface CertificateLimits {
  /** How long a certificate is used before its URL is asked again, ms. */
  readonly ttlMs: number
  /** How long a URL that gave none is not asked again, ms. */
  readonly failureTtlMs: number
  /** Those kept, failures included. */
  readonly maxKept: number
  /** Ports of https that are asked. */
  readonly ports: readonly number[]
}

interface CertificateNeeds {
  readonly limits: CertificateLimits
  readonly now: () => number
  /** Resolves to what the URL answers with 200; rejects for anything else, and in its own time. */
  readonly fetch: (url: string) => Promise<string>
  readonly onFetched: (result: 'fetched' | 'failed' | 'full') => void
}

type Found = SigningCertificate | CertificateFault

interface Kept {
  readonly found: Found
  readonly untilMs: number
}

/** Different URLs asked at a time; a flood of signatures of ever new URLs waits for nobody. */
export const MAX_UNDER_WAY = 50
const MAX_URL = 1024

/** The certificates that signatures are checked by, kept by their URL (x5u): the good ones, and for a shorter time that there was none. */
export class Certificates {
  readonly #needs: CertificateNeeds
  #roots: TrustedRoots
  readonly #kept = new Map<string, Kept>()
  readonly #underWay = new Map<string, Promise<Found>>()

  constructor(roots: TrustedRoots, needs: CertificateNeeds) {
    this.#roots = roots
    this.#needs = needs
  }

  get size(): number {
    return this.#kept.size
  }

  /** From now on these are trusted: what was proven by others is proven anew. */
  trust(roots: TrustedRoots): void {
    this.#roots = roots
    this.#kept.clear()
  }

  /** What is known of the URL's certificate: at once, or when it has been fetched, which many calls wait for together. Never rejects. */
  find(url: string): Found | Promise<Found> {
    const known = this.#kept.get(url)
    if (known !== undefined && this.#needs.now() < known.untilMs) {
      this.#kept.delete(url)
      this.#kept.set(url, known) // The last in the map is the one that was used last.
      return known.found
    }
    const why = this.#whyNot(url)
    if (why !== null) return { status: 436, detail: why }
    const asked = this.#underWay.get(url)
    if (asked) return asked
    if (this.#underWay.size >= MAX_UNDER_WAY) {
      this.#needs.onFetched('full')
      return known?.found ?? { status: 436, detail: 'too many certificates are being fetched' }
    }
    const fetching = this.#fetch(url, known?.found).finally(() => this.#underWay.delete(url))
    this.#underWay.set(url, fetching)
    return fetching
  }

  async #fetch(url: string, before: Found | undefined): Promise<Found> {
    const { limits, now, fetch, onFetched } = this.#needs
    const roots = this.#roots
    let found: Found
    try {
      found = readSigningCertificate(await fetch(url), roots)
      onFetched('fetched')
    } catch (error) {
      onFetched('failed')
      found = { status: 436, detail: error instanceof Error ? error.message : 'its certificate could not be fetched' }
      // A repository that is down takes back no certificate.
      if (before !== undefined && !isFault(before)) found = before
      if (roots === this.#roots) this.#keep(url, { found, untilMs: now() + limits.failureTtlMs })
      return found
    }
    const forMs = isFault(found) ? limits.failureTtlMs : limits.ttlMs
    if (roots === this.#roots) this.#keep(url, { found, untilMs: now() + forMs })
    return found
  }

  #keep(url: string, kept: Kept): void {
    this.#kept.delete(url)
    for (const [oldest] of this.#kept) {
      if (this.#kept.size < this.#needs.limits.maxKept) break
      this.#kept.delete(oldest)
    }
    this.#kept.set(url, kept)
  }

  /** What speaks against asking the URL (ATIS-1000074 §5.3.1): whose address it leads to is asked when it is connected to. */
  #whyNot(text: string): string | null {
    if (text.length > MAX_URL || !URL.canParse(text)) return 'its x5u is no URL'
    const url = new URL(text)
    if (url.protocol !== 'https:') return 'its x5u is not https'
    if (!this.#needs.limits.ports.includes(url.port === '' ? 443 : Number(url.port)))
      return 'its x5u is at a port that is not asked'
    if (url.username !== '' || url.password !== '') return 'its x5u names a user'
    if (text.includes('?') || text.includes('#')) return 'its x5u has a query or a fragment'
    return null
  }
}
