import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import type { Frequency } from '../../model/bid.ts'
import type { CampaignId, TargetId } from '../../model/ids.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import { CallerHistory, type Contact } from '../../routing/caller-history.ts'

const HOUR = 3_600_000
const caller = (n: number): PhoneNumber => `+1212${String(n).padStart(7, '0')}` as PhoneNumber
const [C, T] = ['c' as CampaignId, 't' as TargetId]
const contact = (atMs: number, changes: Partial<Contact> = {}): Contact => ({
  atMs,
  campaignId: C,
  targetId: T,
  isConverted: false,
  ...changes,
})
const once = (hours: number, more: Partial<Frequency> = {}): Frequency => ({ calls: 1, hours, ...more })

describe('the callers of a buyer', () => {
  it('are counted as a look through all calls would, whatever the rule', () => {
    const call = fc.record({
      ani: fc.constantFrom(caller(1), caller(2)),
      atMs: fc.integer({ min: 0, max: 72 }).map((hours) => hours * HOUR),
      campaignId: fc.constantFrom(...(['c1', 'c2'] as CampaignId[])),
      targetId: fc.constantFrom(...(['t1', 't2'] as TargetId[])),
      isConverted: fc.boolean(),
    })
    const rule = fc.record({
      calls: fc.integer({ min: 1, max: 4 }),
      hours: fc.integer({ min: 1, max: 48 }),
      after: fc.constantFrom('connected', 'converted'),
      per: fc.constantFrom('campaign', 'target', 'buyer'),
    }) as fc.Arbitrary<Frequency>
    fc.assert(
      fc.property(fc.array(call, { maxLength: 40 }), fc.array(rule, { minLength: 1, maxLength: 3 }), (calls, rules) => {
        const history = new CallerHistory()
        for (const { hours } of rules) history.keep(hours)
        const ordered = calls.toSorted((a, b) => a.atMs - b.atMs)
        for (const { ani, ...one } of ordered) history.add(ani, one)
        const now = (ordered.at(-1)?.atMs ?? 0) + HOUR / 2
        for (const one of rules) {
          const counted = ordered.filter(
            (past) =>
              past.ani === caller(1) &&
              past.atMs > now - one.hours * HOUR &&
              (one.after === 'connected' || past.isConverted) &&
              (one.per === 'buyer' || (one.per === 'target' ? past.targetId === 't1' : past.campaignId === 'c1')),
          )
          const found = history.isExhausted(caller(1), one, 'c1' as CampaignId, 't1' as TargetId, now)
          assert.equal(found, counted.length >= one.calls)
        }
      }),
      { numRuns: 2000 },
    )
  })

  it('are forgotten once they no longer matter', () => {
    const history = new CallerHistory()
    history.keep(1)
    for (let n = 0; n < 100_000; n++) {
      history.add(caller(n), contact(n * 1000)) // An hour's worth is 3,600.
      assert.ok(history.size <= 2 * 3600 + 1, `${history.size} callers remembered`)
    }
    assert.equal(history.isExhausted(caller(99_999), once(1), C, T, 100_000_000), true)
    assert.equal(history.isExhausted(caller(1), once(1), C, T, 100_000_000), false)
  })

  it('are no more than their limit: whoever has called least lately is forgotten', () => {
    const history = new CallerHistory(3)
    history.keep(10)
    for (const n of [1, 2, 3, 1, 4]) history.add(caller(n), contact(n))
    assert.equal(history.size, 3)
    const known = [1, 2, 3, 4].filter((n) => history.isExhausted(caller(n), once(1), C, T, 5))
    assert.deepEqual(known, [1, 3, 4])
  })

  it('are not remembered while no rule asks', () => {
    const history = new CallerHistory()
    history.add(caller(1), contact(1))
    assert.equal(history.size, 0)
  })

  it('lose the call that was given back', () => {
    const history = new CallerHistory()
    history.keep(2)
    const [first, second] = [contact(10), contact(HOUR)]
    history.add(caller(1), first)
    history.add(caller(1), second)
    history.remove(caller(1), first)
    history.remove(caller(1), first)
    history.remove(caller(2), second)
    assert.equal(history.isExhausted(caller(1), once(2), C, T, HOUR), true)
    history.remove(caller(1), second)
    assert.equal(history.size, 0)
  })
})
