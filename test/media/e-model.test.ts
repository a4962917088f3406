import assert from 'node:assert/strict'
import { impairmentOf, meanOpinionScore, opinionScore, transmissionRating } from '../../media/e-model.ts'

const G711 = impairmentOf('PCMU')

function near(value: number, expected: number, within: number): void {
  assert.ok(Math.abs(value - expected) <= within, `${value} is not ${expected}`)
}

describe('the E-model', () => {
  it('rates a call without loss or delay 93.2, MOS 4.41 (G.107 §7.7, annex B)', () => {
    near(transmissionRating(0, 0, G711), 93.2, 1e-9)
    near(opinionScore(93.2), 4.41, 0.005)
  })

  it('turns ratings into the scores of G.107 table B.1', () => {
    for (const [r, mos] of [
      [90, 4.34],
      [80, 4.03],
      [70, 3.6],
      [60, 3.1],
      [50, 2.58],
    ] as const)
      near(opinionScore(r), mos, 0.01)
    assert.equal(opinionScore(-5), 1)
    assert.equal(opinionScore(120), 4.5)
    for (let r = 0; r < 10; r += 0.5) assert.ok(opinionScore(r) >= 1, 'the polynomial dips below 1 near nothing')
  })

  it('lets delay cost nothing up to 100 ms, then what Idd of §7.4 says', () => {
    near(transmissionRating(0, 100, G711), 93.2, 1e-9)
    // X = log2(Ta / 100): worked out by hand for Ta of 200 and 400 ms.
    near(93.2 - transmissionRating(0, 200, G711), 25 * (2 ** (1 / 6) - 3 * (1 + 1 / 729) ** (1 / 6) + 2), 1e-9)
    near(93.2 - transmissionRating(0, 200, G711), 3.04, 0.02)
    near(93.2 - transmissionRating(0, 400, G711), 24.07, 0.05)
  })

  it('weighs loss by how well the codec hides it (G.113 appendix I)', () => {
    near(93.2 - transmissionRating(0.05, 0, G711), (95 * 5) / (5 + 25.1), 1e-9)
    near(93.2 - transmissionRating(0, 0, impairmentOf('g729')), 11, 1e-9)
    near(93.2 - transmissionRating(0.05, 0, impairmentOf('G729')), 11 + (84 * 5) / (5 + 19), 1e-9)
    assert.deepEqual(impairmentOf('unheard-of'), G711)
  })

  it('counts a packet and a jitter buffer of twice the jitter as delay', () => {
    const score = (networkMs: number, jitterMs: number): number =>
      meanOpinionScore({ lossShare: 0, networkMs, jitterMs, impairment: G711 })
    assert.equal(score(80, 0), score(0, 40))
    assert.ok(score(150, 40) < score(150, 5))
    near(score(0, 0), 4.41, 0.005)
  })
})
