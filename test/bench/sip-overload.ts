import { BareB2bua } from './bare-b2bua.ts'
import type { BenchResult } from './bench-result.ts'
import { embeddedServer } from './bench-server.ts'

const FIRST_RATE = 400
const STEP = 1.2
const STEP_SECONDS = 2
const SECONDS = 6
/** So few that did not get through are no sign of a limit. */
const CLEAN_SHARE = 0.01
/** About what is refused at twice the limit. */
const REFUSALS_PER_SECOND = 2_500
const WARM_SECONDS = 3

/**
 * Calls past what can be done: through a bare `createB2BUA`, whose limit is looked for first, at once, twice and three times that
 * limit. What is refused gets 503 at once; what is let in must complete. Then what a refusal costs, and its share of a call.
 */
export async function run(): Promise<BenchResult[]> {
  const b2bua = await BareB2bua.start(await embeddedServer({ overload: {} }))
  try {
    await b2bua.drive(FIRST_RATE, STEP_SECONDS)
    const { limit, callMicros } = await findLimit(b2bua)
    const results: BenchResult[] = [
      { name: 'sip limit', value: limit, unit: '1/s', detail: 'bare createB2BUA over UDP, phones on the same cores' },
    ]
    for (const times of [1, 2, 3]) {
      const driven = await b2bua.drive(Math.round(limit * times), SECONDS, true)
      const { calls, failed, failedAt, repeated, refused } = driven
      const completed = calls - failed - refused
      const { unheard, unanswered, unended } = failedAt
      const detail =
        `${calls} offered, ${completed} completed, ${refused} refused, ${failed} failed: ` +
        `${unheard} heard nothing, ${unanswered} no answer, ${unended} no answer to their BYE; ${repeated} messages sent again`
      results.push(
        { name: `calls completed at ${times}x the limit`, value: completed / SECONDS, unit: '1/s', detail },
        { name: `calls let in and failed at ${times}x`, value: failed / SECONDS, unit: '1/s', detail },
      )
    }
    const refusalMicros = await costOfRefusal()
    results.push(
      {
        name: 'CPU a call, server and application',
        value: callMicros,
        unit: 'us',
        detail: `at ${Math.round(limit)}/s`,
      },
      {
        name: 'CPU a refusal, server',
        value: refusalMicros,
        unit: 'us',
        detail: `${((100 * refusalMicros) / callMicros).toFixed(1)} % of a call`,
      },
    )
    return results
  } finally {
    await b2bua.close()
  }
}

async function findLimit(b2bua: BareB2bua): Promise<{ limit: number; callMicros: number }> {
  let limit = 0
  let callMicros = 0
  for (let rate = FIRST_RATE; ; rate *= STEP) {
    const appBefore = process.threadCpuUsage()
    const before = await b2bua.server.cpuMicros()
    const { calls, failed, refused } = await b2bua.drive(Math.round(rate), STEP_SECONDS)
    if (failed + refused > calls * CLEAN_SHARE) break
    const after = await b2bua.server.cpuMicros()
    const app = process.threadCpuUsage(appBefore)
    limit = rate
    callMicros = (after - before + app.user + app.system) / calls
  }
  if (limit === 0) throw new Error(`not even ${FIRST_RATE} calls a second went through: the machine is busy`)
  return { limit, callMicros }
}

/** On a server that lets nothing in. */
async function costOfRefusal(): Promise<number> {
  const shut = await BareB2bua.start(await embeddedServer({ overload: { maxWaitingInvites: 0 } }))
  try {
    await shut.drive(REFUSALS_PER_SECOND, WARM_SECONDS)
    const before = await shut.server.cpuMicros()
    const { refused } = await shut.drive(REFUSALS_PER_SECOND, SECONDS)
    const after = await shut.server.cpuMicros()
    return (after - before) / refused
  } finally {
    await shut.close()
  }
}
