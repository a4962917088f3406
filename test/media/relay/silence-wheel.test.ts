import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { SilenceWheel, type Watched } from '../../../media/relay/silence-wheel.ts'

interface Leg extends Watched {
  readonly name: number
}

function leg(name: number): Leg {
  return { name, lastHeardMs: 0, slot: -1 }
}

describe('SilenceWheel', () => {
  it('names whoever was silent for the limit, at most two ticks late, and nobody else', () => {
    const event = fc.record({
      passMs: fc.integer({ min: 0, max: 700 }),
      heard: fc.nat({ max: 4 }),
      unwatched: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(event, { maxLength: 100 }), fc.integer({ min: 0, max: 1e9 }), (events, startMs) => {
        const wheel = new SilenceWheel<Leg>(1000, startMs)
        const legs = [0, 1, 2, 3, 4].map(leg)
        const watched = new Set(legs)
        let nowMs = startMs
        for (const one of legs) wheel.watch(one, nowMs)
        for (const { passMs, heard, unwatched } of events) {
          nowMs += passMs
          for (const silent of wheel.turn(nowMs)) {
            assert.ok(watched.delete(silent), 'named once')
            assert.ok(nowMs - silent.lastHeardMs >= 1000)
          }
          for (const one of watched) assert.ok(nowMs - one.lastHeardMs < 1000 + 2 * wheel.tickMs, 'not forgotten')
          const one = legs[heard]!
          one.lastHeardMs = nowMs
          if (unwatched) {
            wheel.unwatch(one)
            watched.delete(one)
          }
        }
      }),
    )
  })

  it('starts afresh when it is told to watch again', () => {
    const wheel = new SilenceWheel<Leg>(1000, 0)
    const one = leg(1)
    wheel.watch(one, 0)
    wheel.watch(one, 900)
    assert.deepEqual(wheel.turn(1500), [])
    assert.deepEqual(wheel.turn(2000), [one])
    assert.equal(one.slot, -1)
  })

  it('looks at each slot once after its thread stood still for long', () => {
    const wheel = new SilenceWheel<Leg>(1000, 0)
    const legs = [1, 2, 3].map(leg)
    legs.forEach((one, i) => wheel.watch(one, i * 100))
    assert.equal(wheel.turn(3_600_000).length, 3)
  })
})
