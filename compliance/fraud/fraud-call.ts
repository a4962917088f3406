import type { CallOutcome, HungUpBy } from '../../model/call.ts'
import type { AudioFault } from '../../model/cdr.ts'
import type { Attestation } from '../../model/compliance-rule.ts'
import type { AccountId, CallId, NumberId, TargetId, TrunkId } from '../../model/ids.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import type { TrafficType } from '../../model/trunk.ts'

/** A call as it arrives. */
export interface ArrivingCall {
  readonly id: CallId
  readonly atMs: number
  /** Null when withheld or unreadable. */
  readonly ani: PhoneNumber | null
  readonly dnis: PhoneNumber
  readonly trunkId: TrunkId
  readonly sellerId: AccountId
  readonly numberId: NumberId
  readonly vertical: string
  readonly trafficType: TrafficType
  /** Empty of a call of before a start: neither is its User-Agent known, nor its codecs, nor where its seller said the consumer is. */
  readonly sourceAddress: string
  readonly userAgent: string | null
  /** As verified; null: none. */
  readonly attestation: Attestation | null
  /** Two letters: where the number may be of, and where the seller says the consumer is. */
  readonly numberStates: readonly string[]
  readonly saidState: string | null
  /** RTP payload names of the offer, in its order; empty without one. */
  readonly codecs: readonly string[]
}

/** What became of it. */
export interface EndedCall {
  readonly id: CallId
  readonly endedAtMs: number
  readonly outcome: CallOutcome
  readonly targetId: TargetId | null
  readonly buyerId: AccountId | null
  readonly durationMs: number
  /** INVITE to ringing; null: it never rang. */
  readonly pddMs: number | null
  /** Seconds from which the buyer pays; null: it was not sold. */
  readonly billableAfter: number | null
  readonly isBilled: boolean
  readonly hungUpBy: HungUpBy | null
  readonly audioFault: AudioFault | null
}
