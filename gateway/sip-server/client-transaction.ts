/**
 * The two client machines of RFC 3261 §17.1, pure: a table from (state, input) to (state, effects). The INVITE machine has
 * the Accepted state of RFC 6026 §7.2, in which every further 2xx still reaches the user.
 */
import type { TimerName } from './timers.ts'

export type ClientState = 'calling' | 'trying' | 'proceeding' | 'completed' | 'accepted' | 'terminated'

export type ClientInput =
  | { readonly kind: 'start' }
  | { readonly kind: 'response'; readonly status: number }
  | { readonly kind: 'timer'; readonly timer: TimerName }
  | { readonly kind: 'transport-error' }

type ClientEffect =
  /** Send the request, again or for the first time. */
  | { readonly kind: 'send' }
  /** Acknowledge a failure (RFC 3261 §17.1.1.3). */
  | { readonly kind: 'ack' }
  /** Hand the response to the user. */
  | { readonly kind: 'pass' }
  /** `atT2`: the wait is T2 whatever was waited before (§17.1.2.2, Proceeding). */
  | { readonly kind: 'arm'; readonly timer: TimerName; readonly atT2: boolean }
  | { readonly kind: 'disarm'; readonly timer: TimerName }
  | { readonly kind: 'inform'; readonly event: 'timeout' | 'transport-error' }

export interface ClientOutcome {
  readonly state: ClientState
  readonly effects: readonly ClientEffect[]
}

const send: ClientEffect = { kind: 'send' }
const ack: ClientEffect = { kind: 'ack' }
const pass: ClientEffect = { kind: 'pass' }
const arm = (timer: TimerName, atT2 = false): ClientEffect => ({ kind: 'arm', timer, atT2 })
const disarm = (timer: TimerName): ClientEffect => ({ kind: 'disarm', timer })

// Outcomes are constants, so that a step allocates nothing.
const outcome = (state: ClientState, ...effects: ClientEffect[]): ClientOutcome => ({ state, effects })
const STAY: Readonly<Record<ClientState, ClientOutcome>> = {
  calling: outcome('calling'),
  trying: outcome('trying'),
  proceeding: outcome('proceeding'),
  completed: outcome('completed'),
  accepted: outcome('accepted'),
  terminated: outcome('terminated'),
}
const TIMEOUT = outcome('terminated', { kind: 'inform', event: 'timeout' })
const TRANSPORT_ERROR = outcome('terminated', { kind: 'inform', event: 'transport-error' })
const PASS_PROCEEDING = outcome('proceeding', pass)

const CALL_UNRELIABLE = outcome('calling', send, arm('A'), arm('B'))
const CALL_RELIABLE = outcome('calling', send, arm('B'))
const CALL_AGAIN = outcome('calling', send, arm('A'))
const CALL_PROCEEDS = outcome('proceeding', disarm('A'), disarm('B'), pass)
const CALL_ACCEPTED = outcome('accepted', disarm('A'), disarm('B'), arm('M'), pass)
const CALL_ACCEPTED_AGAIN = outcome('accepted', pass)
const CALL_FAILED_UNRELIABLE = outcome('completed', disarm('A'), disarm('B'), ack, arm('D'), pass)
const CALL_FAILED_RELIABLE = outcome('terminated', disarm('A'), disarm('B'), ack, pass)
const ACK_AGAIN = outcome('completed', ack)

const TRY_UNRELIABLE = outcome('trying', send, arm('E'), arm('F'))
const TRY_RELIABLE = outcome('trying', send, arm('F'))
const TRY_AGAIN = outcome('trying', send, arm('E'))
const PROCEED_AGAIN = outcome('proceeding', send, arm('E', true))
const DONE_UNRELIABLE = outcome('completed', disarm('E'), disarm('F'), arm('K'), pass)
const DONE_RELIABLE = outcome('terminated', disarm('E'), disarm('F'), pass)

/** INVITE client transaction, RFC 3261 §17.1.1 and RFC 6026 §7.2. It begins in `calling` with `start`. */
export function stepInviteClient(state: ClientState, input: ClientInput, isReliable: boolean): ClientOutcome {
  switch (state) {
    case 'calling':
    case 'proceeding':
      if (input.kind === 'start') return isReliable ? CALL_RELIABLE : CALL_UNRELIABLE
      if (input.kind === 'transport-error') return TRANSPORT_ERROR
      if (input.kind === 'timer') {
        if (state === 'proceeding') return STAY.proceeding
        if (input.timer === 'A') return CALL_AGAIN
        return input.timer === 'B' ? TIMEOUT : STAY.calling
      }
      if (input.status < 200) return state === 'calling' ? CALL_PROCEEDS : PASS_PROCEEDING
      if (input.status < 300) return CALL_ACCEPTED
      return isReliable ? CALL_FAILED_RELIABLE : CALL_FAILED_UNRELIABLE
    case 'completed':
      if (input.kind === 'response' && input.status >= 300) return ACK_AGAIN
      if (input.kind === 'transport-error') return TRANSPORT_ERROR
      return input.kind === 'timer' && input.timer === 'D' ? STAY.terminated : STAY.completed
    case 'accepted':
      if (input.kind === 'response' && input.status >= 200 && input.status < 300) return CALL_ACCEPTED_AGAIN
      return input.kind === 'timer' && input.timer === 'M' ? STAY.terminated : STAY.accepted
    case 'trying':
    case 'terminated':
      break
  }
  return STAY[state]
}

/** Non-INVITE client transaction, RFC 3261 §17.1.2. It begins in `trying` with `start`. */
export function stepClient(state: ClientState, input: ClientInput, isReliable: boolean): ClientOutcome {
  switch (state) {
    case 'trying':
    case 'proceeding':
      if (input.kind === 'start') return isReliable ? TRY_RELIABLE : TRY_UNRELIABLE
      if (input.kind === 'transport-error') return TRANSPORT_ERROR
      if (input.kind === 'timer') {
        if (input.timer === 'E') return state === 'trying' ? TRY_AGAIN : PROCEED_AGAIN
        return input.timer === 'F' ? TIMEOUT : STAY[state]
      }
      if (input.status < 200) return PASS_PROCEEDING
      return isReliable ? DONE_RELIABLE : DONE_UNRELIABLE
    case 'completed':
      return input.kind === 'timer' && input.timer === 'K' ? STAY.terminated : STAY.completed
    case 'calling':
    case 'accepted':
    case 'terminated':
      break
  }
  return STAY[state]
}
