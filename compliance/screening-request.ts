import type { Attestation } from '../model/compliance-rule.ts'
import type { PhoneNumber } from '../model/phone-number.ts'
import type { TrafficType } from '../model/trunk.ts'

/** A consent that is valid for the call: of this consumer, for this seller, not expired and not revoked. */
export interface GivenConsent {
  readonly id: string
  readonly givenAtMs: number
  /** Of whoever witnessed it; null: nobody did. */
  readonly certificate: string | null
  /** Of the address the consumer gave with it; absent or null: none. */
  readonly zip?: string | null
}

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
  readonly trafficType: TrafficType
  /** When the call reached us, epoch milliseconds. */
  readonly atMs: number
  /** When a transfer's consumer was called, if the seller says: its hours are judged then. */
  readonly originatedAtMs?: number | null
  /** Absent: it is about a consumer alone. */
  readonly offer?: Offer
  /** As verified; absent or null: none. */
  readonly attestation?: Attestation | null
  /** Absent or null: none is known. */
  readonly consent?: GivenConsent | null
}
