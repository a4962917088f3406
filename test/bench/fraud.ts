import { FEATURE_NAMES } from '../../compliance/fraud/features/feature-names.ts'
import { FraudWatch } from '../../compliance/fraud/fraud-watch.ts'
import { FraudModel } from '../../compliance/fraud/model/fraud-model.ts'
import { readModelFile } from '../../compliance/fraud/model/model-file.ts'
import { readFraudRules } from '../../compliance/fraud/rules/fraud-rules.ts'
import type { TrafficEvent } from '../../compliance/fraud/simulator/planned-call.ts'
import { TrafficSimulator } from '../../compliance/fraud/simulator/scenario.ts'
import { loadPlaces } from '../../config/reference-data.ts'
import type { BenchResult } from './bench-result.ts'

const WARM_UP = 40_000
const CALLS = 60_000

/** Features, rules and model of simulated calls, some of them attacks: one call at a time is timed, the ends beside them. */
export async function run(): Promise<BenchResult[]> {
  const events = [...simulated()]
  const rules = readFraudRules(null)
  const watch = new FraudWatch({
    thresholds: { low: 0.3, medium: 0.6, high: 0.8 },
    velocity: { windowMs: 3_600_000, maxCalls: 30 },
    rules,
    model: new FraudModel(readModelFile(), FEATURE_NAMES),
    modelMayBlock: false,
  })
  const times = new Float64Array(CALLS)
  let calls = 0
  let told = 0
  let before = process.cpuUsage()
  for (const event of events) {
    if (event.kind === 'ended') {
      watch.end(event.call)
      continue
    }
    if (calls === WARM_UP) before = process.cpuUsage()
    const start = performance.now()
    const { action } = watch.arrive(event.call)
    if (calls >= WARM_UP) {
      times[calls - WARM_UP] = (performance.now() - start) * 1000
      if (action !== 'allow') told++
    }
    calls++
  }
  const { user, system } = process.cpuUsage(before)
  times.sort()
  const detail = `wall time from a call to its verdict, on one thread: ${FEATURE_NAMES.length} features, ${rules.length} rules, the model, and what it was made of where the call is flagged (${((told / CALLS) * 100).toFixed(1)} %); ${CALLS} calls after ${WARM_UP} others`
  return [
    { name: 'fraud.p50', value: times[CALLS / 2]!, unit: 'us', detail },
    { name: 'fraud.p99', value: times[Math.floor(CALLS * 0.99)]!, unit: 'us', detail },
    {
      name: 'fraud.cpu',
      value: (user + system) / CALLS,
      unit: 'us',
      detail: 'CPU time of one call, its end and the timing included',
    },
  ]
}

function* simulated(): Generator<TrafficEvent> {
  const patterns = ['robocalling', 'duration_gaming', 'targeted_pumping', 'geo_laundering'] as const
  const plan = { seed: 7, regime: 'unseen', days: 4, callsPerDay: 40_000, patterns, warmUpHours: 24 } as const
  let calls = 0
  for (const event of new TrafficSimulator(loadPlaces()).simulate(plan).events) {
    yield event
    if (event.kind === 'arrived' && ++calls === WARM_UP + CALLS) return
  }
}
