import assert from 'node:assert/strict'
import { isHugging, isOneRing, isVeryShort } from '../../../compliance/fraud/features/end-signs.ts'
import { ended } from './support.ts'

describe('the signs of an ended call', () => {
  it('are those of a very short one below six seconds', () => {
    assert.equal(isVeryShort(ended({ durationMs: 5_999 })), true)
    assert.equal(isVeryShort(ended({ durationMs: 6_000 })), false)
    assert.equal(isVeryShort(ended({ durationMs: 0, outcome: 'no_answer' })), false)
  })

  it('are those of a duration that hugs the threshold within five seconds above it', () => {
    const hugging = (durationMs: number, billableAfter: number | null) =>
      isHugging(ended({ durationMs, billableAfter }))
    assert.deepEqual(
      [59_999, 60_000, 65_000, 65_001].map((ms) => hugging(ms, 60)),
      [false, true, true, false],
    )
    assert.equal(hugging(2_000, 0), false) // Paid from the answer on: there is no threshold.
    assert.equal(hugging(60_000, null), false)
  })

  it('are those of one ring where the caller left while it rang', () => {
    assert.equal(isOneRing(ended({ outcome: 'cancelled', durationMs: 0 })), true)
    assert.equal(isOneRing(ended({ outcome: 'cancelled', durationMs: 0, pddMs: null })), false)
    assert.equal(isOneRing(ended({ outcome: 'no_answer', durationMs: 0 })), false)
  })
})
