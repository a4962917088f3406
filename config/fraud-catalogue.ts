import { may, set } from './setting.ts'
import { decimal, duration, FLAG, oneOf, TEXT, whole } from './setting-kinds.ts'

/** How fraud is looked for, and what follows. */
export const FRAUD = {
  'fraud.enabled': set(FLAG, true, 'Whether calls are scored.'),
  'fraud.mode': set(
    oneOf('report', 'enforce'),
    'report',
    'Whether a call whose score is high is only reported, or refused and its caller blocked for a time. Blocks that people make are in force either way.',
  ),
  'fraud.velocity_checks.enabled': set(FLAG, true, 'Whether calls of one caller are counted.'),
  'fraud.velocity_checks.window': set(duration('1s', '24h'), 3_600_000, 'Over what time.'),
  'fraud.velocity_checks.max_calls': set(whole(1, 1_000_000), 30, 'How many are too many.'),
  'fraud.risk_thresholds.low': set(decimal(0, 1), 0.3, 'A call of this score is flagged; below it is harmless.'),
  'fraud.risk_thresholds.medium': set(decimal(0, 1), 0.6, 'A call of this score is to be reviewed.'),
  'fraud.risk_thresholds.high': set(decimal(0, 1), 0.8, 'A call of this score is refused, where fraud.mode says so.'),
  'fraud.rules_file': may(TEXT, 'A JSON file with rules in place of ours (config/reference/fraud-rules.json).'),
  'fraud.model.enabled': set(FLAG, true, 'Whether the learned model scores calls beside the rules.'),
  'fraud.model.may_block': set(
    FLAG,
    false,
    'Whether its score alone is enough to refuse a call; else it is enough for a review at most.',
  ),
  'fraud.keep': set(duration('1h', '3650d'), 7_776_000_000, 'How long scores are kept.'),
} as const
