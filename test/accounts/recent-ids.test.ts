import assert from 'node:assert/strict'
import { RecentIds } from '../../accounts/recent-ids.ts'

describe('recent ids', () => {
  it('knows the last so many and never grows past twice that', () => {
    const recent = new RecentIds(100)
    for (let i = 0; i < 1000; i++) {
      assert.equal(recent.add(`${i}`), true)
      for (let j = Math.max(0, i - 99); j <= i; j++) assert.equal(recent.add(`${j}`), false)
      assert.ok(recent.size <= 200)
    }
    assert.equal(recent.add('0'), true) // Long forgotten.
  })
})
