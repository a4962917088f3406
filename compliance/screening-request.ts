import type { Attestation } from '../model/compliance-rule.ts'
import type { BroughtConsent, GivenConsent } from '../model/consent.ts'
import type { PhoneNumber } from '../model/phone-number.ts'
import type { ReassignedAnswer } from '../model/reassigned-number.ts'
import type { TrafficType } from '../model/trunk.ts'
import type { Verification } from './stir/verify.ts'

/** What the call is offered as. */
export interface Offer {
  readonly sellerId: string
  readonly numberId: string
  readonly vertical: string
  readonly tags: Readonly<Record<string, string>>
}

/** A call as the law sees it. The consumer is the ANI of a trunk call whatever its traffic type, and `to` of `POST /calls`. */
export interface ScreeningRequest {
  /** The consumer's number; null when withheld or unreadable. */
  readonly ani: PhoneNumber | null
  /** Where the consumer is, when somebody knows better than the number does. */
  readonly zip: string | null
  /** The ZIP code the caller gave to a menu; absent or null: it was not asked. */
  readonly ivrZip?: string | null
  /** The caller will be asked where it is: its hours, known by its number alone, are judged when it has answered. */
  readonly placeIsAsked?: boolean
  /** It is judged once more, and has been counted: what limits calls does not count it against itself. */
  readonly isAgain?: boolean
  readonly trafficType: TrafficType
  /** When the call reached us, epoch milliseconds. */
  readonly atMs: number
  /** When a transfer's consumer was called, if the seller says: its hours are judged then. */
  readonly originatedAtMs?: number | null
  /** Absent: it is about a consumer alone. */
  readonly offer?: Offer
  /** As verified; absent or null: none. */
  readonly attestation?: Attestation | null
  /** Of a ping: its call may come with a signature, and is judged again then. */
  readonly isPing?: boolean
  /** What became of the signature it came with; absent: nobody has looked. */
  readonly signature?: Verification
  /** What the call or its ping brings of the consumer's consent; absent or null: nothing. */
  readonly brought?: BroughtConsent | null
  /** Found by `screen`: that of this consumer to calls of this seller; absent or null: none is known. */
  readonly consent?: GivenConsent | null
  /** What the Reassigned Numbers Database has answered of this consumer's number; absent or null: nobody looked. */
  readonly reassigned?: readonly ReassignedAnswer[] | null
}
