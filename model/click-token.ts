import type { TrunkId } from './ids.ts'
import type { PhoneNumber } from './phone-number.ts'

/** What a click-to-call token lets its holder do. The consumer's number is the seller's word, as on any trunk. */
export interface ClickTerms {
  /** Whose call it counts as: a seller's inbound trunk. */
  readonly trunkId: TrunkId
  /** The only number it may call. */
  readonly number: PhoneNumber
  /** The consumer's, where the seller knows it; null: withheld. */
  readonly from: PhoneNumber | null
  /** The consumer's ZIP code, where the seller knows it. */
  readonly zip: string | null
  /** The origin of the page (RFC 6454 §6.2), in lower case. */
  readonly origin: string
  /** How many calls. */
  readonly uses: number
  readonly ttlMs: number
}

/** What the holder signs in with by SIP digest. */
export interface IssuedClickToken {
  readonly username: string
  readonly password: string
}
