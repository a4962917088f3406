import { FEATURE_NAMES } from '../features/feature-names.ts'
import { FeatureSet } from '../features/feature-set.ts'
import { FraudModel } from '../model/fraud-model.ts'
import type { FraudModelFile } from '../model/model-file.ts'
import type { Detector } from './judge.ts'

/** The learned part by itself: what its score says, and no rule. */
export function modelAlone(file: FraudModelFile): () => Detector {
  const model = new FraudModel(file, FEATURE_NAMES)
  return () => {
    const features = new FeatureSet()
    return { arrive: (call) => model.score(features.arrive(call)), end: (call) => features.end(call) }
  }
}
