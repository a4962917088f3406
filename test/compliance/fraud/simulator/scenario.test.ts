import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { Chance } from '../../../../compliance/fraud/simulator/chance.ts'
import { PATTERNS, type Pattern } from '../../../../compliance/fraud/simulator/pattern.ts'
import type { TrafficEvent } from '../../../../compliance/fraud/simulator/planned-call.ts'
import { TrafficSimulator, type ScenarioPlan } from '../../../../compliance/fraud/simulator/scenario.ts'
import { loadPlaces } from '../../../../config/reference-data.ts'

const HOUR_MS = 3_600_000
const PLAN: ScenarioPlan = { seed: 1, regime: 'training', days: 2, callsPerDay: 4000, patterns: [], warmUpHours: 12 }

describe('traffic simulator', () => {
  const simulator = new TrafficSimulator(loadPlaces())
  const simulate = (change: Partial<ScenarioPlan> = {}) => [...simulator.simulate({ ...PLAN, ...change }).events]

  it('makes the same traffic of the same seed and other traffic of another', () => {
    const digest = (events: TrafficEvent[]) => createHash('sha256').update(JSON.stringify(events)).digest('hex')
    const once = digest(simulate({ patterns: ['sim_box'] }))
    assert.equal(digest(simulate({ patterns: ['sim_box'] })), once)
    assert.notEqual(digest(simulate({ patterns: ['sim_box'], seed: 2 })), once)
  })

  it('plays every call in the order of time and ends each once, after it arrived', () => {
    const open = new Set<string>()
    let lastMs = 0
    for (const { kind, call } of simulate({ patterns: [...PATTERNS] })) {
      const atMs = kind === 'arrived' ? call.atMs : call.endedAtMs
      assert.ok(atMs >= lastMs)
      lastMs = atMs
      if (kind === 'arrived') open.add(call.id)
      else assert.ok(open.delete(call.id))
    }
    assert.equal(open.size, 0)
  })

  it('has clean traffic that keeps the day, calls again, fails at times and talks log-normally long', () => {
    const events = simulate({ callsPerDay: 10_000 })
    const arrived = events.flatMap((event) => (event.kind === 'arrived' ? [event.call] : []))
    const ended = events.flatMap((event) => (event.kind === 'ended' ? [event.call] : []))
    const byHour = Array.from({ length: 24 }, () => 0)
    for (const { atMs } of arrived) byHour[Math.floor((atMs / HOUR_MS) % 24)]!++
    // 19 hours UTC is the afternoon of the whole country, 9 hours its night.
    assert.ok(byHour[19]! > 10 * byHour[9]!, byHour.join())
    const callers = new Set(arrived.map(({ ani }) => ani))
    assert.ok(callers.size < 0.95 * arrived.length && callers.size > 0.6 * arrived.length)
    for (const outcome of ['answered', 'busy', 'no_answer', 'cancelled', 'no_sale', 'failed']) {
      assert.ok(
        ended.some((call) => call.outcome === outcome),
        outcome,
      )
    }
    const logs = ended.filter(({ durationMs }) => durationMs > 25_000).map(({ durationMs }) => Math.log(durationMs))
    const mean = logs.reduce((sum, each) => sum + each, 0) / logs.length
    const skew = logs.reduce((sum, each) => sum + (each - mean) ** 3, 0) / logs.length
    assert.ok(Math.abs(skew) < 0.5, `${skew}`)
    assert.ok(new Set(arrived.map(({ sellerId }) => sellerId)).size >= 6)
    assert.ok(ended.every((call) => call.isBilled === call.durationMs >= (call.billableAfter ?? Infinity) * 1000))
  })

  for (const pattern of PATTERNS) {
    it(`mixes ${pattern} into clean traffic after the warm-up and labels its calls`, () => {
      const { events, judgedFromMs } = simulator.simulate({ ...PLAN, patterns: [pattern] })
      const found = [...events].filter((event) => event.pattern !== null)
      assert.ok(found.length >= 40, `${found.length} events`)
      for (const event of found) {
        assert.equal(event.pattern, pattern)
        if (event.kind === 'arrived') assert.ok(event.call.atMs >= judgedFromMs)
      }
      characteristic[pattern]?.(found)
    })
  }

  it('draws the parameters of unseen scenarios from outside those of training', () => {
    const draw = (regime: 'training' | 'unseen') => {
      const chance = new Chance(3, regime)
      return Array.from({ length: 500 }, () => Math.log10(chance.parameter(1, 10)))
    }
    assert.ok(draw('training').every((at) => at >= 0.2 && at <= 0.8))
    assert.ok(draw('unseen').every((at) => at <= 0.2 || at >= 0.8))
  })
})

/** What no other pattern shows as this one does. */
const characteristic: Partial<Record<Pattern, (events: readonly TrafficEvent[]) => void>> = {
  one_ring: (events) => {
    for (const event of events) if (event.kind === 'ended') assert.equal(event.call.durationMs, 0)
  },
  targeted_pumping: (events) => assert.equal(distinct(events, 'dnis'), 1),
  ani_velocity: (events) => assert.ok(distinct(events, 'ani') <= 3),
  rotating_digits: (events) => {
    const blocks = new Set(events.flatMap((event) => (event.kind === 'arrived' ? [event.call.ani?.slice(0, 8)] : [])))
    assert.equal(blocks.size, 1)
    assert.ok(distinct(events, 'ani') > 20)
  },
  duration_gaming: (events) => {
    for (const event of events) {
      if (event.kind === 'arrived' || event.call.outcome !== 'answered') continue
      const overSeconds = event.call.durationMs / 1000 - event.call.billableAfter!
      assert.ok(overSeconds > 0 && overSeconds <= 5.1)
    }
  },
  theft_of_service: (events) => {
    assert.equal(distinct(events, 'sourceAddress'), 1)
    const [first] = events
    assert.ok(first?.kind === 'arrived')
    const hour = (first.call.atMs / HOUR_MS) % 24
    assert.ok(hour >= 6.9 && hour <= 9.1, `begins at ${hour} UTC`)
  },
  dead_air: (events) => {
    const answered = events.flatMap((event) =>
      event.kind === 'ended' && event.call.durationMs > 0 ? [event.call] : [],
    )
    assert.ok(answered.filter(({ audioFault }) => audioFault !== null).length > 0.6 * answered.length)
  },
  sip_scanner: (events) => assert.equal(distinct(events, 'sourceAddress'), 1),
}

function distinct(events: readonly TrafficEvent[], field: 'ani' | 'dnis' | 'sourceAddress'): number {
  return new Set(events.flatMap((event) => (event.kind === 'arrived' ? [event.call[field]] : []))).size
}
