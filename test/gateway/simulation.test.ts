import assert from 'node:assert/strict'
import { runCalls } from '../support/call-simulation/run.ts'

/** `DCE_SIMULATION_RUNS` scripts from seed `DCE_SIMULATION_SEED` on; both are for reruns and for `npm run test:long`. */
const RUNS = Number(process.env['DCE_SIMULATION_RUNS'] ?? 2_000)
const FIRST_SEED = Number(process.env['DCE_SIMULATION_SEED'] ?? process.env['DCE_TEST_SEED'] ?? Date.now() % 2 ** 30)
const MOST_FAILURES = 3
/** What a thousand scripts cannot miss: ends of calls, steps on the way there, what the exchange sends, and what happens to it. */
const TO_BE_MET = [
  ...[
    'caller_hung_up,buyer_hung_up,operator_hung_up,max_duration,rtp_timeout,media_failed,ack_timeout,session_expired,cancelled',
    'all_awards_failed,stop_code,trunk_limit,unknown_number,too_many_hops,invite_expired,unacceptable_media',
    'overloaded,storage_unavailable,shutdown,interrupted',
  ].flatMap((list) => list.split(',').map((reason) => `ended: ${reason}`)),
  ...'answered,award failed,media moved,next trunk,redirected,transferred,transfer failed'
    .split(',')
    .map((step) => `step: ${step}`),
  ...'INVITE,ACK,CANCEL,BYE,PRACK,UPDATE,NOTIFY,INFO,MESSAGE,100,180,183,200,202,422,481,487,488,491,500,503'
    .split(',')
    .map((word) => `sent ${word}`),
  ...'hang up,drain,cut,vanish,die'.split(','),
]

describe('the exchange over a network that loses, doubles, delays and reorders', function () {
  this.timeout(Math.max(300_000, RUNS * 400))

  it(`ends every call once, writes it once, and keeps nothing: ${RUNS} scripts from seed ${FIRST_SEED}`, async () => {
    const failures: string[] = []
    const happenings = new Map<string, number>()
    let calls = 0
    for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS && failures.length < MOST_FAILURES; seed++) {
      const outcome = await runCalls(seed)
      calls += outcome.calls
      for (const each of outcome.happenings) happenings.set(each, (happenings.get(each) ?? 0) + 1)
      if (outcome.faults.length === 0) continue
      const { trace } = await runCalls(seed, true)
      failures.push(
        `seed ${seed}: ${outcome.faults.join('\n')}\n${trace.join('\n')}\n` +
          `again: DCE_SIMULATION_SEED=${seed} DCE_SIMULATION_RUNS=1 npx mocha test/gateway/simulation.test.ts`,
      )
    }
    assert.deepEqual(failures, [], failures.join('\n\n'))
    if (RUNS < 1_000) return
    assert.ok(calls > RUNS * 1.4, `${calls} calls`)
    // What never happened has not been tested.
    assert.deepEqual(
      TO_BE_MET.filter((each) => !happenings.has(each)),
      [],
    )
  })

  it('goes the same way again from the same seed, to the last message', async () => {
    for (let seed = FIRST_SEED; seed < FIRST_SEED + 5; seed++) {
      const [one, other] = [await runCalls(seed, true), await runCalls(seed, true)]
      assert.deepEqual(withoutIds(one.trace), withoutIds(other.trace))
    }
  })
})

/** Our ids count on from run to run. */
function withoutIds(trace: readonly string[]): string[] {
  return trace.map((line) => line.replaceAll(/[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[\da-f]{4}-[\da-f]{12}/g, '…'))
}
