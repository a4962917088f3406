import assert from 'node:assert/strict'
import { evaluateClean, evaluatePatterns, type Trial } from '../../../../compliance/fraud/evaluation/evaluate.ts'
import { figuresOf } from '../../../../compliance/fraud/evaluation/figures.ts'
import { asRunning } from '../../../../compliance/fraud/evaluation/as-running.ts'
import { modelAlone } from '../../../../compliance/fraud/evaluation/model-alone.ts'
import { readFraudRules } from '../../../../compliance/fraud/rules/fraud-rules.ts'
import { readModelFile } from '../../../../compliance/fraud/model/model-file.ts'
import { TrafficSimulator } from '../../../../compliance/fraud/simulator/scenario.ts'
import { loadPlaces } from '../../../../config/reference-data.ts'

/** `npm run test:long` sets 1,000,000. */
const CALLS = Number(process.env['DCE_FRAUD_CALLS'] ?? 20_000)

describe('rules and model on traffic they have not seen', () => {
  const thresholds = { flag: 0.3, review: 0.6, block: 0.8 }
  const trial: Trial = {
    simulator: new TrafficSimulator(loadPlaces()),
    newDetector: asRunning(readModelFile(), readFraudRules(null), thresholds),
    thresholds,
  }

  it(`block no call of a seller of clean traffic in ${CALLS.toLocaleString('en')} calls, and flag fewer than one in a hundred`, function () {
    this.timeout(3_600_000)
    const { cleanCalls, falsely } = evaluateClean(trial, CALLS)
    assert.ok(cleanCalls >= CALLS)
    assert.equal(falsely.blocked, 0)
    assert.ok(falsely.flagged < 0.01 * cleanCalls, `${falsely.flagged} of ${cleanCalls} flagged`)
  })

  it('block nothing clean by the model’s word alone either, were it allowed to', () => {
    const { cleanCalls, falsely } = evaluateClean({ ...trial, newDetector: modelAlone(readModelFile()) }, 20_000)
    assert.deepEqual([cleanCalls >= 20_000, falsely.blocked], [true, 0])
  })

  it('find an attack of each pattern in a small exchange', function () {
    this.timeout(300_000)
    for (const { pattern, judgement } of evaluatePatterns(trial, 1, { callsPerDay: 2500, days: 1.5 })) {
      const { missed, recall } = figuresOf(judgement)
      assert.equal(missed, 0, `${pattern} was not found`)
      assert.ok(recall >= 0.7, `${pattern}: ${recall}`)
    }
  })
})
