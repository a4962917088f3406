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
  change: Partial<Pick<ScenarioPlan, 'callsPerDay' | 'days'>> = {},
): Generator<{ pattern: Pattern; judgement: Judgement }> {
  for (const [index, pattern] of PATTERNS.entries()) {
    const judgement = emptyJudgement()
    for (let at = 0; at < scenarios; at++) {
      const plan = { ...unseen(FIRST_UNSEEN_SEED + 1000 * index + at, [pattern]), ...change }
      judge(simulator, plan, newDetector(), thresholds, judgement)
    }
    yield { pattern, judgement }
  }
}

/** Plays clean traffic of one world after the other, until so many calls have been judged. */
export function evaluateClean({ simulator, newDetector, thresholds }: Trial, calls: number): Judgement {
  const judgement = emptyJudgement()
  const callsPerDay = Math.min(CLEAN_CALLS_PER_DAY, calls / 2)
  for (let world = 0; judgement.cleanCalls < calls; world++) {
    const plan = unseen(FIRST_UNSEEN_SEED + 1_000_000 + world, [])
    // Three days, all but the first hours of which are judged: what those look like to a detector that knows nothing is another matter.
    judge(simulator, { ...plan, days: 3, callsPerDay }, newDetector(), thresholds, judgement)
  }
  return judgement
}

function unseen(seed: number, patterns: readonly Pattern[]): ScenarioPlan {
  const callsPerDay = new Chance(seed).logNormal(9000, 0.5)
  return { seed, regime: 'unseen', days: 2, callsPerDay, patterns, warmUpHours: 16 }
}
