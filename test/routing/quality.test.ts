import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import type { AccountId, CampaignId, TargetId } from '../../model/ids.ts'
import { newId } from '../../model/ids.ts'
import { OUTCOME_KINDS, type Outcome, type OutcomeKind } from '../../model/outcome.ts'
import { DecayedCounts, REMEMBERED_MS, STEP_MS } from '../../routing/decayed-counts.ts'
import { AllOutcomes, toQuality, type TargetOutcomes } from '../../routing/quality.ts'
import { createRouting } from '../../routing/route-call.ts'
import { aBid, aRequest, dollars, marketOf, NOON } from '../support/market.ts'

const DAY_MS = 86_400_000

function outcome(kind: OutcomeKind, target: string, changes: Partial<Outcome> = {}): Outcome {
  const ids = { targetId: target as TargetId, campaignId: 'campaign' as CampaignId, sellerId: 'seller' as AccountId }
  return { kind, atMs: NOON, ...ids, ...changes }
}

/** So many attempts, of which so many were answered, billed, short, complained of. */
function record(target: string, [attempted, answered, billed, short, complained]: readonly number[]): Outcome[] {
  const counts = { attempted, answered, billed, short, complained }
  return Object.entries(counts).map(([kind, count]) => outcome(kind as OutcomeKind, target, { count: count! }))
}

function learned(outcomes: readonly Outcome[], mostTargets?: number) {
  const all = new AllOutcomes(mostTargets)
  const targets = new Map<string, { outcomes: TargetOutcomes | null }>()
  for (const { targetId, atMs, kind, count = 1 } of outcomes) {
    if (!targets.has(targetId)) targets.set(targetId, { outcomes: null })
    all.add(targets.get(targetId)!, atMs, kind, count)
  }
  return { all, of: (target: string) => targets.get(target)?.outcomes ?? null }
}

describe('quality', () => {
  it('is whole thousandths between a half and one and a half', () => {
    const measured: [number, number][] = [
      [NaN, 1000],
      [1.0004, 1000],
      [0.7336, 734],
      [0, 500],
      [-1, 500],
      [9, 1500],
      [Infinity, 1500],
    ]
    for (const [value, thousandths] of measured) assert.equal(toQuality(value), thousandths)
  })

  it('is 1000 until a target was rung for fifty calls, and for one that is as all are', () => {
    const few = learned([...record('good', [49, 49, 49, 0, 0]), ...record('bad', [100, 10, 1, 5, 1])])
    assert.equal(few.of('good')!.quality(NOON), 1000)
    assert.equal(few.of('good')!.describe(NOON).isMeasured, false)
    assert.ok(few.of('bad')!.quality(NOON) < 1000)
    assert.equal(
      learned(record('only', [1000, 500, 250, 50, 10]))
        .of('only')!
        .quality(NOON),
      1000,
    )
  })

  it('goes by each of answers, conversions, short calls and complaints', () => {
    const usual = [1000, 600, 300, 60, 15]
    const better = [
      [1000, 900, 450, 90, 22], // Answered.
      [1000, 600, 450, 60, 22], // Billed.
      [1000, 600, 300, 0, 15], // Not short.
      [1000, 600, 300, 60, 0], // Not complained of.
    ]
    for (const counts of better) {
      const { of } = learned([...record('usual', usual), ...record('better', counts)])
      assert.ok(of('better')!.quality(NOON) > 1000, counts.join())
      assert.ok(of('usual')!.quality(NOON) < 1000, counts.join())
    }
  })

  it('forgets: after three days a call counts a half, after twenty-four none', () => {
    const { of } = learned(record('target', [1000, 500, 250, 0, 0]))
    assert.equal(of('target')!.describe(NOON).attempts, 1000)
    assert.equal(of('target')!.describe(NOON + 3 * DAY_MS).attempts, 500)
    assert.equal(of('target')!.describe(NOON + REMEMBERED_MS + STEP_MS).attempts, 0)
  })

  it('keeps the targets that had calls last, and no more than its limit', () => {
    const { all, of } = learned(
      ['a', 'b', 'a', 'c'].map((target) => outcome('attempted', target)),
      2,
    )
    assert.equal(all.size, 2)
    assert.deepEqual(
      ['a', 'b', 'c'].map((target) => of(target) !== null),
      [true, false, true],
    )
  })

  const events = fc.array(
    fc.record({
      kind: fc.nat({ max: OUTCOME_KINDS.length - 1 }),
      atMs: fc.integer({ min: NOON - REMEMBERED_MS + 2 * STEP_MS, max: NOON }),
      count: fc.integer({ min: 1, max: 1000 }),
    }),
    { maxLength: 60 },
  )

  it('comes out the same to the last bit in whatever order it was learned, one by one or by steps', () => {
    fc.assert(
      fc.property(events, fc.integer({ min: 0, max: 30 * DAY_MS }), (list, later) => {
        const one = new DecayedCounts(OUTCOME_KINDS.length)
        const other = new DecayedCounts(OUTCOME_KINDS.length)
        for (const { kind, atMs, count } of list) {
          one.add(atMs, kind, count)
          one.read(NOON + later) // Asking changes nothing.
        }
        for (const { kind, atMs, count } of list.toReversed()) {
          for (let i = 0; i < count % 3; i++) other.add(Math.floor(atMs / STEP_MS) * STEP_MS, kind)
          other.add(atMs, kind, count - (count % 3))
        }
        assert.deepEqual(one.read(NOON + later), other.read(NOON + later))
      }),
      { numRuns: 1000 },
    )
  })

  it('agrees with what a naive reading of all events comes to', () => {
    fc.assert(
      fc.property(events, fc.integer({ min: 0, max: 10 * DAY_MS }), (list, later) => {
        const counts = new DecayedCounts(OUTCOME_KINDS.length)
        const expected = OUTCOME_KINDS.map(() => 0)
        const step = (ms: number): number => Math.floor(ms / STEP_MS)
        for (const { kind, atMs, count } of list) {
          counts.add(atMs, kind, count)
          const age = step(NOON + later) - step(atMs)
          if (age < 64) expected[kind]! += count * 2 ** (-age / 8)
        }
        for (const [kind, value] of counts.read(NOON + later).entries())
          assert.ok(Math.abs(value - expected[kind]!) <= 1e-4 * (1 + expected[kind]!))
      }),
      { numRuns: 1000 },
    )
  })
})

describe('an auction', () => {
  const market = () => {
    const routing = createRouting({ availableMicros: () => dollars(1000), clock: { now: () => NOON }, newId })
    for (const change of [...marketOf(aBid('a', 10)), ...marketOf(aBid('b', 9))]) routing.apply(change)
    return routing
  }

  it('ranks by what became of calls once they were learned, and says so', () => {
    const routing = market()
    assert.deepEqual(
      routing.auction(aRequest()).awards.map(({ bidId, quality }) => [bidId, quality]),
      [
        ['a', undefined],
        ['b', undefined],
      ],
    )
    for (const one of [...record('a-target', [200, 60, 20, 20, 4]), ...record('b-target', [200, 180, 120, 4, 0])])
      routing.learn(one)
    const [winner, next] = routing.auction(aRequest()).awards
    assert.equal(winner!.bidId, 'b')
    assert.equal(winner!.quality, 1500)
    assert.equal(next!.quality, 500)
    assert.equal(winner!.score, winner!.amountMicros * 1500n)
    assert.ok(winner!.priceMicros <= winner!.amountMicros)
    assert.equal(routing.qualityOf('b-target' as TargetId)!.thousandths, 1500)
    assert.equal(routing.qualityOf('unknown' as TargetId), null)
  })
})
