import assert from 'node:assert/strict'
import { join } from 'node:path'

interface Quality {
  readonly lossPercent: number
  readonly jitterMs: number
  readonly rttMs: number | null
  readonly mos: number
}
interface Reading {
  readonly received: number | null
  readonly lost: number | null
  readonly jitterMs: number | null
  readonly rttMs: number | null
}

// Files of the page: plain JavaScript, which the browser loads as it stands.
const folder = join(import.meta.dirname, '../../api/console/phone')
const quality = (await import(join(folder, 'quality.js'))) as {
  mosOf(of: { lossPercent: number; delayMs: number }): number
  readReport(report: Map<string, object>): Reading
  qualityBetween(before: Reading | null, now: Reading): Quality | null
  gradeOf(quality: { mos: number } | null): [string, string]
}
const words = (await import(join(folder, 'plain-words.js'))) as {
  callProblem(answer: { status: number; phrase?: string; warning?: string } | null, cause?: string): string
  registrationProblem(status: number | undefined, cause?: string): string
  microphoneProblem(error: unknown): string
}

describe('the quality a page shows of its call', () => {
  it('is what G.107 says of loss and delay', () => {
    const mos = (lossPercent: number, delayMs: number) => Number(quality.mosOf({ lossPercent, delayMs }).toFixed(1))
    assert.equal(mos(0, 0), 4.4)
    assert.equal(mos(0, 150), 4.3)
    assert.equal(mos(0, 400), 3.1)
    assert.ok(mos(5, 40) < 4 && mos(5, 40) > mos(10, 40) && mos(10, 40) > mos(30, 40))
    assert.equal(quality.mosOf({ lossPercent: 100, delayMs: 5000 }), 1)
  })

  it('is read from what the browser counts, the round trip from the other side’s reports first', () => {
    const report = new Map<string, object>([
      ['a', { type: 'inbound-rtp', kind: 'audio', packetsReceived: 95, packetsLost: 5, jitter: 0.012 }],
      ['b', { type: 'inbound-rtp', kind: 'video', packetsReceived: 7, packetsLost: 7, jitter: 1 }],
      ['c', { type: 'candidate-pair', nominated: true, currentRoundTripTime: 0.2 }],
      ['d', { type: 'remote-inbound-rtp', kind: 'audio', roundTripTime: 0.05 }],
    ])
    const now = quality.readReport(report)
    assert.deepEqual(now, { received: 95, lost: 5, jitterMs: 12, rttMs: 50 })
    const all = quality.qualityBetween(null, now)!
    assert.deepEqual([all.lossPercent, all.jitterMs, all.rttMs], [5, 12, 50])
  })

  it('is of the last moments, and of none when nothing came', () => {
    const before = { received: 100, lost: 50, jitterMs: 1, rttMs: null }
    const later = quality.qualityBetween(before, { received: 200, lost: 50, jitterMs: 1, rttMs: null })!
    assert.equal(later.lossPercent, 0)
    assert.equal(quality.qualityBetween(before, { ...before, lost: 60 }), null)
    assert.equal(quality.qualityBetween(before, { ...before, received: 110, lost: 40 })!.lossPercent, 0)
    assert.deepEqual(quality.gradeOf(null), ['bad', 'No audio'])
    assert.deepEqual(
      [4.3, 3.8, 3.2, 2].map((mos) => quality.gradeOf({ mos })[1]),
      ['Good', 'Fair', 'Poor', 'Bad'],
    )
  })
})

describe('the words a page has for what went wrong', () => {
  it('tell what can be done, and what the server said of the audio', () => {
    assert.match(words.microphoneProblem({ name: 'NotAllowedError' }), /Allow it/)
    assert.match(words.microphoneProblem('insecure'), /https/)
    assert.match(words.microphoneProblem(new Error('on fire')), /on fire/)
    assert.match(words.registrationProblem(401), /password is wrong/)
    assert.match(words.registrationProblem(undefined, 'Connection Error'), /cannot be reached/)
    const warning = '304 gateway "no \\"plain\\" audio"'
    assert.match(words.callProblem({ status: 488, warning }), /cannot carry this browser’s audio: no "plain" audio\.$/)
    assert.match(words.callProblem({ status: 488 }), /cannot carry this browser’s audio yet\.$/)
    assert.match(words.callProblem({ status: 403, phrase: 'The token has expired' }), /^The token has expired\. Reload/)
    assert.match(words.callProblem({ status: 403, phrase: 'Forbidden' }), /not allowed/)
    assert.match(words.callProblem({ status: 499, phrase: 'Odd' }), /SIP 499 Odd/)
    assert.match(words.callProblem(null, 'No Answer'), /Nobody answered/)
  })
})
