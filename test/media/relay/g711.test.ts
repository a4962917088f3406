import assert from 'node:assert/strict'
import { encode, TO_LINEAR, TRANSCODE } from '../../../media/relay/g711.ts'

describe('G.711', () => {
  it('decodes the values that the recommendation names', () => {
    assert.equal(TO_LINEAR.u[0xff], 0)
    assert.equal(TO_LINEAR.u[0x80], 32_124)
    assert.equal(TO_LINEAR.u[0x00], -32_124)
    assert.equal(TO_LINEAR.a[0xd5], 8)
    assert.equal(TO_LINEAR.a[0x55], -8)
    assert.equal(TO_LINEAR.a[0xaa], 32_256)
    assert.equal(TO_LINEAR.a[0x2a], -32_256)
  })

  it('encodes every decoded value to itself again, but for the second zero of µ-law', () => {
    for (const law of ['u', 'a'] as const)
      for (let byte = 0; byte < 256; byte++)
        assert.equal(encode(law, TO_LINEAR[law][byte]!), law === 'u' && byte === 0x7f ? 0xff : byte)
  })

  it('is never further off than half a step of its segment', () => {
    for (const law of ['u', 'a'] as const)
      for (let sample = -32_000; sample <= 32_000; sample += 7) {
        const off = Math.abs(TO_LINEAR[law][encode(law, sample)]! - sample)
        assert(off <= Math.max(8, Math.abs(sample) / 30 + 4), `${law} ${sample}: ${off}`)
      }
  })

  it('transcodes to the nearest value of the other law, there and back with the same loudness', () => {
    for (const [law, other] of [
      ['u', 'a'],
      ['a', 'u'],
    ] as const)
      for (let byte = 0; byte < 256; byte++) {
        const before = TO_LINEAR[law][byte]!
        const after = TO_LINEAR[other][TRANSCODE[law][byte]!]!
        assert(Math.abs(after - before) <= Math.max(8, Math.abs(before) / 30 + 4), `${law} ${byte}: ${before} ${after}`)
      }
  })
})
