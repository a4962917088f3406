import assert from 'node:assert/strict'
import { hopsLeft } from '../../../gateway/headers/hops.ts'

describe('hops', () => {
  it('are one less than the caller’s, which are 70 when it does not say', () => {
    assert.deepEqual([hopsLeft('70'), hopsLeft(' 1 '), hopsLeft('0'), hopsLeft(undefined)], [69, 0, -1, 69])
  })
})
