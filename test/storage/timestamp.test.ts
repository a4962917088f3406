import assert from 'node:assert/strict'
import fc from 'fast-check'
import { timestamp, timestampOrNull } from '../../storage/timestamp.ts'

describe('timestamp', () => {
  it('writes any moment as toISOString does, whatever it wrote before', () => {
    fc.assert(fc.property(fc.date({ noInvalidDate: true }), (date) => timestamp(date) === date.toISOString()))
    const near = fc.integer({ min: -5_000, max: 5_000 }).map((ms) => new Date(ms))
    fc.assert(fc.property(near, (date) => timestamp(date) === date.toISOString()))
  })

  it('leaves a moment that has not come out', () => {
    assert.equal(timestampOrNull(null), null)
    assert.equal(timestampOrNull(new Date(1)), '1970-01-01T00:00:00.001Z')
  })
})
