import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { ComplianceRule, RuleEffect, RuleTerms } from '../../../model/compliance-rule.ts'
import type { AccountId, CampaignId, NumberId, RuleId } from '../../../model/ids.ts'
import type { ScreeningRequest } from '../../../compliance/screening-request.ts'
import { anOffer, aRule, NOON_MS, ruleChange } from '../../support/compliance-rules.ts'
import { givenConsent } from '../../support/consents.ts'
import { compliance, numberIn } from '../support.ts'

const HOUR_MS = 3_600_000
const ALWAYS: RuleTerms = { type: 'expression', expression: 'true' }
const nine = { startMinute: 540, endMinute: 1020 }

function lawOf(...rules: ComplianceRule[]) {
  const law = compliance()
  for (const rule of rules) law.apply(ruleChange(rule))
  return law
}

function blocks(rule: ComplianceRule, request: ScreeningRequest): boolean {
  return !lawOf(rule).screen(request).allowed
}

describe('the operator’s compliance rules', () => {
  it('refuse, warn, note, or ask for a consent', () => {
    const verdictOf = (effect: RuleEffect, over: Partial<ScreeningRequest> = {}) => {
      const { allowed, effect: said, rule, checks } = lawOf(aRule('r', ALWAYS, { effect })).screen(anOffer(over))
      return [allowed, said, rule, checks.at(-1)!.effect]
    }
    assert.deepEqual(verdictOf('block'), [false, 'block', 'rule:r', 'block'])
    assert.deepEqual(verdictOf('warn'), [true, 'advisory', 'rule:r', 'advisory'])
    assert.deepEqual(verdictOf('log'), [true, 'allow', null, 'allow'])
    assert.deepEqual(verdictOf('require_consent'), [false, 'block', 'rule:r', 'block'])
    const consent = givenConsent({ givenAtMs: NOON_MS - HOUR_MS })
    assert.deepEqual(verdictOf('require_consent', { consent }), [true, 'allow', null, 'allow'])
  })

  it('are in force from the next call on, from their date on, until theirs, and while they are enabled', () => {
    const law = lawOf()
    assert.equal(law.screen(anOffer()).allowed, true)
    law.apply(ruleChange(aRule('r', ALWAYS)))
    assert.equal(law.screen(anOffer()).allowed, false)
    law.apply(ruleChange(aRule('r', ALWAYS, { enabled: false })))
    assert.equal(law.screen(anOffer()).allowed, true)
    law.apply(ruleChange(aRule('r', ALWAYS)))
    law.apply({ kind: 'compliance-rule', id: 'r' as RuleId, value: null })
    assert.equal(law.screen(anOffer()).allowed, true)
    const dated = aRule('r', ALWAYS, { validFrom: new Date(NOON_MS), validUntil: new Date(NOON_MS + HOUR_MS) })
    const at = (atMs: number) => blocks(dated, anOffer({ atMs }))
    assert.deepEqual(
      [at(NOON_MS - 1), at(NOON_MS), at(NOON_MS + HOUR_MS - 1), at(NOON_MS + HOUR_MS)],
      [false, true, true, false],
    )
  })

  it('are for the calls that every list of their scope names', () => {
    const isFor = (scope: Partial<ComplianceRule['scope']>, over: Partial<ScreeningRequest> = {}) =>
      blocks(aRule('r', ALWAYS, { scope }), anOffer(over))
    assert.equal(isFor({ sellers: ['seller' as AccountId] }), true)
    assert.equal(isFor({ sellers: ['other' as AccountId] }), false)
    assert.equal(isFor({ numbers: ['number' as NumberId] }), true)
    assert.equal(isFor({ numbers: ['other' as NumberId] }), false)
    assert.equal(isFor({ verticals: ['Insurance'] }), true)
    assert.equal(isFor({ verticals: ['legal'] }), false)
    assert.equal(isFor({ states: ['NY'] }), true)
    assert.equal(isFor({ states: ['TX'] }), false)
    assert.equal(isFor({ states: ['NY'] }, { ani: null }), false)
    assert.equal(isFor({ legs: ['transfer'] }), false)
    assert.equal(isFor({ legs: ['transfer', 'inbound'], states: ['NY'], verticals: ['insurance'] }), true)
    assert.equal(isFor({ legs: ['inbound'], states: ['TX'] }), false)
  })

  it('take the named buyers’ and campaigns’ bids out, and leave the call to others', () => {
    const scope = { buyers: ['b' as AccountId], campaigns: ['c' as CampaignId] }
    const verdict = lawOf(aRule('r', ALWAYS, { scope })).screen(anOffer())
    assert.equal(verdict.allowed, true)
    assert.deepEqual(verdict.exclusions, [scope])
    assert.equal(verdict.checks.at(-1)!.effect, 'advisory')
    assert.equal(verdict.checks.at(-1)!.version, '1', 'which edition of the rule spoke')
    assert.equal(lawOf(aRule('r', ALWAYS, { scope, effect: 'warn' })).screen(anOffer()).exclusions, null)
  })

  it('judge hours at every place the consumer may be', () => {
    const week = [nine, nine, nine, nine, nine, null, null]
    const hours = aRule('h', { type: 'calling_hours', week, callsOnHolidays: false })
    const at = (time: string, over: Partial<ScreeningRequest> = {}) =>
      blocks(hours, anOffer({ atMs: Date.parse(time), ...over }))
    assert.equal(at('2026-11-20T17:00:00Z'), false)
    assert.equal(at('2026-11-20T13:59:59Z'), true) // 8:59:59 in New York
    assert.equal(at('2026-11-20T22:00:00Z'), true) // 17:00:00
    assert.equal(at('2026-11-21T17:00:00Z'), true) // Saturday
    assert.equal(at('2026-11-26T17:00:00Z'), true) // Thanksgiving
    // Both zones of Florida's 850: 17:30 in the east, 16:30 in the west.
    const panhandle = { ani: '+18505550123' as ScreeningRequest['ani'] }
    assert.equal(at('2026-11-20T21:30:00Z', panhandle), false)
    assert.equal(at('2026-11-20T22:30:00Z', panhandle), true)
    assert.equal(at('2026-11-20T17:00:00Z', { ani: null }), true)
  })

  it('judge lists, places, attestations and consents', () => {
    const law = lawOf(aRule('d', { type: 'dnc', lists: ['internal'] }))
    assert.equal(law.screen(anOffer()).allowed, true)
    law.apply({ kind: 'dnc', list: 'internal', add: [numberIn('NY')], remove: [] })
    assert.equal(law.screen(anOffer()).allowed, false)

    const against = (terms: RuleTerms, over: Partial<ScreeningRequest> = {}) => blocks(aRule('r', terms), anOffer(over))
    assert.equal(against({ type: 'geography', against: 'in', states: ['NY'] }), true)
    assert.equal(against({ type: 'geography', against: 'in', states: ['NJ'] }), false)
    assert.equal(against({ type: 'geography', against: 'in', states: ['NY'] }, { ani: null }), false)
    assert.equal(against({ type: 'geography', against: 'outside', states: ['NY'] }), false)
    assert.equal(against({ type: 'geography', against: 'outside', states: ['NJ'] }), true)
    assert.equal(against({ type: 'geography', against: 'outside', states: ['NJ'] }, { ani: null }), true)

    const attested = { type: 'attestation', minimum: 'B', missing: false } as const
    assert.equal(against(attested, { attestation: 'A' }), false)
    assert.equal(against(attested, { attestation: 'B' }), false)
    assert.equal(against(attested, { attestation: 'C' }), true)
    assert.equal(against(attested), false)
    assert.equal(against({ ...attested, missing: true }), true)

    const consented = { type: 'consent', maxAgeHours: 24, needsCertificate: true } as const
    const consent = givenConsent({ givenAtMs: NOON_MS - 24 * HOUR_MS, certificates: ['jornaya'] })
    assert.equal(against(consented), true)
    assert.equal(against(consented, { consent }), false)
    assert.equal(against(consented, { consent: { ...consent, givenAtMs: NOON_MS - 24 * HOUR_MS - 1 } }), true)
    assert.equal(against(consented, { consent: { ...consent, givenAtMs: null } }), true)
    assert.equal(against(consented, { consent: { ...consent, certificates: [] } }), true)
  })

  it('count a consumer’s calls, of all or of like ones', () => {
    const of = (per: 'consumer' | 'vertical' | 'seller' | 'number') => {
      const law = lawOf(aRule('f', { type: 'frequency', calls: 2, hours: 48, per }))
      return {
        law,
        take(over: Partial<ScreeningRequest>) {
          const request = anOffer(over)
          const { allowed } = law.screen(request)
          law.count(request)
          return allowed
        },
      }
    }
    const legal = { sellerId: 'seller', numberId: 'other', vertical: 'legal', tags: {} }
    const any = of('consumer')
    assert.deepEqual([any.take({}), any.take({ offer: legal }), any.take({})], [true, true, false])
    assert.equal(any.take({ ani: numberIn('TX') }), true)
    assert.equal(any.take({ atMs: NOON_MS + 48 * HOUR_MS }), true) // Those of two days ago are over.
    for (const [per, isAlike] of [
      ['vertical', false],
      ['seller', true],
      ['number', false],
    ] as const) {
      const like = of(per)
      assert.deepEqual([like.take({}), like.take({}), like.take({ offer: legal })], [true, true, !isAlike], per)
    }
  })

  it('speak against what they cannot judge', () => {
    const rule = aRule('r', { type: 'expression', expression: 'tags["source"] == "tv"' })
    const verdict = lawOf(rule).screen(anOffer())
    assert.equal(verdict.allowed, false)
    assert.match(verdict.text, /cannot be judged: No such key: source/)
    // One that an earlier version of the program took, and this one cannot read: the book must load all the same.
    const unreadable = lawOf(aRule('r', { type: 'expression', expression: 'old(' })).screen(anOffer())
    assert.equal(unreadable.allowed, false)
    assert.match(unreadable.text, /cannot be read/)
  })

  it('try themselves out on the calls of a past time, in their order', () => {
    const law = lawOf()
    const judge = law.tryRule(
      aRule('f', { type: 'frequency', calls: 1, hours: 1, per: 'consumer' }, { enabled: false }),
    )
    const seen = [0, 1, 2].map((i) => judge(anOffer({ atMs: NOON_MS + i * 40 * 60_000 })))
    assert.deepEqual(seen, [false, true, true])
    const elsewhere = law.tryRule(aRule('g', ALWAYS, { scope: { states: ['TX'] } }))
    assert.equal(elsewhere(anOffer()), null)
    assert.equal(law.screen(anOffer()).allowed, true)
    assert.equal(law.ruleCount(), 0)
  })

  const terms: fc.Arbitrary<RuleTerms> = fc.oneof(
    fc.constantFrom<RuleTerms>(
      ALWAYS,
      { type: 'expression', expression: 'hour >= 12' },
      { type: 'expression', expression: 'calls_24h > 0' },
      { type: 'dnc', lists: ['internal'] },
      { type: 'geography', against: 'in', states: ['FL', 'TX'] },
      { type: 'geography', against: 'outside', states: ['FL', 'NY'] },
      { type: 'attestation', minimum: 'B', missing: true },
      { type: 'consent', maxAgeHours: null, needsCertificate: false },
      { type: 'frequency', calls: 1, hours: 24, per: 'vertical' },
      { type: 'calling_hours', week: Array.from({ length: 7 }, () => nine), callsOnHolidays: true },
    ),
  )
  const rule = fc.record({
    terms,
    effect: fc.constantFrom<RuleEffect>('block', 'warn', 'log', 'require_consent'),
    priority: fc.integer({ min: -2, max: 2 }),
    enabled: fc.boolean(),
    states: fc.subarray(['NY', 'FL', 'TX']),
    legs: fc.subarray(['inbound', 'transfer', 'outbound'] as const),
    buyers: fc.subarray(['b1', 'b2'] as AccountId[]),
  })
  const market = fc.record({
    rules: fc.array(rule, { maxLength: 8 }),
    order: fc.infiniteStream(fc.nat()),
    state: fc.constantFrom('NY', 'FL', 'TX', 'CA'),
    trafficType: fc.constantFrom('inbound', 'transfer', 'outbound'),
    hoursLater: fc.integer({ min: 0, max: 48 }),
    attestation: fc.constantFrom('A', 'C', null),
    listed: fc.boolean(),
    called: fc.nat({ max: 4 }),
  })
  const made = (list: readonly (typeof rule extends fc.Arbitrary<infer R> ? R : never)[]): ComplianceRule[] =>
    list.map(({ terms: asked, effect, priority, enabled, states, legs, buyers }, i) =>
      aRule(`r${i}`, asked, { effect, priority, enabled, scope: { states, legs, buyers } }),
    )
  const asked = ({
    state,
    trafficType,
    hoursLater,
    attestation,
  }: typeof market extends fc.Arbitrary<infer M> ? M : never) =>
    anOffer({
      ani: numberIn(state),
      trafficType,
      atMs: NOON_MS + hoursLater * HOUR_MS,
      attestation: attestation as ScreeningRequest['attestation'],
    } as Partial<ScreeningRequest>)
  const ready = (rules: readonly ComplianceRule[], scene: typeof market extends fc.Arbitrary<infer M> ? M : never) => {
    const law = lawOf(...rules)
    if (scene.listed) law.apply({ kind: 'dnc', list: 'internal', add: [numberIn(scene.state)], remove: [] })
    for (let i = 0; i < scene.called; i++) law.count(asked(scene))
    return law
  }

  it('never allow more for one that is added (1,000 markets)', () => {
    fc.assert(
      fc.property(market, rule, (scene, one) => {
        const before = ready(made(scene.rules), scene).screen(asked(scene))
        const after = ready(made([...scene.rules, one]), scene).screen(asked(scene))
        if (!before.allowed) assert.equal(after.allowed, false)
        assert.ok((after.exclusions?.length ?? 0) >= (before.exclusions?.length ?? 0))
      }),
      { numRuns: 1000 },
    )
  })

  it('give the same verdict, word for word, in whatever order they came (1,000 markets)', () => {
    fc.assert(
      fc.property(market, (scene) => {
        const rules = made(scene.rules)
        const [...stream] = take(scene.order, rules.length)
        const shuffled = rules
          .map((each, i) => ({ each, key: stream[i]! }))
          .toSorted((a, b) => a.key - b.key)
          .map(({ each }) => each)
        assert.deepEqual(ready(shuffled, scene).screen(asked(scene)), ready(rules, scene).screen(asked(scene)))
      }),
      { numRuns: 1000 },
    )
  })
})

function take<T>(stream: fc.Stream<T>, count: number): T[] {
  return [...stream.take(count)]
}
