import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { PortPool, portPairs } from '../../../media/relay/port-pool.ts'
import { systemRandom } from '../../../model/random.ts'

describe('portPairs', () => {
  it('lists even ports with their odd neighbour, within the range', () => {
    assert.deepEqual(portPairs({ from: 10_001, to: 10_006 }), [10_002, 10_004])
    assert.deepEqual(portPairs({ from: 10_000, to: 10_000 }), [])
    assert.equal(portPairs({ from: 10_000, to: 20_000 }).length, 5000)
  })
})

describe('PortPool', () => {
  it('never gives a port that is out, and gives each again only after its quiet time', () => {
    const step = fc.record({ give: fc.boolean(), passMs: fc.integer({ min: 0, max: 60 }) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const pool = new PortPool(portPairs({ from: 10_000, to: 10_009 }), 100, systemRandom)
        const out: number[] = []
        const givenAtMs = new Map<number, number>()
        let nowMs = 0
        for (const { give, passMs } of steps) {
          nowMs += passMs
          if (give && out.length > 0) {
            const port = out.shift()!
            pool.give(port, nowMs)
            givenAtMs.set(port, nowMs)
          } else {
            const port = pool.take(nowMs)
            if (port === null) {
              assert.ok(out.length === 5 || [...givenAtMs.values()].some((at) => nowMs - at < 100))
              continue
            }
            assert.ok(!out.includes(port))
            assert.ok(nowMs - (givenAtMs.get(port) ?? -Infinity) >= 100)
            out.push(port)
          }
          assert.equal(pool.free + out.length, pool.size)
        }
      }),
    )
  })

  it('gives every port once, in no order a listener could guess', () => {
    const pairs = portPairs({ from: 10_000, to: 12_000 })
    const pool = new PortPool(pairs, 0, systemRandom)
    const taken = pairs.map(() => pool.take(0)!)
    assert.notDeepEqual(taken, pairs)
    assert.deepEqual(
      taken.toSorted((a, b) => a - b),
      pairs,
    )
    assert.equal(pool.take(0), null)
  })

  it('gives a pair that nobody used before any other, and at once', () => {
    const pool = new PortPool(portPairs({ from: 10_000, to: 10_009 }), 100, systemRandom)
    const [used, unused] = [pool.take(0)!, pool.take(0)!]
    pool.give(used, 0)
    pool.giveUnused(unused)
    assert.equal(pool.free, 5)
    assert.equal(pool.take(0), unused)
    for (let i = 0; i < 3; i++) assert.notEqual(pool.take(0), null)
    assert.equal(pool.take(0), null)
    assert.equal(pool.take(100), used)
  })

  it('holds that a port is given back once', () => {
    const pool = new PortPool([10_000], 0, systemRandom)
    assert.throws(() => pool.give(10_000, 0), /given back once/)
  })
})
