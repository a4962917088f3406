import { Chance } from '../simulator/chance.ts'
import { PATTERNS, type Pattern } from '../simulator/pattern.ts'
import type { ScenarioPlan, TrafficSimulator } from '../simulator/scenario.ts'
import { emptyJudgement, judge, type Detector, type Judgement, type Thresholds } from './judge.ts'

/** No seed of training or validation is as high. */
const FIRST_UNSEEN_SEED = 1_000_001
const CLEAN_CALLS_PER_DAY = 20_000

export interface Trial {
  readonly simulator: TrafficSimulator
  /** A detector that knows nothing yet: each scenario is another exchange. */
  readonly newDetector: () => Detector
  readonly thresholds: Thresholds
}

/** Plays each pattern in so many worlds of its own, none of which training has seen. */
export function* evaluatePatterns(
  { simulator, newDetector, thresholds }: Trial,
  scenarios: number,
): Generator<{ pattern: Pattern; judgement: Judgement }> {
  for (const [index, pattern] of PATTERNS.entries()) {
    const judgement = emptyJudgement()
    for (let at = 0; at < scenarios; at++) {
      judge(simulator, unseen(FIRST_UNSEEN_SEED + 1000 * index + at, [pattern]), newDetector(), thresholds, judgement)
    }
    yield { pattern, judgement }
  }
}

/** Plays clean traffic of one world after the other, until so many calls have been judged. */
export function evaluateClean(
  { simulator, newDetector, thresholds }: Trial,
  calls: number,
  onWorld = () => {},
): Judgement {
  const judgement = emptyJudgement()
  for (let world = 0; judgement.cleanCalls < calls; world++) {
    const plan = unseen(FIRST_UNSEEN_SEED + 1_000_000 + world, [])
    // Three days, the last two and a half of them judged: what the first hours look like to a detector that knows nothing is another matter.
    judge(simulator, { ...plan, days: 3, callsPerDay: CLEAN_CALLS_PER_DAY }, newDetector(), thresholds, judgement)
    onWorld()
  }
  return judgement
}

function unseen(seed: number, patterns: readonly Pattern[]): ScenarioPlan {
  const callsPerDay = new Chance(seed).logNormal(9000, 0.5)
  return { seed, regime: 'unseen', days: 2, callsPerDay, patterns, warmUpHours: 16 }
}
