import type { ArrivingCall, EndedCall } from '../fraud-call.ts'
import type { Pattern } from './pattern.ts'

/** A simulated call with its end, and what it is: null is clean. */
export interface PlannedCall {
  readonly arriving: ArrivingCall
  readonly ended: EndedCall
  readonly pattern: Pattern | null
}

/** What a traffic stream brings, in the order of time. */
export type TrafficEvent =
  | { readonly kind: 'arrived'; readonly call: ArrivingCall; readonly pattern: Pattern | null }
  | { readonly kind: 'ended'; readonly call: EndedCall; readonly pattern: Pattern | null }
