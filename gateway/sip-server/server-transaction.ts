/**
 * The two server machines of RFC 3261 §17.2, pure: a table from (state, input) to (state, effects). The INVITE machine has
 * the Accepted state of RFC 6026 §7.1, and as there §8.7, a transport error is told to the user and changes no state.
 */
import type { TimerName } from './timers.ts'

export type ServerState = 'trying' | 'proceeding' | 'completed' | 'confirmed' | 'accepted' | 'terminated'

export type ServerInput =
  /** The request again. */
  | { readonly kind: 'request' }
  | { readonly kind: 'ack' }
  | { readonly kind: 'respond'; readonly status: number }
  | { readonly kind: 'timer'; readonly timer: TimerName }
  | { readonly kind: 'transport-error' }

type ServerEffect =
  /** Send the last response, which `respond` has just replaced or which is to be repeated. */
  | { readonly kind: 'send' }
  | { readonly kind: 'arm'; readonly timer: TimerName }
  | { readonly kind: 'disarm'; readonly timer: TimerName }
  /** Tell the user: no ACK came (`timeout`), or the response could not be sent. */
  | { readonly kind: 'inform'; readonly event: 'ack' | 'timeout' | 'transport-error' }

export interface ServerOutcome {
  readonly state: ServerState
  readonly effects: readonly ServerEffect[]
}

const send: ServerEffect = { kind: 'send' }
const arm = (timer: TimerName): ServerEffect => ({ kind: 'arm', timer })
const disarm = (timer: TimerName): ServerEffect => ({ kind: 'disarm', timer })
const inform = (event: 'ack' | 'timeout' | 'transport-error'): ServerEffect => ({ kind: 'inform', event })

// Outcomes are constants, so that a step allocates nothing.
const outcome = (state: ServerState, ...effects: ServerEffect[]): ServerOutcome => ({ state, effects })
const STAY: Readonly<Record<ServerState, ServerOutcome>> = {
  trying: outcome('trying'),
  proceeding: outcome('proceeding'),
  completed: outcome('completed'),
  confirmed: outcome('confirmed'),
  accepted: outcome('accepted'),
  terminated: outcome('terminated'),
}
const TRANSPORT_ERROR: Readonly<Record<ServerState, ServerOutcome>> = {
  trying: outcome('trying', inform('transport-error')),
  proceeding: outcome('proceeding', inform('transport-error')),
  completed: outcome('completed', inform('transport-error')),
  confirmed: STAY.confirmed,
  accepted: outcome('accepted', inform('transport-error')),
  terminated: STAY.terminated,
}
const PROCEEDING_SEND = outcome('proceeding', send)
const COMPLETED_SEND = outcome('completed', send)
const COMPLETED_RETRANSMIT = outcome('completed', send, arm('G'))
const FAIL_UNRELIABLE = outcome('completed', send, arm('G'), arm('H'))
const FAIL_RELIABLE = outcome('completed', send, arm('H'))
const ACCEPT = outcome('accepted', send, arm('L'))
const ACCEPTED_SEND = outcome('accepted', send)
const ACCEPTED_ACK = outcome('accepted', inform('ack'))
const CONFIRM_UNRELIABLE = outcome('confirmed', disarm('G'), disarm('H'), arm('I'))
const CONFIRM_RELIABLE = outcome('terminated', disarm('G'), disarm('H'))
const NO_ACK = outcome('terminated', inform('timeout'))
const FINAL_UNRELIABLE = outcome('completed', send, arm('J'))
const FINAL_RELIABLE = outcome('terminated', send)

/** INVITE server transaction, RFC 3261 §17.2.1 and RFC 6026 §7.1. It begins in `proceeding`. */
export function stepInviteServer(state: ServerState, input: ServerInput, isReliable: boolean): ServerOutcome {
  if (input.kind === 'transport-error') return TRANSPORT_ERROR[state]
  switch (state) {
    case 'proceeding':
      if (input.kind === 'request') return PROCEEDING_SEND
      if (input.kind !== 'respond') return STAY.proceeding
      if (input.status < 200) return PROCEEDING_SEND
      if (input.status < 300) return ACCEPT
      return isReliable ? FAIL_RELIABLE : FAIL_UNRELIABLE
    case 'completed':
      if (input.kind === 'request') return COMPLETED_SEND
      if (input.kind === 'ack') return isReliable ? CONFIRM_RELIABLE : CONFIRM_UNRELIABLE
      if (input.kind === 'timer' && input.timer === 'G') return COMPLETED_RETRANSMIT
      if (input.kind === 'timer' && input.timer === 'H') return NO_ACK
      return STAY.completed
    case 'confirmed':
      return input.kind === 'timer' && input.timer === 'I' ? STAY.terminated : STAY.confirmed
    case 'accepted':
      // The INVITE again is absorbed: repeating the 2xx is the user's affair (RFC 6026 §7.1).
      if (input.kind === 'respond' && input.status >= 200 && input.status < 300) return ACCEPTED_SEND
      if (input.kind === 'ack') return ACCEPTED_ACK
      return input.kind === 'timer' && input.timer === 'L' ? STAY.terminated : STAY.accepted
    case 'trying':
    case 'terminated':
      break
  }
  return STAY[state]
}

/** Non-INVITE server transaction, RFC 3261 §17.2.2. It begins in `trying`. */
export function stepServer(state: ServerState, input: ServerInput, isReliable: boolean): ServerOutcome {
  if (input.kind === 'transport-error') return TRANSPORT_ERROR[state]
  switch (state) {
    case 'trying':
    case 'proceeding':
      if (input.kind === 'request') return state === 'trying' ? STAY.trying : PROCEEDING_SEND
      if (input.kind !== 'respond') return STAY[state]
      if (input.status < 200) return PROCEEDING_SEND
      return isReliable ? FINAL_RELIABLE : FINAL_UNRELIABLE
    case 'completed':
      if (input.kind === 'request') return COMPLETED_SEND
      return input.kind === 'timer' && input.timer === 'J' ? STAY.terminated : STAY.completed
    case 'confirmed':
    case 'accepted':
    case 'terminated':
      break
  }
  return STAY[state]
}
