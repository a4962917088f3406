import assert from 'node:assert/strict'
import { DoNotCall } from '../../compliance/do-not-call.ts'
import { CHECKS, MAX_TRANSFER_AGE_MS, screenCall, type Check } from '../../compliance/screen-call.ts'
import type { DncList } from '../../model/dnc.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import type { TrafficType } from '../../model/trunk.ts'
import { Enforcement } from '../../compliance/enforcement.ts'
import { aRule, ruleChange } from '../support/compliance-rules.ts'
import { compliance, instant, numberIn, number } from './support.ts'

const ET = 'America/New_York'
const noon = instant(ET, '2026-11-20T12:00:00')
const night = instant(ET, '2026-11-20T23:00:00')
const caller = numberIn('NY')
const LEGS = ['inbound', 'transfer', 'outbound'] as const

function listed(list: DncList, ...add: PhoneNumber[]) {
  const law = compliance()
  law.apply({ kind: 'dnc', list, add, remove: [] })
  return law
}

const call = (trafficType: TrafficType, atMs: number, ani: PhoneNumber | null = caller) => ({
  ani,
  zip: null,
  trafficType,
  atMs,
})

describe('screening', () => {
  it('records every check, in the order of the policy', () => {
    assert.deepEqual(
      CHECKS.map((check) => check.name),
      [
        'blocked-caller',
        'litigator',
        'internal-do-not-call',
        'national-do-not-call',
        'state-do-not-call',
        'calling-hours',
        'call-frequency',
        'consent',
        'reassigned-number',
      ],
    )
    const verdict = compliance().screen(call('outbound', noon))
    assert.equal(verdict.allowed, true)
    assert.equal(verdict.effect, 'allow')
    assert.equal(verdict.rule, null)
    assert.deepEqual(
      verdict.checks.map(({ check, effect }) => [check, effect]),
      // No state there limits how often a person is called, and there are no lists but the house's.
      ['blocked-caller', 'internal-do-not-call', 'calling-hours'].map((name) => [name, 'allow']),
    )
    for (const { source, detail, rule } of verdict.checks) assert.ok(source && detail && rule)
  })

  it('refuses blocked callers on every leg', () => {
    const law = listed('blocked', caller)
    for (const leg of LEGS) {
      const verdict = law.screen(call(leg, noon))
      assert.equal(verdict.allowed, false, leg)
      assert.equal(verdict.rule, 'blocked-caller')
      assert.equal(verdict.effect, 'block')
    }
  })

  it('enforces do-not-call and hours on transfer and outbound, and advises on inbound', () => {
    const law = listed('internal', caller)
    for (const [verdictAt, rule] of [
      [law.screen(call('inbound', noon)), 'internal-do-not-call'],
      [compliance().screen(call('inbound', night)), 'calling-hours:US'],
    ] as const) {
      assert.equal(verdictAt.allowed, true)
      assert.equal(verdictAt.effect, 'advisory')
      assert.equal(verdictAt.rule, rule)
    }
    for (const leg of ['transfer', 'outbound'] as const) {
      assert.equal(law.screen(call(leg, noon)).rule, 'internal-do-not-call')
      assert.equal(law.screen(call(leg, noon)).allowed, false)
      const late = compliance().screen(call(leg, night))
      assert.equal(late.allowed, false)
      assert.equal(late.rule, 'calling-hours:US')
      assert.equal(late.text, 'NY, America/New_York: 23:00, calls 08:00 to 21:00')
    }
  })

  it('reports by one precedence: blocked, then do-not-call, then hours', () => {
    const law = listed('internal', caller)
    assert.equal(law.screen(call('outbound', night)).rule, 'internal-do-not-call')
    law.apply({ kind: 'dnc', list: 'blocked', add: [caller], remove: [] })
    const verdict = law.screen(call('outbound', night))
    assert.equal(verdict.rule, 'blocked-caller')
    assert.deepEqual(
      verdict.checks.map((check) => check.effect),
      ['block', 'block', 'block'],
    )
    assert.deepEqual(
      law.screen(call('inbound', night)).checks.map((check) => check.effect),
      ['block', 'advisory', 'advisory'],
    )
  })

  it('reports a block before an advice that came earlier', () => {
    const advice: Check = {
      name: 'a',
      binds: 'calling_hours',
      judge: () => ({ against: true, rule: 'a', source: 's', detail: 'd' }),
    }
    const block: Check = {
      ...advice,
      name: 'b',
      binds: 'always',
      judge: () => ({ against: true, rule: 'b', source: 's', detail: 'd' }),
    }
    const book = {
      rules: { isEmpty: true },
      doNotCall: new DoNotCall(),
      hours: { locate: () => ({ places: [], evidence: 'none' }) },
      enforcement: new Enforcement(),
    } as unknown as Parameters<typeof screenCall>[1]
    assert.equal(screenCall(call('inbound', noon), book, [advice, block, { ...block, name: 'c' }]).rule, 'b')
    assert.equal(
      screenCall(call('inbound', noon), book, [
        advice,
        { ...advice, judge: () => ({ against: true, rule: 'z', source: 's', detail: 'd' }) },
      ]).rule,
      'a',
    )
    assert.equal(screenCall(call('inbound', noon), book, []).allowed, true)
  })

  it('follows the lists as they change, applying a change twice included', () => {
    const law = compliance()
    const other = number('+442071234567')
    const add = { kind: 'dnc', list: 'internal', add: [caller, other], remove: [] } as const
    law.apply(add)
    law.apply(add)
    assert.equal(law.stats().internal.numbers, 2)
    assert.equal(law.stats().blocked.numbers, 0)
    assert.equal(law.screen(call('outbound', noon)).allowed, false)
    const remove = { kind: 'dnc', list: 'internal', add: [], remove: [caller] } as const
    law.apply(remove)
    law.apply(remove)
    assert.equal(law.screen(call('outbound', noon)).allowed, true)
    assert.equal(law.stats().internal.numbers, 1)
    law.apply({ kind: 'dnc', list: 'internal', add: [caller], remove: [caller] })
    assert.equal(law.screen(call('outbound', noon)).allowed, false, 'both at once: listed')
    law.apply({ kind: 'trunk', id: 'x' as never, value: null })
  })

  it('lets an anonymous caller in, but not through where hours bind, unless the policy says so', () => {
    assert.equal(compliance().screen(call('inbound', noon, null)).allowed, true)
    const verdict = compliance().screen(call('transfer', noon, null))
    assert.equal(verdict.allowed, false)
    assert.equal(verdict.rule, 'calling-hours:unknown-location')
    assert.equal(verdict.text, 'the place of the consumer is unknown')
    const open = compliance({ unknownLocation: 'allow' }).screen(call('transfer', noon, null))
    assert.equal(open.allowed, true)
    assert.equal(open.rule, null)
    assert.equal(
      compliance().screen({ ...call('transfer', noon, null), zip: '10001' }).allowed,
      true,
      'the ZIP says where',
    )
  })

  it('judges no hours when they are turned off, but still the lists', () => {
    const law = compliance({ tcpaEnabled: false })
    assert.equal(law.screen(call('outbound', night)).allowed, true)
    const answer = law.judgeHours({ phoneNumber: caller, time: new Date(night), zip: null, leg: 'outbound' })
    assert.equal(answer.allowed, false, 'what the hours alone say')
    assert.equal(answer.effect, 'allow')
    law.apply({ kind: 'dnc', list: 'internal', add: [caller], remove: [] })
    assert.equal(law.screen(call('outbound', night)).allowed, false)
  })

  it('judges a transfer when the seller called the person, if that is credible', () => {
    const law = compliance()
    const end = instant(ET, '2026-11-20T21:00:00')
    const at = end + 10 * 60_000
    const screen = (trafficType: TrafficType, originatedAtMs: number | null) =>
      law.screen({ ...call(trafficType, at), originatedAtMs }).allowed
    assert.equal(screen('transfer', end - 1), true)
    assert.equal(screen('transfer', end), false)
    assert.equal(screen('transfer', null), false)
    assert.equal(screen('outbound', end - 1), false, 'only transfers')
    assert.equal(screen('transfer', at - MAX_TRANSFER_AGE_MS), true)
    assert.equal(screen('transfer', at - MAX_TRANSFER_AGE_MS - 1), false, 'too long ago')
    const morning = instant(ET, '2026-11-20T07:00:00')
    assert.equal(
      law.screen({ ...call('transfer', morning), originatedAtMs: morning + 3_600_000 }).allowed,
      false,
      'in the future',
    )
    assert.equal(screen('transfer', NaN), false)
  })

  it('never puts a full number into its records', () => {
    const law = listed('internal', caller)
    law.apply({ kind: 'dnc', list: 'blocked', add: [caller], remove: [] })
    assert.doesNotMatch(JSON.stringify(law.screen(call('outbound', night))), /2125550123/)
  })

  it('judges again by the place a caller has named, its limit of calls included, and counts no call against itself', () => {
    const offer = { sellerId: 's', numberId: 'n', vertical: 'insurance', tags: {} }
    const asked = { ...call('transfer', noon), offer }
    const again = (earlier: number, expression = 'false') => {
      const law = compliance()
      const terms = { type: 'expression', expression } as const
      law.apply(ruleChange(aRule('r', terms, { effect: 'block' })))
      for (let i = 0; i <= earlier; i++) law.count(asked) // The last is the call itself.
      return law.screenAgain({ ...asked, ivrZip: '33101' }).rule
    }
    assert.equal(again(2), null)
    assert.equal(again(3), 'call-frequency:FL')
    assert.equal(again(2, 'calls_24h >= 3'), null)
    assert.equal(again(2, 'calls_24h >= 2'), 'rule:r')
  })
})
