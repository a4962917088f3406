import assert from 'node:assert/strict'
import { curveOf, figuresOf } from '../../../../compliance/fraud/evaluation/figures.ts'
import { emptyJudgement, judge } from '../../../../compliance/fraud/evaluation/judge.ts'
import { drawRoc } from '../../../../compliance/fraud/evaluation/roc-drawing.ts'
import { TrafficSimulator, type ScenarioPlan } from '../../../../compliance/fraud/simulator/scenario.ts'
import { loadPlaces } from '../../../../config/reference-data.ts'

const PLAN: ScenarioPlan = {
  seed: 3,
  regime: 'unseen',
  days: 1.5,
  callsPerDay: 3000,
  patterns: ['sip_scanner'],
  warmUpHours: 8,
}
const THRESHOLDS = { flag: 0.3, review: 0.6, block: 0.8 }

describe('figures of a fraud detector', () => {
  const simulator = new TrafficSimulator(loadPlaces())
  const attackAddress = [...simulator.simulate(PLAN).events].flatMap((event) =>
    event.pattern !== null && event.kind === 'arrived' ? [event.call.sourceAddress] : [],
  )[0]

  it('are perfect of one that knows the attacker', () => {
    const judgement = emptyJudgement()
    const detector = {
      arrive: (call: { sourceAddress: string }) => Number(call.sourceAddress === attackAddress),
      end() {},
    }
    judge(simulator, PLAN, detector, THRESHOLDS, judgement)
    const { recall, falsePositives, precision, missed, attacks, medianSeconds, auc } = figuresOf(judgement)
    assert.deepEqual([recall, falsePositives, precision, missed, attacks, medianSeconds, auc], [1, 0, 1, 0, 1, 0, 1])
    assert.equal(judgement.falsely.blocked, 0)
  })

  it('are those of chance of one that throws dice, and nothing of one that sleeps', () => {
    let state = 1
    const dice = emptyJudgement()
    const detector = { arrive: () => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647, end() {} }
    judge(simulator, PLAN, detector, THRESHOLDS, dice)
    const figures = figuresOf(dice)
    assert.ok(Math.abs(figures.auc - 0.5) < 0.1 && Math.abs(figures.falsePositives - 0.7) < 0.05)
    assert.ok(Math.abs(dice.falsely.blocked / dice.cleanCalls - 0.2) < 0.05)
    const sleeper = emptyJudgement()
    judge(simulator, PLAN, { arrive: () => 0, end() {} }, THRESHOLDS, sleeper)
    assert.deepEqual([figuresOf(sleeper).recall, sleeper.missed, sleeper.falsely.flagged], [0, 1, 0])
  })

  it('count until the first call that was flagged', () => {
    const judgement = emptyJudgement()
    let seen = 0
    const detector = {
      arrive: (call: { sourceAddress: string }) => Number(call.sourceAddress === attackAddress && ++seen > 9),
      end() {},
    }
    judge(simulator, PLAN, detector, THRESHOLDS, judgement)
    assert.equal(judgement.found[0]?.calls, 9)
    assert.ok(judgement.found[0].seconds > 0)
    assert.equal(judgement.attackCalls - judgement.caught, 9)
  })

  it('are drawn as a curve from none to all, with a panel for each pattern', () => {
    const judgement = emptyJudgement()
    judge(simulator, PLAN, { arrive: (call) => (call.ani === null ? 0.9 : 0.1), end() {} }, THRESHOLDS, judgement)
    const curve = curveOf(judgement)
    assert.deepEqual(
      [curve[0], curve.at(-1)],
      [
        { x: 0, y: 0 },
        { x: 1, y: 1 },
      ],
    )
    const drawn = drawRoc([{ title: 'sip_scanner', curve, at: curve[1]! }], 'all of it')
    assert.match(drawn, /^<svg [^>]+>\n/)
    assert.equal(drawn.match(/<polyline/g)?.length, 1)
    assert.ok(!drawn.includes('NaN'))
  })
})
