import type { Exclusion } from '../model/exclusion.ts'
import type { NonBid } from '../model/auction.ts'
import type { GivenConsent } from '../model/consent.ts'
import type { CallId } from '../model/ids.ts'
import type { Currency } from '../model/money.ts'
import type { PhoneNumber } from '../model/phone-number.ts'
import type { Place, ZipPlace } from '../model/places.ts'
import type { Attestation } from '../model/stir.ts'
import type { DialledNumber } from '../model/trunk.ts'
import type { CallTags } from './traits.ts'

/** One call offered for sale. */
export interface AuctionRequest {
  readonly callId: CallId
  readonly number: DialledNumber
  /** What the number is sold in: its seller's currency. */
  readonly currency: Currency
  /** The caller; null when withheld. */
  readonly ani: PhoneNumber | null
  /** Every place the caller's number may be in. */
  readonly places: readonly Place[]
  /** Known better than by the number; null when not. */
  readonly zip: ZipPlace | null
  readonly receivedAtMs: number
  /** What is known of this call, over what the number says of all its calls. */
  readonly tags?: CallTags
  /** Its price is asked for, and it may never come. */
  readonly isPing?: boolean
  /** Whose bids compliance takes out of this auction; absent or null: nobody's. */
  readonly exclusions?: readonly Exclusion[] | null
  /** The consumer's, as far as they are good for this call; absent or null: none is known. */
  readonly consents?: readonly GivenConsent[] | null
  /** By a verified signature; of a ping, by the seller's word. Absent or null: none is known. */
  readonly attestation?: Attestation | null
  /** Bidders that were asked, or might have been, and make no bid: why. */
  readonly nonBids?: readonly NonBid[]
}
