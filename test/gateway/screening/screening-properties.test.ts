import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Arrival } from '../../../gateway/screening/arrival.ts'
import type { Contribution, Evidence, Judge } from '../../../gateway/screening/evidence.ts'
import type { Screened } from '../../../gateway/screening/screening.ts'
import type { CheckRecord } from '../../../model/cdr.ts'
import type { Attestation, RuleTerms } from '../../../model/compliance-rule.ts'
import type { TrafficType } from '../../../model/trunk.ts'
import { compliance, numberIn } from '../../compliance/support.ts'
import { aRule, NOON_MS, ruleChange } from '../../support/compliance-rules.ts'
import { aNumber } from '../../support/market.ts'
import { anArrival, aScreening } from '../../support/screening.ts'

const HOUR_MS = 3_600_000
const EFFECTS = ['allow', 'advisory', 'block'] as const

/** One who is asked about a call: whatever it says of it, at once or later, or fails at. */
const source = fc.record({
  order: fc.constantFrom('before-law', 'after-law'),
  when: fc.constantFrom('now', 'later', 'never'),
  says: fc.constantFrom('nothing', 'error', ...EFFECTS),
  onFailure: fc.constantFrom('allow', 'block'),
  attests: fc.constantFrom<Attestation | null>('A', 'C', null),
})
const terms = fc.constantFrom<RuleTerms>(
  { type: 'expression', expression: 'hour >= 12' },
  { type: 'expression', expression: 'attestation != "A"' },
  { type: 'dnc', lists: ['internal'] },
  { type: 'geography', against: 'in', states: ['FL', 'TX'] },
  { type: 'attestation', minimum: 'B', missing: false },
  { type: 'consent', maxAgeHours: null, needsCertificate: false },
)
const rule = fc.record({ terms, effect: fc.constantFrom('block', 'warn', 'log'), priority: fc.nat({ max: 2 }) })
const scene = fc.record({
  sources: fc.array(source, { maxLength: 5 }),
  rules: fc.array(rule, { maxLength: 4 }),
  judges: fc.array(fc.constantFrom(...EFFECTS), { maxLength: 2 }),
  state: fc.constantFrom('NY', 'FL', 'TX'),
  trafficType: fc.constantFrom<TrafficType>('inbound', 'transfer', 'outbound'),
  hoursLater: fc.nat({ max: 24 }),
  isListed: fc.boolean(),
  isBlocked: fc.boolean(),
  stopsAtFirst: fc.boolean(),
  keys: fc.array(fc.nat(), { minLength: 5, maxLength: 5 }),
})
type Scene = typeof scene extends fc.Arbitrary<infer S> ? S : never
type Source = typeof source extends fc.Arbitrary<infer S> ? S : never

function aCheck(name: string, effect: CheckRecord['effect']): CheckRecord {
  return { check: name, effect, rule: name, source: 'test', detail: effect }
}

function saidBy({ says, attests }: Source, name: string): Contribution | null {
  if (says === 'error') throw new Error('down')
  return says === 'nothing' ? null : { request: { attestation: attests }, checks: [aCheck(name, says)] }
}

/** All of a scene's evidence; `answer` has those that are asked and still silent say what they say, in the order of `keys`. */
class Sources {
  readonly evidence: readonly Evidence[]
  #silent: { readonly key: number; readonly speak: () => void }[] = []

  constructor(sources: readonly Source[], keys: readonly number[]) {
    this.evidence = sources.map((each, i) => ({
      name: `s${i}`,
      order: each.order,
      onFailure: each.onFailure,
      keepsFromBuyers: true,
      deadlineMs: each.when === 'never' ? 0 : 600_000,
      gather: () => {
        if (each.when === 'now') return saidBy(each, `s${i}`)
        return new Promise<Contribution | null>((resolve) => {
          if (each.when === 'never') return
          this.#silent.push({
            key: keys[i]!,
            speak: () => resolve(Promise.resolve().then(() => saidBy(each, `s${i}`))),
          })
        })
      },
    }))
  }

  answer(): void {
    for (const { speak } of this.#silent.splice(0).toSorted((a, b) => a.key - b.key)) speak()
  }
}

/** Learns the clocks of the country once; a scene takes back what it has told it. */
const LAWS = { first: compliance({ stopsAtFirst: true }), all: compliance() }

