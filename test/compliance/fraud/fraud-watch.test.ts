import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FEATURE_NAMES, placeOfFeature } from '../../../compliance/fraud/features/feature-names.ts'
import { FeatureSet } from '../../../compliance/fraud/features/feature-set.ts'
import {
  FraudWatch,
  type FraudOptions,
  type FraudVerdict,
  type ScoringModel,
} from '../../../compliance/fraud/fraud-watch.ts'
import { FraudRulesError, readFraudRules } from '../../../compliance/fraud/rules/fraud-rules.ts'
import { LabelledCallers } from '../../../compliance/fraud/rules/labelled-callers.ts'
import { TrafficSimulator } from '../../../compliance/fraud/simulator/scenario.ts'
import { loadPlaces } from '../../../config/reference-data.ts'
import type { FraudBlock, FraudBlockKind } from '../../../model/fraud.ts'
import type { AccountId, FraudBlockId, NumberId } from '../../../model/ids.ts'
import type { PhoneNumber } from '../../../model/phone-number.ts'
import { arriving, ended, MONDAY_MS } from './support.ts'

const RULES = readFraudRules(null)
const LIMITS = { callers: 4096, blocks: 4096, numbers: 1024, sellers: 256, trunks: 256, targets: 1024, open: 4096 }
/** Clean calls the rules are tried on; the million by the environment. */
const CLEAN_CALLS = Number(process.env['DCE_FRAUD_CLEAN_CALLS'] ?? 20_000)

function watch(options: Partial<FraudOptions> = {}): FraudWatch {
  const thresholds = { low: 0.3, medium: 0.6, high: 0.8 }
  const all = { thresholds, velocity: null, rules: RULES, model: null, modelMayBlock: false, ...options }
  return new FraudWatch(all, new FeatureSet(LIMITS))
}

const caller = (n: number) => `+1212552${String(n).padStart(4, '0')}` as PhoneNumber
const model = (score: number): ScoringModel => ({
  score: () => score,
  contributions: (features) => features.map((_, at) => (at === placeOfFeature('caller.calls1h') ? 2 : 0)),
})

function aBlock(kind: FraudBlockKind, value: string, minutes = 60, id = 'block'): FraudBlock {
  const at = new Date(MONDAY_MS)
  return {
    id: id as FraudBlockId,
    accountId: 'house' as AccountId,
    kind,
    value,
    sellerId: null,
    until: new Date(MONDAY_MS + minutes * 60_000),
    reason: 'too many calls',
    madeBy: 'user 1',
    version: 1,
    createdAt: at,
    updatedAt: at,
  }
}

