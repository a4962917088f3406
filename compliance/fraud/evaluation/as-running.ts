import { FEATURE_NAMES } from '../features/feature-names.ts'
import { FraudWatch } from '../fraud-watch.ts'
import { FraudModel } from '../model/fraud-model.ts'
import type { FraudModelFile } from '../model/model-file.ts'
import type { FraudRule } from '../rules/fraud-rules.ts'
import type { Detector, Thresholds } from './judge.ts'

/** `fraud.velocity_checks` as it is set where nobody sets it. */
const VELOCITY = { windowMs: 3_600_000, maxCalls: 30 }

/** Rules and model together, as the running exchange asks them when nothing is set, but for timed blocks: those are reported, not made. */
export function asRunning(file: FraudModelFile, rules: readonly FraudRule[], thresholds: Thresholds): () => Detector {
  const model = new FraudModel(file, FEATURE_NAMES)
  const { flag: low, review: medium, block: high } = thresholds
  return () => {
    const watch = new FraudWatch({
      thresholds: { low, medium, high },
      velocity: VELOCITY,
      rules,
      model,
      modelMayBlock: false,
    })
    return { arrive: (call) => watch.arrive(call).score, end: (call) => watch.end(call) }
  }
}
