import assert from 'node:assert/strict'
import { stepInviteServer, stepServer } from '../../../gateway/sip-server/server-transaction.ts'
import type { ServerInput, ServerState } from '../../../gateway/sip-server/server-transaction.ts'

/** `send arm G`: an outcome's effects as words. */
function words(outcome: ReturnType<typeof stepServer>): string {
  const effects = outcome.effects.map((each) => {
    if (each.kind === 'arm' || each.kind === 'disarm') return `${each.kind} ${each.timer}`
    return each.kind === 'inform' ? `inform ${each.event}` : each.kind
  })
  return [outcome.state, ...effects].join(', ')
}

const INPUTS: Readonly<Record<string, ServerInput>> = {
  request: { kind: 'request' },
  ack: { kind: 'ack' },
  180: { kind: 'respond', status: 180 },
  200: { kind: 'respond', status: 200 },
  486: { kind: 'respond', status: 486 },
  G: { kind: 'timer', timer: 'G' },
  H: { kind: 'timer', timer: 'H' },
  I: { kind: 'timer', timer: 'I' },
  J: { kind: 'timer', timer: 'J' },
  L: { kind: 'timer', timer: 'L' },
  error: { kind: 'transport-error' },
}

type Row = readonly [state: ServerState, input: keyof typeof INPUTS, unreliable: string, reliable?: string]

// RFC 3261 Figure 7 with RFC 6026 Figure 5. What is not listed changes nothing.
const INVITE: Row[] = [
  ['proceeding', 'request', 'proceeding, send'],
  ['proceeding', '180', 'proceeding, send'],
  ['proceeding', '200', 'accepted, send, arm L'],
  ['proceeding', '486', 'completed, send, arm G, arm H', 'completed, send, arm H'],
  ['proceeding', 'error', 'proceeding, inform transport-error'],
  ['completed', 'request', 'completed, send'],
  ['completed', 'G', 'completed, send, arm G'],
  ['completed', 'H', 'terminated, inform timeout'],
  ['completed', 'ack', 'confirmed, disarm G, disarm H, arm I', 'terminated, disarm G, disarm H'],
  ['completed', 'error', 'completed, inform transport-error'],
  ['confirmed', 'I', 'terminated'],
  ['accepted', '200', 'accepted, send'],
  ['accepted', 'ack', 'accepted, inform ack'],
  ['accepted', 'L', 'terminated'],
  ['accepted', 'error', 'accepted, inform transport-error'],
]

// RFC 3261 Figure 8.
const NON_INVITE: Row[] = [
  ['trying', '180', 'proceeding, send'],
  ['trying', '200', 'completed, send, arm J', 'terminated, send'],
  ['trying', '486', 'completed, send, arm J', 'terminated, send'],
  ['trying', 'error', 'trying, inform transport-error'],
  ['proceeding', 'request', 'proceeding, send'],
  ['proceeding', '180', 'proceeding, send'],
  ['proceeding', '200', 'completed, send, arm J', 'terminated, send'],
  ['proceeding', '486', 'completed, send, arm J', 'terminated, send'],
  ['proceeding', 'error', 'proceeding, inform transport-error'],
  ['completed', 'request', 'completed, send'],
  ['completed', 'J', 'terminated'],
  ['completed', 'error', 'completed, inform transport-error'],
]

const MACHINES = [
  {
    name: 'INVITE server',
    step: stepInviteServer,
    rows: INVITE,
    states: ['proceeding', 'completed', 'confirmed', 'accepted', 'terminated'],
  },
  {
    name: 'non-INVITE server',
    step: stepServer,
    rows: NON_INVITE,
    states: ['trying', 'proceeding', 'completed', 'terminated'],
  },
] as const

for (const { name, step, rows, states } of MACHINES) {
  describe(`the ${name} transaction`, () => {
    for (const state of states) {
      for (const [label, input] of Object.entries(INPUTS)) {
        const row = rows.find((each) => each[0] === state && each[1] === label)
        const unreliable = row?.[2] ?? state
        const reliable = row?.[3] ?? unreliable
        // An error after the end, and in Confirmed, where nothing is sent, is in no figure.
        it(`in ${state}, at ${label}: ${unreliable}${reliable === unreliable ? '' : ` (reliable: ${reliable})`}`, () => {
          assert.equal(words(step(state, input, false)), unreliable)
          assert.equal(words(step(state, input, true)), reliable)
        })
      }
    }
  })
}
