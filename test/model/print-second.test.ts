import assert from 'node:assert/strict'
import fc from 'fast-check'
import { printSecond } from '../../model/print-second.ts'

describe('a second in print', () => {
  it('reads as Date prints it, from year 1 to 9999', () => {
    fc.assert(
      fc.property(fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 }), (ms) => {
        const byDate = `${new Date(Math.floor(ms / 1000) * 1000).toISOString().slice(0, 19)}Z`
        assert.equal(printSecond(ms), byDate)
      }),
      { numRuns: 5000, examples: [[0], [951_782_400_000], [951_868_800_000], [-1], [253_402_300_799_999]] },
    )
  })
})
