import { FEATURE_NAMES } from '../../compliance/fraud/features/feature-names.ts'
import { FraudWatch } from '../../compliance/fraud/fraud-watch.ts'
import { FraudModel } from '../../compliance/fraud/model/fraud-model.ts'
import { readModelFile } from '../../compliance/fraud/model/model-file.ts'
import { readFraudRules } from '../../compliance/fraud/rules/fraud-rules.ts'
import { SettingsError } from '../../config/settings-error.ts'
import type { Settings } from '../../config/settings.ts'
import { FraudPart, type FraudPartNeeds } from '../fraud/fraud-part.ts'

type Needs = Omit<FraudPartNeeds, 'watch' | 'isEnforced' | 'keepMs'>

/** Fraud as it is set; null: it is turned off, and costs nothing. Throws SettingsError when the operator's rules cannot be read. */
export function createFraud({ fraud }: Settings, needs: Needs): FraudPart | null {
  if (!fraud.enabled) return null
  const { velocityChecks, riskThresholds, rulesFile, model } = fraud
  const watch = new FraudWatch({
    thresholds: riskThresholds,
    velocity: velocityChecks.enabled ? velocityChecks : null,
    rules: rulesOf(rulesFile),
    model: model.enabled ? new FraudModel(readModelFile(), FEATURE_NAMES) : null,
    modelMayBlock: model.mayBlock,
  })
  return new FraudPart({ ...needs, watch, isEnforced: fraud.mode === 'enforce', keepMs: fraud.keepMs })
}

function rulesOf(file: string | null): ReturnType<typeof readFraudRules> {
  try {
    return readFraudRules(file)
  } catch (error) {
    throw new SettingsError('fraud.rules_file', `fraud.rules_file: ${(error as Error).message}`)
  }
}
