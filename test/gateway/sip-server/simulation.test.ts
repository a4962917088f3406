import assert from 'node:assert/strict'
import { runScenario } from '../../support/sip-simulation/run.ts'

/** `DCE_SIMULATION_RUNS` calls from seed `DCE_SIMULATION_SEED` on; both are for reruns and for `npm run test:long`. */
const RUNS = Number(process.env['DCE_SIMULATION_RUNS'] ?? 10_000)
const FIRST_SEED = Number(process.env['DCE_SIMULATION_SEED'] ?? process.env['DCE_TEST_SEED'] ?? Date.now() % 2 ** 30)
const MOST_FAILURES = 3
/** Methods, statuses and the server's own reasons to hang up that a thousand calls cannot miss. */
const TO_BE_MET = [
  'INVITE,ACK,CANCEL,BYE,PRACK,UPDATE,REFER,SUBSCRIBE,NOTIFY,INFO,MESSAGE,OPTIONS',
  '100,180,183,200,202,422,481,486,487,491,500,503,504',
  'ACK timeout,Session timer expired,ACK-BYE due to cancel race condition',
].flatMap((list) => list.split(','))

describe('calls over a network that loses, doubles, delays and reorders', function () {
  this.timeout(Math.max(120_000, RUNS * 20))

  it(`keep every promise, ${RUNS} times from seed ${FIRST_SEED}`, () => {
    const failures: string[] = []
    const happenings = new Map<string, number>()
    for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS && failures.length < MOST_FAILURES; seed++) {
      const outcome = runScenario(seed)
      for (const each of outcome.happenings) happenings.set(each, (happenings.get(each) ?? 0) + 1)
      if (outcome.faults.length === 0) continue
      const { trace } = runScenario(seed, true)
      failures.push(
        `seed ${seed}: ${outcome.faults.join('\n')}\n${trace.join('\n')}\n` +
          `again: DCE_SIMULATION_SEED=${seed} DCE_SIMULATION_RUNS=1 npx mocha test/gateway/sip-server/simulation.test.ts`,
      )
    }
    assert.deepEqual(failures, [], failures.join('\n\n'))
    // What never happened has not been tested.
    if (RUNS >= 1_000)
      assert.deepEqual(
        TO_BE_MET.filter((each) => !happenings.has(each)),
        [],
      )
  })
})
