import type { Places } from '../../../model/places.ts'
import { FEATURE_NAMES } from '../features/feature-names.ts'
import { FeatureSet } from '../features/feature-set.ts'
import { Chance } from '../simulator/chance.ts'
import { PATTERNS } from '../simulator/pattern.ts'
import { TrafficSimulator } from '../simulator/scenario.ts'

/** What stands before the features in a row: the pattern's index (−1: clean), the weight, the scenario. */
export const ROW_HEAD = 3

export interface TrainingPlan {
  readonly firstSeed: number
  readonly scenarios: number
}

/** Of the clean calls one in so many is kept, and counts for as many. */
const CLEAN_KEPT = 5
/** Of an attack no more are kept: the thousandth call of a flood teaches nothing. */
const ATTACK_KEPT = 500
const PATTERNS_TOGETHER = 2

/**
 * Calls to train on, a row of float32 each: `ROW_HEAD` and `FEATURE_NAMES`. Every scenario is a world of its own with two
 * patterns in it, each pattern in turn; every ninth scenario has none. The row is written over by the next.
 */
export function* trainingRows(
  places: Pick<Places, 'ofNumber'>,
  { firstSeed, scenarios }: TrainingPlan,
): Generator<Float32Array> {
  const simulator = new TrafficSimulator(places)
  const row = new Float32Array(ROW_HEAD + FEATURE_NAMES.length)
  for (let index = 0; index < scenarios; index++) {
    const seed = firstSeed + index
    const chance = new Chance(seed)
    const isClean = index % 9 === 8
    const first = index * PATTERNS_TOGETHER
    const { events, judgedFromMs } = simulator.simulate({
      seed,
      regime: 'training',
      days: 2,
      callsPerDay: chance.logNormal(9000, 0.5),
      patterns: isClean
        ? []
        : Array.from(
            { length: PATTERNS_TOGETHER },
            (_, at) => PATTERNS[(first + 5 * at + Math.floor(first / 16)) % 16]!,
          ),
      warmUpHours: 16,
    })
    const features = new FeatureSet()
    const attackCalls = new Map<number, number>()
    for (const event of events) {
      if (event.kind === 'ended') {
        features.end(event.call)
        continue
      }
      const vector = features.arrive(event.call)
      if (event.call.atMs < judgedFromMs) continue
      const label = event.pattern === null ? -1 : PATTERNS.indexOf(event.pattern)
      const seen = attackCalls.get(label) ?? 0
      attackCalls.set(label, seen + 1)
      const keptShare = label === -1 ? 1 / CLEAN_KEPT : seen < 100 ? 1 : ATTACK_KEPT / 4000
      if (!chance.happens(keptShare)) continue
      row.set([label, 1 / keptShare, seed])
      row.set(vector, ROW_HEAD)
      yield row
    }
  }
}
