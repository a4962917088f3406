import assert from 'node:assert/strict'
import { stepClient, stepInviteClient } from '../../../gateway/sip-server/client-transaction.ts'
import type { ClientInput, ClientState } from '../../../gateway/sip-server/client-transaction.ts'

/** `send, arm A`: an outcome's effects as words. */
function words(outcome: ReturnType<typeof stepClient>): string {
  const effects = outcome.effects.map((each) => {
    if (each.kind === 'arm') return `arm ${each.timer}${each.atT2 ? ' at T2' : ''}`
    if (each.kind === 'disarm') return `disarm ${each.timer}`
    return each.kind === 'inform' ? `inform ${each.event}` : each.kind
  })
  return [outcome.state, ...effects].join(', ')
}

const INPUTS: Readonly<Record<string, ClientInput>> = {
  start: { kind: 'start' },
  180: { kind: 'response', status: 180 },
  200: { kind: 'response', status: 200 },
  486: { kind: 'response', status: 486 },
  A: { kind: 'timer', timer: 'A' },
  B: { kind: 'timer', timer: 'B' },
  D: { kind: 'timer', timer: 'D' },
  E: { kind: 'timer', timer: 'E' },
  F: { kind: 'timer', timer: 'F' },
  K: { kind: 'timer', timer: 'K' },
  M: { kind: 'timer', timer: 'M' },
  error: { kind: 'transport-error' },
}

type Row = readonly [state: ClientState, input: keyof typeof INPUTS, unreliable: string, reliable?: string]

const FAILED = 'completed, disarm A, disarm B, ack, arm D, pass'
const FAILED_RELIABLE = 'terminated, disarm A, disarm B, ack, pass'
const ACCEPTED = 'accepted, disarm A, disarm B, arm M, pass'

// RFC 3261 Figure 5 with RFC 6026 Figure 6. What is not listed changes nothing.
const INVITE: Row[] = [
  ['calling', 'start', 'calling, send, arm A, arm B', 'calling, send, arm B'],
  ['calling', 'A', 'calling, send, arm A'],
  ['calling', 'B', 'terminated, inform timeout'],
  ['calling', '180', 'proceeding, disarm A, disarm B, pass'],
  ['calling', '200', ACCEPTED],
  ['calling', '486', FAILED, FAILED_RELIABLE],
  ['calling', 'error', 'terminated, inform transport-error'],
  ['proceeding', '180', 'proceeding, pass'],
  ['proceeding', '200', ACCEPTED],
  ['proceeding', '486', FAILED, FAILED_RELIABLE],
  ['proceeding', 'error', 'terminated, inform transport-error'],
  ['completed', '486', 'completed, ack'],
  ['completed', 'D', 'terminated'],
  ['completed', 'error', 'terminated, inform transport-error'],
  ['accepted', '200', 'accepted, pass'],
  ['accepted', 'M', 'terminated'],
]

const DONE = 'completed, disarm E, disarm F, arm K, pass'
const DONE_RELIABLE = 'terminated, disarm E, disarm F, pass'

// RFC 3261 Figure 6.
const NON_INVITE: Row[] = [
  ['trying', 'start', 'trying, send, arm E, arm F', 'trying, send, arm F'],
  ['trying', 'E', 'trying, send, arm E'],
  ['trying', 'F', 'terminated, inform timeout'],
  ['trying', '180', 'proceeding, pass'],
  ['trying', '200', DONE, DONE_RELIABLE],
  ['trying', '486', DONE, DONE_RELIABLE],
  ['trying', 'error', 'terminated, inform transport-error'],
  ['proceeding', 'E', 'proceeding, send, arm E at T2'],
  ['proceeding', 'F', 'terminated, inform timeout'],
  ['proceeding', '180', 'proceeding, pass'],
  ['proceeding', '200', DONE, DONE_RELIABLE],
  ['proceeding', '486', DONE, DONE_RELIABLE],
  ['proceeding', 'error', 'terminated, inform transport-error'],
  ['completed', 'K', 'terminated'],
]

const MACHINES = [
  {
    name: 'INVITE client',
    step: stepInviteClient,
    rows: INVITE,
    states: ['calling', 'proceeding', 'completed', 'accepted', 'terminated'],
  },
  {
    name: 'non-INVITE client',
    step: stepClient,
    rows: NON_INVITE,
    states: ['trying', 'proceeding', 'completed', 'terminated'],
  },
] as const

for (const { name, step, rows, states } of MACHINES) {
  describe(`the ${name} transaction`, () => {
    for (const state of states) {
      for (const [label, input] of Object.entries(INPUTS)) {
        // A transaction is started once, in its first state.
        if (label === 'start' && state === 'proceeding') continue
        const row = rows.find((each) => each[0] === state && each[1] === label)
        const unreliable = row?.[2] ?? state
        const reliable = row?.[3] ?? unreliable
        it(`in ${state}, at ${label}: ${unreliable}${reliable === unreliable ? '' : ` (reliable: ${reliable})`}`, () => {
          assert.equal(words(step(state, input, false)), unreliable)
          assert.equal(words(step(state, input, true)), reliable)
        })
      }
    }
  })
}
