import type { BookChange } from '../../model/book.ts'
import type { BroughtConsent, GivenConsent } from '../../model/consent.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import { ConsentIndex } from './consent-index.ts'

export interface ConsentOptions {
  /** compliance.consent.asked: also while the exchange keeps none, and its sellers answer for theirs. */
  readonly isAlwaysAsked: boolean
  /** compliance.consent.brought: whether a certificate that a call or its ping brings counts as the seller's word for a consent. */
  readonly acceptsBrought: boolean
  /** compliance.consent.max_in_memory */
  readonly maxInMemory: number
}

/** What is asked of consents. */
interface Asked {
  readonly ani: PhoneNumber | null
  readonly atMs: number
  readonly brought?: BroughtConsent | null
}

const DEFAULTS: ConsentOptions = { isAlwaysAsked: false, acceptsBrought: true, maxInMemory: 5_000_000 }
const NONE: readonly GivenConsent[] = []

/** The consents in force, and how much they are asked for. */
export class Consents {
  readonly index: ConsentIndex
  readonly #isAlwaysAsked: boolean
  readonly #acceptsBrought: boolean

  constructor({ isAlwaysAsked, acceptsBrought, maxInMemory }: ConsentOptions = DEFAULTS) {
    this.index = new ConsentIndex(maxInMemory)
    this.#isAlwaysAsked = isAlwaysAsked
    this.#acceptsBrought = acceptsBrought
  }

  /** Whether calls are to have one. */
  get areAsked(): boolean {
    return this.#isAlwaysAsked || this.index.isKept
  }

  apply({ kept, gone }: Extract<BookChange, { kind: 'consent' }>): void {
    this.index.noteKept()
    for (const consent of gone) this.index.drop(consent)
    for (const consent of kept) this.index.put(consent)
  }

  /** All that are good for this call, what it brings itself last; whom they name is for the asker to see. */
  goodFor({ ani, atMs, brought = null }: Asked): readonly GivenConsent[] {
    const kept = ani === null ? NONE : this.index.validFor(ani, atMs)
    const own = brought === null ? null : this.#broughtBy(brought, ani, atMs)
    return own === null ? kept : [...kept, own]
  }

  /** Null: it does not count. The consumer's no is heard above any certificate that may be older. */
  #broughtBy({ kind, givenAtMs }: BroughtConsent, ani: PhoneNumber | null, atMs: number): GivenConsent | null {
    if (!this.#acceptsBrought || (givenAtMs !== null && givenAtMs > atMs)) return null
    const revokedMs = ani === null ? null : this.index.lastRevokedMs(ani)
    if (revokedMs !== null && (givenAtMs === null || givenAtMs <= revokedMs)) return null
    return { id: null, givenAtMs, certificates: [kind], certifiedAtMs: givenAtMs, sellers: 0, accounts: [], zip: null }
  }
}

/** The first that speaks for this seller: by name, or by the seller's own word. Null: none does. */
export function consentFor(consents: readonly GivenConsent[], sellerId: string | null): GivenConsent | null {
  return consents.find(({ id, accounts }) => id === null || accounts.some((account) => account === sellerId)) ?? null
}
