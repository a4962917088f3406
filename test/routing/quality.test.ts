import assert from 'node:assert/strict'
import { qualityOf } from '../../routing/quality.ts'

describe('quality', () => {
  it('is neutral until measured, then whole thousandths between a half and one and a half', () => {
    const measured: [number | null, number][] = [
      [null, 1000],
      [NaN, 1000],
      [1.0004, 1000],
      [0.7336, 734],
      [0, 500],
      [-1, 500],
      [9, 1500],
      [Infinity, 1500],
    ]
    for (const [value, thousandths] of measured) assert.equal(qualityOf(value), thousandths)
  })
})