async function screened(of: Scene): Promise<Screened> {
  const law = of.stopsAtFirst ? LAWS.first : LAWS.all
  const ani = numberIn(of.state)
  const rules = of.rules.map(({ terms: asked, effect, priority }, i) => aRule(`r${i}`, asked, { effect, priority }))
  const lists = [...(of.isListed ? ['internal' as const] : []), ...(of.isBlocked ? ['blocked' as const] : [])]
  for (const list of lists) law.apply({ kind: 'dnc', list, add: [ani], remove: [] })
  for (const one of rules) law.apply(ruleChange(one))
  try {
    return await screenedBy(law, of)
  } finally {
    for (const list of lists) law.apply({ kind: 'dnc', list, add: [], remove: [ani] })
    for (const { id } of rules) law.apply({ kind: 'compliance-rule', id, value: null })
  }
}

async function screenedBy(shared: typeof LAWS.all, of: Scene): Promise<Screened> {
  const sources = new Sources(of.sources, of.keys)
  const judges = of.judges.map((effect, i): Judge => {
    return { name: `j${i}`, judge: () => ({ checks: [aCheck(`j${i}`, effect)] }) }
  })
  const law = { ...shared, count: () => {} } // A scene's call is not a call of the next one's.
  const screening = aScreening(law, { evidence: sources.evidence, judges, stopsAtFirst: of.stopsAtFirst })
  const pending = screening.screen(arrivalOf(of), null)
  if (!(pending instanceof Promise)) return pending
  const answering = setInterval(() => sources.answer(), 0) // Those behind the law are asked later.
  sources.answer()
  const one = await pending
  clearInterval(answering)
  assert.equal(screening.waiting, 0)
  return one
}

function arrivalOf({ state, trafficType, hoursLater }: Scene): Arrival {
  const number = aNumber({ trafficType })
  return anArrival({ ani: numberIn(state), atMs: NOON_MS + hoursLater * HOUR_MS, number })
}

const reported = ({ refusal, rule: spoke, text, exclusions }: Screened) => ({ refusal, spoke, text, exclusions })

describe('screening, whatever the call and whoever is asked', () => {
  it('never allows more for a rule, a source or a judge that is added and may refuse (1,000 scenes)', async function () {
    this.timeout(120_000)
    await fc.assert(
      fc.asyncProperty(scene, rule, source, async (of, one, more) => {
        const before = await screened(of)
        if (before.refusal === null) return
        const silent = { ...more, attests: null, order: 'after-law' as const } // What attests may speak for a call: it is no mere addition.
        for (const after of [
          { ...of, rules: [...of.rules, { ...one, effect: 'block' as const }] },
          { ...of, sources: [...of.sources.slice(0, 4), ...(of.sources.length < 5 ? [silent] : of.sources.slice(4))] },
          { ...of, judges: [...of.judges, 'block' as const] },
        ])
          assert.notEqual((await screened(after)).refusal, null)
      }),
      { numRuns: 1000 },
    )
  })

  it('reports the same whoever answers first, and whether it stops at the first or collects all (1,000 scenes)', async function () {
    this.timeout(120_000)
    await fc.assert(
      fc.asyncProperty(scene, fc.array(fc.nat(), { minLength: 5, maxLength: 5 }), async (of, keys) => {
        const first = await screened(of)
        assert.deepEqual(reported(await screened({ ...of, keys })), reported(first))
        const other = await screened({ ...of, stopsAtFirst: !of.stopsAtFirst })
        if (first.refusal === null) assert.deepEqual(reported(other), reported(first))
        else assert.deepEqual([other.refusal, other.rule], [first.refusal, first.rule])
      }),
      { numRuns: 1000 },
    )
  })

  it('reports the same whether its sources answer at once or later (1,000 scenes)', async function () {
    this.timeout(120_000)
    await fc.assert(
      fc.asyncProperty(scene, async (of) => {
        const all = (when: Source['when']): Scene => ({ ...of, sources: of.sources.map((each) => ({ ...each, when })) })
        const [now, later] = [await screened(all('now')), await screened(all('later'))]
        assert.deepEqual([now.refusal === null, now.rule], [later.refusal === null, later.rule])
      }),
      { numRuns: 1000 },
    )
  })
})