describe('fraud', () => {
  it('says nothing against an honest call', () => {
    const verdict = watch().arrive(arriving({ ani: '+12125527391' }))
    assert.deepEqual(
      [verdict.score, verdict.action, verdict.reasons, verdict.wanted, verdict.isBlocked],
      [0, 'allow', [], [], false],
    )
  })

  it('flags a caller at a rule’s warning and blocks it at critical, with the reasons and what to block', () => {
    const watching = watch()
    const seen = Array.from({ length: 20 }, (_, i) => {
      const id = String(i)
      const verdict = watching.arrive(arriving({ id, ani: caller(1), atMs: MONDAY_MS + i * 1000 }))
      watching.end(ended({ id, endedAtMs: MONDAY_MS + i * 1000 + 500 }))
      return verdict
    })
    assert.deepEqual(
      [0, 3, 4, 14].map((i) => seen[i]!.action),
      ['allow', 'allow', 'flag', 'block'],
    )
    const last = seen.at(-1)!
    assert.equal(last.reasons[0]!.rule, 'caller-rate-minute')
    assert.match(last.reasons[0]!.text, /^calls of this caller in a minute: 20$/)
    assert.deepEqual(
      last.wanted.map(({ kind, value, minutes }) => [kind, value, minutes]),
      [['caller', caller(1), 60]],
    )
    assert.ok(seen.every(({ score }, i) => i === 0 || score >= seen[i - 1]!.score))
    assert.ok(last.score <= 1)
  })

  /** Twenty calls of one number within twenty seconds, forged or its owner's own. */
  const flood = (watching: FraudWatch, said: Parameters<typeof arriving>[0]) =>
    Array.from({ length: 20 }, (_, i) =>
      watching.arrive(
        arriving({ id: `${i} ${JSON.stringify(said)}`, ani: caller(1), atMs: MONDAY_MS + i * 1000, ...said }),
      ),
    ).at(-1)!
  const scopes = ({ wanted }: FraudVerdict) => new Set(wanted.map(({ sellerId }) => sellerId))

  for (const attestation of ['B', 'C', null] as const)
    it(`blocks a caller of calls attested ${attestation ?? 'nothing'} only through the seller they came through`, () => {
      const watching = watch()
      const last = flood(watching, { attestation })
      assert.deepEqual([last.action, scopes(last)], ['block', new Set(['seller'])])
    })

  it('blocks a caller of calls attested A through every seller', () => {
    const last = flood(watch(), { attestation: 'A' })
    assert.deepEqual([last.action, scopes(last)], ['block', new Set([null])])
  })

  it('blocks no consumer for what others do with its number through another seller, attested or not', () => {
    const watching = watch({ velocity: { windowMs: 3_600_000, maxCalls: 5 } })
    assert.equal(flood(watching, { attestation: null }).action, 'block')
    for (const attestation of ['A', null] as const) {
      const own = { id: `own ${attestation}`, ani: caller(1), sellerId: 'other' as AccountId, atMs: MONDAY_MS + 21_000 }
      const verdict = watching.arrive(arriving({ ...own, attestation }))
      // So many calls of one number are looked at, and not refused.
      assert.deepEqual([verdict.action, verdict.wanted], ['review', []])
    }
    assert.equal(
      watching.arrive(arriving({ id: 'x', ani: caller(1), attestation: null, atMs: MONDAY_MS + 22_000 })).action,
      'block',
    )
  })

  it('refuses by a block of one seller’s calls no other’s', () => {
    const { blocks } = watch()
    const of = (seller: string) => ({
      ani: caller(1),
      sellerId: seller as AccountId,
      numberId: 'n' as NumberId,
      trunkId: 't' as never,
      atMs: MONDAY_MS,
    })
    blocks.apply('a', { ...aBlock('caller', caller(1), 60, 'a'), sellerId: 'seller' as AccountId })
    assert.deepEqual([blocks.find(of('seller'))?.id, blocks.find(of('other'))], ['a', null])
    assert.deepEqual(
      (['seller', 'other', null] as (AccountId | null)[]).map((seller) =>
        blocks.has('caller', caller(1), seller, MONDAY_MS),
      ),
      [true, false, false],
    )
    blocks.apply('b', aBlock('caller', caller(1), 5, 'b'))
    assert.equal(blocks.find(of('other'))?.id, 'b')
    assert.equal(blocks.has('caller', caller(1), null, MONDAY_MS), true)
  })

  it('counts a call of another gateway once, however often it is told', () => {
    const watching = watch()
    for (let told = 0; told < 3; told++)
      for (let i = 0; i < 10; i++) {
        const id = `elsewhere ${i}`
        watching.count(arriving({ id, ani: caller(5), atMs: MONDAY_MS + i * 1000 }))
        if (i > 1) watching.end(ended({ id, endedAtMs: MONDAY_MS + i * 1000 + 500 }))
      }
    assert.equal(watching.sizes().open, 2)
    const { action, reasons } = watching.arrive(arriving({ id: 'here', ani: caller(5), atMs: MONDAY_MS + 11_000 }))
    assert.equal(action, 'review')
    assert.match(reasons.find(({ rule }) => rule === 'caller-rate-minute')!.text, /in a minute: 11$/)
  })

  it('wants a block of a thousand numbers where numbers are handed out so, and nowhere else', () => {
    const step = { at: 0, score: 0.9 }
    const blocks = { kind: 'block', minutes: 5 } as const
    const rules = [{ ...RULES[0]!, warning: step, critical: step, certain: [], blocks }]
    const wanted = (ani: string) =>
      watch({ rules })
        .arrive(arriving({ ani }))
        .wanted.map(({ value }) => value)
    assert.deepEqual(wanted('+12125527391'), ['+12125527'])
    assert.deepEqual(wanted('+442079460123'), [])
  })

  it('never adds suspicions up to a block', () => {
    const suspicion = { ...RULES[0]!, warning: { at: 0, score: 0.7 }, critical: { at: 0, score: 0.7 }, blocks: null }
    const rules = Array.from({ length: 8 }, (_, i) => ({ ...suspicion, name: `suspicion-${i}` }))
    const { score, action, reasons } = watch({ rules }).arrive(arriving({}))
    assert.equal(action, 'review')
    assert.ok(score > 0.79 && score < 0.8)
    assert.equal(reasons.length, 8)
  })

  it('counts a caller’s calls within the operator’s window', () => {
    const watching = watch({ rules: [], velocity: { windowMs: 60_000, maxCalls: 3 } })
    const call = (seconds: number, ani: string | null = caller(2)) =>
      watching.arrive(arriving({ id: `${seconds} ${ani}`, ani, atMs: MONDAY_MS + seconds * 1000 }))
    assert.deepEqual(
      [0, 1, 2, 3, 4, 5, 6].map((seconds) => call(seconds).action),
      ['allow', 'allow', 'allow', 'review', 'review', 'block', 'block'],
    )
    assert.match(call(7).reasons[0]!.text, /in 60 s: 8, more than 3/)
    assert.equal(call(7, caller(3)).action, 'allow')
    for (let i = 0; i < 9; i++) assert.equal(call(8 + i, null).action, 'allow')
    assert.equal(call(180).action, 'allow') // Two windows later.
  })

  it('lets the model raise a call to a review, and to a block only where it may', () => {
    const careful = watch({ model: model(0.97) }).arrive(arriving({}))
    assert.equal(careful.action, 'review')
    assert.ok(careful.score < 0.8)
    assert.equal(careful.modelScore, careful.reasons[0]!.score)
    assert.deepEqual(careful.contributions, [{ feature: 'caller.calls1h', value: 1, contribution: 2 }])
    assert.equal(watch({ model: model(0.97), modelMayBlock: true }).arrive(arriving({})).action, 'block')
    const quiet = watch({ model: model(0.1) }).arrive(arriving({ ani: '+12125527391' }))
    assert.deepEqual([quiet.score, quiet.action, quiet.reasons, quiet.contributions], [0.1, 'allow', [], []])
    assert.equal(watch({ model: model(7) }).arrive(arriving({})).modelScore, 0.799)
  })

  for (const [kind, value] of [
    ['caller', caller(5)],
    ['block', '+12125520'],
    ['number', 'number'],
    ['trunk', 'trunk'],
  ] as const)
    it(`refuses what a timed block of a ${kind} is of, until it is over or lifted`, () => {
      const watching = watch()
      const call = (minute: number) =>
        watching.arrive(arriving({ id: String(minute), ani: caller(5), atMs: MONDAY_MS + minute * 60_000 }))
      watching.blocks.apply('block', aBlock(kind, value))
      const { action, isBlocked, reasons } = call(1)
      assert.deepEqual([action, isBlocked, reasons[0]!.rule], ['block', true, `timed-block:${kind}`])
      const sellerId = 'seller' as AccountId
      const other = {
        ani: caller(3_005),
        sellerId,
        numberId: 'n' as NumberId,
        trunkId: 't' as never,
        atMs: MONDAY_MS + 60_000,
      }
      assert.equal(watching.blocks.find(other), null)
      assert.equal(call(60).isBlocked, false)
      watching.blocks.apply('longer', aBlock(kind, value, 600, 'longer'))
      assert.equal(call(61).isBlocked, true)
      watching.blocks.apply('longer', null)
      assert.equal(call(62).isBlocked, false)
      watching.blocks.sweep(MONDAY_MS + 3_600_000)
      assert.equal(watching.blocks.size, 0)
    })

  it('keeps the other of two blocks of one thing when one is lifted', () => {
    const { blocks } = watch()
    blocks.apply('a', aBlock('caller', caller(1), 60, 'a'))
    blocks.apply('b', aBlock('caller', caller(1), 90, 'b'))
    blocks.apply('b', null)
    assert.equal(blocks.has('caller', caller(1), null, MONDAY_MS), true)
    assert.equal(blocks.has('caller', caller(1), null, MONDAY_MS + 61 * 60_000), false)
  })

  it('mutes rules that speak of a whole number or seller where the model finds the call honest', () => {
    const busy = (score: number | null) => {
      const watching = watch({
        rules: RULES.filter(({ name }) => name === 'number-dead-air'),
        model: score === null ? null : model(score),
      })
      return Array.from({ length: 30 }, (_, i) => {
        const atMs = MONDAY_MS + i * 60_000
        const verdict = watching.arrive(arriving({ id: String(i), ani: caller(i), atMs }))
        watching.end(ended({ id: String(i), endedAtMs: atMs + 30_000, durationMs: 20_000, audioFault: 'no_audio' }))
        return verdict
      }).at(-1)!
    }
    assert.equal(busy(null).action, 'review')
    assert.deepEqual([busy(0.1).action, busy(0.1).reasons[0]?.rule], ['allow', 'number-dead-air'])
    assert.equal(busy(0.4).action, 'review')
  })

  it('flags the calls that a seller says are where their numbers are not, those of that state only, whatever the model finds', () => {
    const watching = watch({ rules: RULES.filter(({ name }) => name === 'said-misplaced'), model: model(0.1) })
    const call = (i: number, numberStates: string[], saidState: string) =>
      watching.arrive(
        arriving({
          id: `${i} ${saidState}`,
          ani: caller(i * 10),
          atMs: MONDAY_MS + i * 60_000,
          numberStates,
          saidState,
        }),
      )
    const seen = Array.from({ length: 20 }, (_, i) => ({
      // Of each other state one caller in twenty has moved.
      honest: call(i, [i === 3 ? 'NV' : 'NY'], 'NY').action,
      laundered: call(100 + i, ['NY'], 'CA').action,
    }))
    assert.deepEqual(new Set(seen.map(({ honest }) => honest)), new Set(['allow']))
    assert.deepEqual(
      seen.map(({ laundered }) => laundered === 'allow'),
      seen.map((_, i) => i < 5),
    )
    // One of them whose number happens to be of that state came the same way.
    const { action, reasons } = call(200, ['CA'], 'CA')
    assert.deepEqual([action, reasons[0]!.rule], ['review', 'said-misplaced'])
  })

  it('flags no call for a toll-free number alone, and tells it beside what does', () => {
    const tollFree = { ani: '+18885551234', numberStates: [] }
    const { action, reasons } = watch({ model: model(0.1) }).arrive(arriving(tollFree))
    assert.deepEqual([action, reasons.map(({ rule }) => rule)], ['allow', ['toll-free-caller']])
    const flagged = watch({ model: model(0.5) }).arrive(arriving(tollFree))
    assert.deepEqual([flagged.action, flagged.score > 0.5], ['flag', true])
  })

  it('tells the ten features that weighed most, the heaviest first and of equal ones the first', () => {
    const weights = Float64Array.from(FEATURE_NAMES, (_, at) => (((at * 7) % 23) - 11) / 2)
    const judge: ScoringModel = { score: () => 0.5, contributions: () => weights }
    const { contributions } = watch({ rules: [], model: judge }).arrive(arriving({}))
    const expected = [...weights.entries()].toSorted(([, a], [, b]) => Math.abs(b) - Math.abs(a)).slice(0, 10)
    assert.deepEqual(
      contributions.map(({ feature, contribution }) => [feature, contribution]),
      expected.map(([at, weight]) => [FEATURE_NAMES[at], weight]),
    )
  })

  it('takes an analyst’s word of a caller', () => {
    const watching = watch()
    watching.label(caller(8), 'fraud')
    assert.equal(watching.arrive(arriving({ ani: caller(8) })).action, 'review')
    watching.label(caller(8), 'clean')
    const seen = Array.from({ length: 30 }, (_, i) =>
      watching.arrive(arriving({ id: String(i), ani: caller(8), atMs: MONDAY_MS + i * 1000 })),
    )
    assert.equal(seen.at(-1)!.action, 'review') // Never blocked again, and still told.
    assert.deepEqual(seen.at(-1)!.wanted, [])
    const strict = watch({ thresholds: { low: 0.2, medium: 0.4, high: 0.5 } })
    strict.label(caller(8), 'fraud')
    assert.equal(strict.arrive(arriving({ ani: caller(8) })).action, 'review')
    const labelled = new LabelledCallers(2)
    for (const n of [1, 2, 3]) labelled.set(caller(n), 'fraud')
    assert.deepEqual(
      [1, 2, 3].map((n) => labelled.get(caller(n))),
      [null, 'fraud', 'fraud'],
    )
  })

  it('counts calls of others without a word', () => {
    const watching = watch()
    for (let i = 0; i < 20; i++) watching.count(arriving({ id: String(i), ani: caller(4), atMs: MONDAY_MS + i * 1000 }))
    assert.equal(watching.arrive(arriving({ id: 'own', ani: caller(4), atMs: MONDAY_MS + 21_000 })).action, 'block')
    assert.equal(watching.sizes().open, 21)
  })

  it('blocks no call of clean traffic', () => {
    const simulator = new TrafficSimulator(loadPlaces())
    const counts = { allow: 0, flag: 0, review: 0, block: 0 }
    let calls = 0
    for (let seed = 1; calls < CLEAN_CALLS; seed++) {
      const plan = { seed, regime: 'unseen', days: 2, callsPerDay: 10_000, patterns: [], warmUpHours: 24 } as const
      // Each seed is another exchange.
      const watching = new FraudWatch({
        thresholds: { low: 0.3, medium: 0.6, high: 0.8 },
        velocity: { windowMs: 3_600_000, maxCalls: 30 },
        rules: RULES,
        model: null,
        modelMayBlock: false,
      })
      for (const event of simulator.simulate(plan).events) {
        if (event.kind === 'ended') watching.end(event.call)
        else {
          counts[watching.arrive(event.call).action]++
          if (++calls >= CLEAN_CALLS) break
        }
      }
    }
    assert.equal(counts.block, 0)
    assert.ok((counts.flag + counts.review) / calls < 0.05, JSON.stringify(counts))
  }).timeout(600_000)
})

