import assert from 'node:assert/strict'
import { meanOpinionScore } from '../../../sipp/load/mos.ts'

describe('the mean opinion score', () => {
  it('of a call without loss or delay is that of G.711', () => {
    const mos = meanOpinionScore({ lossShare: 0, oneWayMs: 0, jitterMs: 0 })
    assert.ok(mos > 4.38 && mos < 4.42, String(mos))
  })

  it('falls with loss and with delay, and never below 1', () => {
    const scores = [0, 0.01, 0.05, 0.2, 1].map((lossShare) => meanOpinionScore({ lossShare, oneWayMs: 1, jitterMs: 0 }))
    assert.deepEqual(
      scores,
      scores.toSorted((a, b) => b - a),
    )
    assert.ok(scores.at(-1)! >= 1)
    const far = meanOpinionScore({ lossShare: 0, oneWayMs: 400, jitterMs: 20 })
    assert.ok(far < 3.7 && far > 1, String(far))
  })
})
