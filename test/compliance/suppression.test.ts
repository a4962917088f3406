import assert from 'node:assert/strict'
import type { ScreeningRequest } from '../../compliance/screening-request.ts'
import { pack } from '../../model/area-numbers.ts'
import { newId, type AccountId, type SuppressionListId } from '../../model/ids.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import { areaOf, localOf, type SuppressionList } from '../../model/suppression-list.ts'
import { compliance, number, numberIn } from './support.ts'

const NOON = Date.parse('2026-11-20T18:00:00Z')
const DAY_MS = 86_400_000
const BUYER = newId<AccountId>()

function aList(name: string, changes: Partial<SuppressionList> = {}): SuppressionList {
  const at = new Date(NOON)
  return {
    id: newId<SuppressionListId>(),
    accountId: newId<AccountId>(),
    name,
    kind: 'national',
    source: 'the law',
    state: null,
    versionDate: new Date(NOON - 10 * DAY_MS),
    expiresAfterDays: 31,
    whenExpired: 'refuse',
    lookup: null,
    numbers: 0,
    revision: 0,
    replacedAt: 0,
    version: 1,
    createdAt: at,
    updatedAt: at,
    ...changes,
  }
}

/** A law that holds these lists, each with its numbers. */
function lawOf(...lists: [SuppressionList, readonly PhoneNumber[]][]) {
  const law = compliance()
  for (const [list, numbers] of lists) {
    law.apply({ kind: 'suppression-list', id: list.id, value: list })
    const areas = [...new Set(numbers.map(areaOf))].map((area) => ({
      area,
      packed: pack(Uint32Array.from(numbers.filter((each) => areaOf(each) === area).map(localOf)).toSorted()),
    }))
    const loaded = { ...list, revision: 1, replacedAt: 1, numbers: numbers.length }
    law.suppression.take({ list: loaded, isWhole: true, areas, damage: null })
  }
  return law
}

const call = (ani: PhoneNumber | null, changes: Partial<ScreeningRequest> = {}): ScreeningRequest => ({
  ani,
  zip: null,
  trafficType: 'transfer',
  atMs: NOON,
  ...changes,
})

const TX = numberIn('TX')
const FL = numberIn('FL')