describe('the rules of fraud', () => {
  let folder: string
  before(() => (folder = mkdtempSync(join(tmpdir(), 'fraud-rules-'))))
  after(() => rmSync(folder, { recursive: true }))

  const rule = {
    name: 'my-rule',
    feature: 'caller.calls1h',
    warning: { at: 5, score: 0.4 },
    critical: { at: 10, score: 0.9 },
    text: 'calls',
  }
  const read = (content: unknown) => {
    const file = join(folder, 'rules.json')
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
    return readFraudRules(file)
  }

  it('are ours, each of a feature there is, or the operator’s', () => {
    assert.ok(RULES.length > 15)
    for (const { place } of RULES) assert.ok(FEATURE_NAMES[place])
    assert.deepEqual(
      read({ rules: [rule] }).map(({ name, isBelow, blocks }) => [name, isBelow, blocks]),
      [['my-rule', false, null]],
    )
    const below = { ...rule, below: true, warning: { at: 10, score: 0.4 }, critical: { at: 5, score: 0.9 } }
    const watching = watch({ rules: read({ rules: [below] }) })
    assert.equal(watching.arrive(arriving({})).score, 0.9)
  })

  for (const [what, content, told] of [
    ['no JSON', '{', /rules\.json: /],
    ['another shape', { rule: [] }, /rules\.json: (?:rules|the file)/],
    [
      'an unknown feature',
      { rules: [{ ...rule, feature: 'caller.mood' }] },
      /my-rule: there is no feature caller\.mood/,
    ],
    ['an unknown condition', { rules: [{ ...rule, when: { mood: 1 } }] }, /my-rule: there is no feature mood/],
    ['the same name twice', { rules: [rule, rule] }, /my-rule stands there twice/],
    ['critical before warning', { rules: [{ ...rule, critical: { at: 1, score: 0.9 } }] }, /critical must be beyond/],
    ['a falling score', { rules: [{ ...rule, critical: { at: 10, score: 0.1 } }] }, /score of critical/],
    ['a score beyond 1', { rules: [{ ...rule, warning: { at: 1, score: 2 } }] }, /rules\.0\.warning\.score/],
    [
      'a block too long',
      { rules: [{ ...rule, blocks: { kind: 'caller', minutes: 9999 } }] },
      /rules\.0\.blocks\.minutes/,
    ],
    ['too many', { rules: Array.from({ length: 201 }, (_, i) => ({ ...rule, name: `r${i}` })) }, /rules: /],
  ] as const)
    it(`are refused with ${what}, by name`, () => {
      assert.throws(
        () => read(content),
        (error: Error) => error instanceof FraudRulesError && told.test(error.message),
      )
    })

  it('are refused when the file is not there', () => {
    assert.throws(() => readFraudRules(join(folder, 'none.json')), FraudRulesError)
  })
})
