import assert from 'node:assert/strict'
import { Expiries } from '../../../gateway/registrar/expiries.ts'

describe('expiries', () => {
  it('gives what is due, once, and leaves what is not', () => {
    const expiries = new Expiries<string>(10_000)
    expiries.note('soon', 12_300)
    expiries.note('later', 13_000)
    assert.deepEqual(expiries.take(11_999), [])
    assert.deepEqual(expiries.take(12_000), ['soon'], 'the whole second')
    assert.deepEqual(expiries.take(12_999), [])
    assert.deepEqual(expiries.take(20_000), ['later'])
    assert.equal(expiries.size, 0)
  })

  it('keeps the earliest moment of an id, and forgets it when told', () => {
    const expiries = new Expiries<string>(0)
    expiries.note('a', 5000)
    expiries.note('a', 3000)
    expiries.note('a', 9000)
    expiries.note('b', 3000)
    expiries.forget('b')
    expiries.forget('nobody')
    assert.deepEqual(expiries.take(3000), ['a'])
    assert.deepEqual(expiries.take(9000), [])
  })

  it('gives what was due already when it was noted', () => {
    const expiries = new Expiries<string>(10_000)
    expiries.take(20_000)
    expiries.note('late', 15_000)
    assert.deepEqual(expiries.take(20_500), ['late'])
  })

  it('is not lost when the clock is put forward or back', () => {
    const expiries = new Expiries<string>(10_000)
    expiries.note('a', 11_000)
    const days = 30 * 86_400_000
    assert.deepEqual(expiries.take(days), ['a'])
    assert.deepEqual(expiries.take(10_000), [])
    expiries.note('b', 12_000)
    assert.deepEqual(expiries.take(11_999), [])
    assert.deepEqual(expiries.take(12_000), ['b'])
  })

  it('looks at those due alone, however many are not', () => {
    let bestMs = Infinity
    // The machine may be busy: at its best.
    for (let tries = 0; tries < 5 && bestMs >= 300; tries++) {
      const expiries = new Expiries<number>(0)
      for (let i = 0; i < 15_000; i++) expiries.note(i, 3_600_000 + i)
      expiries.note(-1, 1000)
      const startMs = performance.now()
      for (let second = 1; second <= 1000; second++) expiries.take(second * 1000)
      bestMs = Math.min(bestMs, performance.now() - startMs)
      assert.equal(expiries.size, 15_000)
    }
    // Walking over all of them a thousand times takes most of a second.
    assert.ok(bestMs < 300, `${bestMs} ms`)
  })
})
