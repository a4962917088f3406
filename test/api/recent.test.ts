import assert from 'node:assert/strict'
import { Recent } from '../../api/recent.ts'

describe('what is remembered for a while', () => {
  it('is forgotten with time, and the oldest when there is no room', () => {
    let now = 0
    const recent = new Recent<number>(2, 10, () => now)
    recent.set('a', 1)
    recent.set('b', 2)
    recent.set('c', 3)
    assert.deepEqual([recent.get('a'), recent.get('b'), recent.get('c')], [undefined, 2, 3])
    now = 10
    assert.equal(recent.get('c'), undefined)
  })
})
