import assert from 'node:assert/strict'
import { BASELINE_MEASURES, OwnBaseline } from '../../../compliance/fraud/features/own-baseline.ts'
import { ARRIVAL_MARKS, END_MARKS } from '../../../compliance/fraud/features/shares.ts'
import { MONDAY_MS } from './support.ts'

const HOUR_MS = 3_600_000
const MIDNIGHT_MS = Date.parse('2026-11-16T00:00:00Z')

function watched() {
  const baseline = new OwnBaseline(2)
  const told = new Float64Array(BASELINE_MEASURES.length)
  return {
    baseline,
    tell: () => {
      baseline.write(1, told, 0)
      return Object.fromEntries(BASELINE_MEASURES.map((name, at) => [name, told[at]!])) as Record<
        (typeof BASELINE_MEASURES)[number],
        number
      >
    },
    /** Calls at an even pace. */
    call: (fromMs: number, untilMs: number, everyMs: number, marks = 0) => {
      for (let at = fromMs; at < untilMs; at += everyMs) baseline.arrived(1, marks, true, at)
    },
    end: (count: number, marks: number) => {
      for (let i = 0; i < count; i++) baseline.ended(1, marks)
    },
  }
}

describe("a subject's own past", () => {
  it('makes a rise of its calls stand out that lasts, and not the rate it always had', () => {
    const { call, tell } = watched()
    call(MONDAY_MS, MONDAY_MS + 10 * HOUR_MS, 30_000)
    assert.equal(tell().rateCusum, 0)
    call(MONDAY_MS + 10 * HOUR_MS, MONDAY_MS + 11 * HOUR_MS, 10_000)
    assert.ok(tell().rateCusum > 10, String(tell().rateCusum))
    // After two quiet hours it is over.
    call(MONDAY_MS + 13.5 * HOUR_MS, MONDAY_MS + 13.6 * HOUR_MS, 30_000)
    assert.equal(tell().rateCusum, 0)
  })

  it('expects of each hour of the day what it usually has', () => {
    const { call, tell } = watched()
    for (let day = 0; day < 10; day++) {
      const from = MIDNIGHT_MS + day * 24 * HOUR_MS
      call(from + 14 * HOUR_MS, from + 22 * HOUR_MS, 60_000)
    }
    const eleventh = MIDNIGHT_MS + 10 * 24 * HOUR_MS
    call(eleventh + 14 * HOUR_MS, eleventh + 16 * HOUR_MS, 60_000)
    const byDay = tell()
    assert.ok(byDay.rateCusum < 5, String(byDay.rateCusum))
    assert.ok(byDay.hourUsual > 2, String(byDay.hourUsual))
    // As many at night are another matter.
    call(eleventh + 27 * HOUR_MS, eleventh + 29 * HOUR_MS, 60_000)
    const byNight = tell()
    assert.ok(byNight.rateCusum > 20, String(byNight.rateCusum))
    assert.ok(byNight.hourUsual < 0.7, String(byNight.hourUsual))
    assert.ok(byNight.hourDivergence > byDay.hourDivergence + 0.05)
  })

  it('tells when more calls than usual are very short, hug the threshold, are not paid for, or come from elsewhere', () => {
    const { answered, billed, hugging, veryShort } = END_MARKS
    const { call, end, tell } = watched()
    call(MONDAY_MS, MONDAY_MS + HOUR_MS, 10_000)
    for (let i = 0; i < 30; i++) {
      end(9, answered | billed)
      end(1, answered | veryShort)
    }
    const usual = tell()
    for (const name of ['veryShortCusum', 'huggingCusum', 'unbilledCusum', 'misplacedCusum'] as const)
      assert.ok(usual[name] < 2, `${name}: ${usual[name]}`)
    end(30, answered | billed | hugging)
    assert.ok(tell().huggingCusum > 20)
    assert.ok(tell().unbilledCusum < 1)
    end(30, answered | veryShort)
    assert.ok(tell().veryShortCusum > 15)
    assert.ok(tell().unbilledCusum > 15)
    call(MONDAY_MS + HOUR_MS, MONDAY_MS + 2 * HOUR_MS, 60_000, ARRIVAL_MARKS.misplaced)
    assert.ok(tell().misplacedCusum > 30)
    end(200, answered | billed)
    assert.equal(tell().huggingCusum, 0)
  })

  it('judges nobody by its first calls, and forgets when another takes the place', () => {
    const { baseline, call, end, tell } = watched()
    call(MONDAY_MS, MONDAY_MS + HOUR_MS / 2, 200, ARRIVAL_MARKS.misplaced)
    end(40, END_MARKS.answered | END_MARKS.hugging)
    assert.equal(tell().rateCusum, 0)
    assert.equal(tell().huggingCusum, 0)
    baseline.clear(1)
    assert.deepEqual(tell(), {
      rateCusum: 0,
      misplacedCusum: 0,
      veryShortCusum: 0,
      huggingCusum: 0,
      unbilledCusum: 0,
      hourUsual: 1,
      hourDivergence: 0,
    })
  })
})