describe('do-not-call lists of numbers', () => {
  it('refuse a call to a consumer on the national list, and only advise on one the consumer made', () => {
    const law = lawOf([aList('ftc'), [TX]])
    const verdict = law.screen(call(TX))
    assert.deepEqual([verdict.allowed, verdict.rule], [false, 'national-do-not-call'])
    const check = verdict.checks.find((each) => each.check === 'national-do-not-call')!
    assert.deepEqual([check.source, check.detail], ['47 CFR 64.1200(c)(2)', 'listed: ftc of 2026-11-10'])
    const inbound = law.screen(call(TX, { trafficType: 'inbound' }))
    assert.deepEqual([inbound.allowed, inbound.effect, inbound.rule], [true, 'advisory', 'national-do-not-call'])
    const other = law.screen(call(FL)).checks.find((each) => each.check === 'national-do-not-call')!
    assert.deepEqual([other.effect, other.detail], ['allow', 'not listed: ftc of 2026-11-10'])
  })

  it('ask no question where there is no list of a kind, or nobody to look up', () => {
    const none = compliance().screen(call(TX))
    assert.ok(!none.checks.some(({ check }) => /national|state-do|litigator|buyer/.test(check)))
    const withheld = lawOf([aList('ftc'), [TX]]).screen(call(null, { trafficType: 'inbound' }))
    assert.ok(!withheld.checks.some(({ check }) => check === 'national-do-not-call'))
  })

  it('refuse, or warn, by a list that is older than it may be, to the millisecond', () => {
    const of = (ageMs: number, changes: Partial<SuppressionList> = {}) =>
      lawOf([aList('ftc', { versionDate: new Date(NOON - ageMs), ...changes }), [FL]]).screen(call(TX))
    assert.ok(of(31 * DAY_MS).allowed)
    const old = of(31 * DAY_MS + 1)
    assert.deepEqual([old.allowed, old.rule], [false, 'national-do-not-call:unknown'])
    const warned = of(31 * DAY_MS + 1, { whenExpired: 'warn' })
    assert.deepEqual([warned.allowed, warned.effect, warned.rule], [true, 'advisory', 'national-do-not-call:unknown'])
    assert.ok(of(400 * DAY_MS, { expiresAfterDays: null }).allowed)
    // Who stands on it is refused by name, however old it is.
    const listed = lawOf([aList('ftc', { versionDate: new Date(0), whenExpired: 'warn' }), [TX]]).screen(call(TX))
    assert.deepEqual([listed.allowed, listed.rule], [false, 'national-do-not-call'])
  })

  it('take a list that was never imported, or whose numbers cannot be read, for one too old', () => {
    const law = compliance()
    const list = aList('ftc', { versionDate: null })
    law.apply({ kind: 'suppression-list', id: list.id, value: list })
    assert.equal(law.screen(call(TX)).rule, 'national-do-not-call:unknown')
    const later = aList('ftc', { revision: 3 })
    const unread = compliance()
    unread.apply({ kind: 'suppression-list', id: later.id, value: later })
    assert.match(unread.screen(call(TX)).text, /not loaded yet/)
    unread.suppression.take({ list: later, isWhole: true, areas: [], damage: 'it is damaged' })
    assert.deepEqual([unread.screen(call(TX)).allowed, unread.screen(call(TX)).text.includes('damaged')], [false, true])
    unread.suppression.take({ list: later, isWhole: true, areas: [], damage: null })
    assert.ok(unread.screen(call(TX)).allowed)
  })

  it('ask a state’s list only of consumers who may be in that state', () => {
    const law = lawOf([
      aList('texas', { kind: 'state', state: 'TX', source: 'Tex. Bus. & Com. Code 304.051' }),
      [TX, FL],
    ])
    const inTexas = law.screen(call(TX))
    assert.deepEqual([inTexas.allowed, inTexas.rule], [false, 'state-do-not-call'])
    const inFlorida = law.screen(call(FL))
    assert.ok(inFlorida.allowed && !inFlorida.checks.some(({ check }) => check === 'state-do-not-call'))
    // A ZIP says where the consumer is, whatever the number.
    const moved = law.screen(call(FL, { zip: '75201' }))
    assert.deepEqual([moved.allowed, moved.rule], [false, 'state-do-not-call'])
  })

  it('never sell calls of litigators and blocked callers, also those they make', () => {
    for (const [kind, rule] of [
      ['litigator', 'litigator'],
      ['blocked', 'blocked-caller'],
    ] as const) {
      const law = lawOf([aList('l', { kind, expiresAfterDays: null }), [TX]])
      const verdict = law.screen(call(TX, { trafficType: 'inbound' }))
      assert.deepEqual([verdict.allowed, verdict.rule], [false, rule])
      assert.ok(law.screen(call(FL, { trafficType: 'inbound' })).allowed)
    }
  })

  it('keep a buyer’s own list to that buyer', () => {
    const own = aList('own', { kind: 'buyer', accountId: BUYER, expiresAfterDays: null })
    const law = lawOf([own, [TX]])
    const verdict = law.screen(call(TX))
    assert.ok(verdict.allowed)
    assert.deepEqual(verdict.exclusions, [{ buyers: [BUYER], campaigns: [], reason: 'buyer_do_not_call' }])
    assert.equal(law.screen(call(FL)).exclusions, null)
  })

  it('are what rules of the operator’s may name, and a name that is none speaks against the call', () => {
    const law = lawOf([aList('partners', { kind: 'buyer', accountId: BUYER, expiresAfterDays: null }), [TX]])
    const at = new Date(NOON)
    const rule = (lists: readonly string[]) =>
      law.tryRule({
        id: newId(),
        accountId: newId(),
        name: 'r',
        source: 's',
        effect: 'block',
        priority: 0,
        enabled: true,
        validFrom: null,
        validUntil: null,
        scope: { sellers: [], numbers: [], verticals: [], states: [], legs: [], buyers: [], campaigns: [] },
        terms: { type: 'dnc', lists },
        changedBy: 'test',
        version: 1,
        createdAt: at,
        updatedAt: at,
      })
    assert.deepEqual([rule(['partners'])(call(TX)), rule(['partners'])(call(FL))], [true, false])
    assert.equal(rule(['gone'])(call(FL)), true)
  })

  it('change all at once: what was taken replaces, adds to or leaves the numbers of before, and older news changes nothing', () => {
    const list = aList('ftc')
    const law = lawOf([list, [TX, FL]])
    const has = (each: PhoneNumber) => law.suppression.find('ftc')!.has(each)
    const area = { area: areaOf(FL), packed: pack(new Uint32Array()) }
    law.suppression.take({ list: { ...list, revision: 2 }, isWhole: false, areas: [area], damage: null })
    assert.deepEqual([has(TX), has(FL)], [true, false])
    law.suppression.take({ list: { ...list, revision: 1 }, isWhole: true, areas: [], damage: null })
    assert.ok(has(TX))
    law.apply({ kind: 'suppression-list', id: list.id, value: { ...list, revision: 3, whenExpired: 'warn' } })
    const held = law.suppression.find('ftc')!
    assert.deepEqual([held.list.revision, held.list.whenExpired, has(TX)], [2, 'warn', true])
    law.apply({ kind: 'suppression-list', id: list.id, value: null })
    assert.equal(law.suppression.find('ftc'), undefined)
    law.suppression.take({ list: { ...list, revision: 4 }, isWhole: true, areas: [], damage: null })
    assert.equal(law.suppression.size, 0)
  })

  it('hold numbers of other countries', () => {
    const list = aList('abroad', { kind: 'litigator' })
    const law = lawOf([list, []])
    const london = number('+442071234567')
    const areas = [{ area: 0, packed: Buffer.from(`${london}\n`) }]
    law.suppression.take({ list: { ...list, revision: 2 }, isWhole: false, areas, damage: null })
    assert.equal(law.screen(call(london, { trafficType: 'inbound' })).rule, 'litigator')
  })
})
