import assert from 'node:assert/strict'
import { REMEMBERED_MS, SignedOnce } from '../../../gateway/fraud/signed-once.ts'

describe('a signature', () => {
  it('speaks for the first call it comes with, for as long as any is fresh', () => {
    const seen = new SignedOnce()
    const at = (ms: number): boolean => seen.isFirst('head.body', ms)
    assert.deepEqual([at(0), at(1), at(REMEMBERED_MS - 1), at(REMEMBERED_MS + 1)], [true, false, false, false])
    assert.equal(seen.isFirst('head.other', 2), true)
    assert.equal(at(3 * REMEMBERED_MS + 1), true)
  })

  it('is forgotten early where more come than there is room for, the oldest first', () => {
    const seen = new SignedOnce(10)
    for (let i = 0; i < 100; i++) {
      assert.ok(seen.isFirst(`head.${i}`, i))
      assert.ok(seen.size <= 10)
    }
    assert.equal(seen.isFirst('head.97', 100), false)
    assert.equal(seen.isFirst('head.1', 100), true)
  })
})
