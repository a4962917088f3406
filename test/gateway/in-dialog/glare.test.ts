import assert from 'node:assert/strict'
import { backOffMs } from '../../../gateway/in-dialog/glare.ts'
import { systemRandom } from '../../../model/random.ts'

describe('the wait after a 491', () => {
  const waits = (madeCallId: boolean) => Array.from({ length: 500 }, () => backOffMs(madeCallId, systemRandom))

  it('is 2.1 to 4 s for whoever made the Call-ID, up to 2 s for the other, in steps of 10 ms (RFC 3261 §14.1)', () => {
    assert.ok(waits(true).every((ms) => ms >= 2100 && ms <= 4000 && ms % 10 === 0))
    assert.ok(waits(false).every((ms) => ms >= 0 && ms <= 2000 && ms % 10 === 0))
  })

  it('is not always the same', () => {
    assert.ok(new Set(waits(true)).size > 50)
  })
})
