import assert from 'node:assert/strict'
import fc from 'fast-check'
import { LastUsed } from '../../model/last-used.ts'

describe('LastUsed', () => {
  it('forgets the one used longest ago, as a Map does whose keys are deleted and set again', () => {
    const uses = fc.array(fc.record({ key: fc.integer({ min: 0, max: 8 }), isPeek: fc.boolean() }), { maxLength: 60 })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), uses, (most, all) => {
        const forgotten: string[] = []
        const kept = new LastUsed<number, string>(most, (value) => forgotten.push(value))
        const expected = new Map<number, string>()
        const gone: string[] = []
        for (const [at, { key, isPeek }] of all.entries()) {
          if (isPeek) {
            assert.equal(kept.peek(key), expected.get(key))
            continue
          }
          const value = expected.get(key) ?? `${key}, made at ${at}`
          expected.delete(key)
          expected.set(key, value)
          const [oldest] = expected
          if (expected.size > most) {
            expected.delete(oldest![0])
            gone.push(oldest![1])
          }
          assert.equal(
            kept.use(key, () => `${key}, made at ${at}`),
            value,
          )
          assert.equal(kept.size, expected.size)
          assert.deepEqual(forgotten, gone)
        }
        for (let key = 0; key <= 8; key++) assert.equal(kept.peek(key), expected.get(key))
      }),
      { numRuns: 2_000 },
    )
  })

  it('makes nothing of what it knows, and does not count a look as a use', () => {
    const kept = new LastUsed<string, object>(2)
    const first = kept.use('a', () => ({}))
    kept.use('b', () => ({}))
    assert.equal(
      kept.use('a', () => assert.fail('made anew')),
      first,
    )
    kept.peek('b')
    kept.use('c', () => ({}))
    assert.equal(kept.peek('b'), undefined)
    assert.equal(kept.peek('a'), first)
  })
})
