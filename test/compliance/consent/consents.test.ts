import assert from 'node:assert/strict'
import type { ConsentOptions } from '../../../compliance/consent/consents.ts'
import type { ScreeningRequest } from '../../../compliance/screening-request.ts'
import type { KeptConsent } from '../../../model/consent.ts'
import { newId } from '../../../model/ids.ts'
import { aRule, ruleChange } from '../../support/compliance-rules.ts'
import { aKeptConsent } from '../../support/consents.ts'
import { compliance, instant, numberIn } from '../support.ts'

const NOON_MS = instant('America/New_York', '2026-11-20T12:00:00')
const CALLER = numberIn('NY')
const [SELLER, OTHER] = [newId<never>(), newId<never>()]

function lawOf(options: Partial<ConsentOptions>, ...kept: readonly KeptConsent[]) {
  const law = compliance({
    consent: { isAlwaysAsked: false, acceptsBrought: true, maxInMemory: 1000, ...options },
  })
  if (kept.length > 0) law.apply({ kind: 'consent', kept, gone: [] })
  return law
}

const call = (change: Partial<ScreeningRequest> = {}): ScreeningRequest => ({
  ani: CALLER,
  zip: null,
  trafficType: 'transfer',
  atMs: NOON_MS,
  offer: { sellerId: SELLER, numberId: 'n', vertical: 'solar', tags: {} },
  ...change,
})
const brought = (givenAtMs: number | null) => ({ kind: 'trustedform', token: 'a'.repeat(40), givenAtMs }) as const

describe('consent to a call', () => {
  it('is no question where the exchange keeps none, until it keeps its first', () => {
    const law = lawOf({})
    const before = law.screen(call())
    assert.deepEqual([before.allowed, before.checks.some(({ check }) => check === 'consent')], [true, false])
    law.apply({ kind: 'consent', kept: [aKeptConsent(numberIn('TX'), [OTHER])], gone: [] })
    const after = law.screen(call())
    assert.deepEqual([after.allowed, after.rule], [false, 'consent'])
  })

  it('is enforced on transfers and outbound calls, and not asked of calls that consumers make', () => {
    const law = lawOf({ isAlwaysAsked: true })
    for (const trafficType of ['transfer', 'outbound'] as const) {
      const verdict = law.screen(call({ trafficType }))
      assert.deepEqual([verdict.allowed, verdict.rule, verdict.effect], [false, 'consent', 'block'])
      assert.match(verdict.checks.at(-1)!.source, /^47 CFR 64\.1200/)
    }
    const inbound = law.screen(call({ trafficType: 'inbound' }))
    assert.deepEqual([inbound.allowed, inbound.checks.some(({ check }) => check === 'consent')], [true, false])
  })

  it('only advises, or binds on every leg, where the operator has set it so', () => {
    const consent = { isAlwaysAsked: true, acceptsBrought: true, maxInMemory: 1000 }
    const legs = { inbound: null, transfer: [], outbound: null }
    const advisory = compliance({ consent, enforcement: { policy: 'law', legs } }).screen(call())
    assert.deepEqual([advisory.allowed, advisory.effect, advisory.rule], [true, 'advisory', 'consent'])
    const strict = compliance({ consent, enforcement: { policy: 'strict', legs } }).screen(
      call({ trafficType: 'inbound' }),
    )
    assert.deepEqual([strict.allowed, strict.rule], [false, 'consent'])
  })

  it('says where the consumer is, by the ZIP code that was given with it', () => {
    const late = instant('America/New_York', '2026-11-20T21:30:00')
    const verdictOf = (zip: string | null) =>
      lawOf({}, aKeptConsent(CALLER, [SELLER], { zip })).screen(call({ atMs: late }))
    assert.equal(verdictOf(null).rule, 'calling-hours:US', 'a New York number')
    assert.equal(verdictOf('90210').allowed, true, 'who lives in Beverly Hills')
  })

  it('is that of this consumer, to calls of this seller', () => {
    const named = aKeptConsent(CALLER, [OTHER, SELLER])
    const verdict = lawOf({}, named).screen(call())
    assert.equal(verdict.allowed, true)
    assert.match(verdict.checks.at(-1)!.detail, new RegExp(`^consent ${named.id}, given 2026-01-01`))
    assert.deepEqual(
      verdict.consents?.map(({ id }) => id),
      [named.id],
    )
    const others = lawOf({}, aKeptConsent(CALLER, [OTHER])).screen(call())
    assert.equal(others.allowed, false, 'another seller’s')
    assert.equal(others.consents?.length, 1, 'buyers see it all the same')
    assert.equal(lawOf({}, named).screen(call({ ani: null })).allowed, false, 'a number withheld')
  })

  it('ends with its revocation, from the next call on', () => {
    const named = aKeptConsent(CALLER, [SELLER])
    const law = lawOf({}, named)
    assert.equal(law.screen(call()).allowed, true)
    law.apply({ kind: 'consent', kept: [{ ...named, revokedAtMs: NOON_MS - 60_000 }], gone: [] })
    assert.equal(law.screen(call()).rule, 'consent')
  })

  it('may be the seller’s word: a certificate that the call brings, unless the operator takes none', () => {
    const verdict = lawOf({ isAlwaysAsked: true }).screen(call({ brought: brought(NOON_MS - 60_000) }))
    assert.equal(verdict.allowed, true)
    assert.match(verdict.checks.at(-1)!.detail, /brings a certificate \(trustedform\), given 2026-11-20.*not verified/)
    const strict = lawOf({ isAlwaysAsked: true, acceptsBrought: false })
    assert.equal(strict.screen(call({ brought: brought(NOON_MS - 60_000) })).allowed, false)
    const future = lawOf({ isAlwaysAsked: true }).screen(call({ brought: brought(NOON_MS + 60_000) }))
    assert.equal(future.allowed, false, 'nobody has consented tomorrow')
  })

  it('is not brought against the consumer’s no, unless it is younger', () => {
    const law = lawOf({}, aKeptConsent(CALLER, [OTHER], { revokedAtMs: NOON_MS - 60_000 }))
    for (const [givenAtMs, allowed] of [
      [null, false],
      [NOON_MS - 120_000, false],
      [NOON_MS - 60_000, false],
      [NOON_MS - 30_000, true],
    ] as const)
      assert.equal(law.screen(call({ brought: brought(givenAtMs) })).allowed, allowed, String(givenAtMs))
  })

  it('answers the operator’s rules too, on any leg', () => {
    const terms = { type: 'consent', maxAgeHours: null, needsCertificate: true } as const
    for (const [certificates, allowed] of [
      [[], false],
      [['jornaya'], true],
    ] as const) {
      const law = lawOf({}, aKeptConsent(CALLER, [SELLER], { certificates: [...certificates] }))
      law.apply(ruleChange(aRule('certified', terms)))
      assert.equal(law.screen(call({ trafficType: 'inbound' })).allowed, allowed)
    }
  })
})
