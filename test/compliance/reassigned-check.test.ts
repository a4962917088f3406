import assert from 'node:assert/strict'
import { judgeReassigned } from '../../compliance/reassigned-check.ts'
import type { ScreeningRequest } from '../../compliance/screening-request.ts'
import { RECENT_ANSWER_DAYS, type ReassignedAnswer } from '../../model/reassigned-number.ts'
import { number } from './support.ts'

const NOW = Date.parse('2026-11-20T18:00:00Z')
const DAY_MS = 86_400_000
const GIVEN = Date.parse('2026-06-15T12:00:00Z')

const answer = (said: ReassignedAnswer['answer'], consentDate: string, ageMs = DAY_MS): ReassignedAnswer => ({
  number: number('+12025551234'),
  consentDate,
  answer: said,
  askedAt: new Date(NOW - ageMs),
})

function judge(reassigned: readonly ReassignedAnswer[] | null, changes: Partial<ScreeningRequest> = {}) {
  const consent = { givenAtMs: GIVEN } as NonNullable<ScreeningRequest['consent']>
  return judgeReassigned({
    ani: number('+12025551234'),
    zip: null,
    trafficType: 'transfer',
    atMs: NOW,
    consent,
    reassigned,
    ...changes,
  })
}
const words = (found: ReturnType<typeof judge>) => [found!.against, found!.detail.split(/[:,]/)[0]]

describe('a number that may belong to somebody else by now', () => {
  it('speaks against the call when it was disconnected on the day of the consent or later', () => {
    const changed = [true, 'the number has changed hands since the consent']
    assert.deepEqual(words(judge([answer('yes', '2026-06-15')])), changed)
    assert.deepEqual(words(judge([answer('yes', '2026-09-01', 400 * DAY_MS)])), changed)
    assert.deepEqual(words(judge([answer('no', '2026-06-15'), answer('yes', '2026-06-15')])), changed)
  })

  it('says nothing of a consent given after the day that was asked about', () => {
    assert.equal(judge([answer('yes', '2026-06-14')])!.against, false)
  })

  it('counts a yes about the day on the consumer’s own calendar, which is not yet that of UTC in the evening', () => {
    const givenAtMs = Date.parse('2026-06-16T01:30:00Z') // 21:30 of the 15th in New York.
    const consent = { givenAtMs } as NonNullable<ScreeningRequest['consent']>
    assert.equal(judge([answer('yes', '2026-06-15')], { consent })!.against, true)
    assert.equal(judge([answer('yes', '2026-06-14')], { consent })!.against, false)
  })

  it('has a safe harbour only by a recent no about the day of the consent or an earlier one', () => {
    const harbour = [false, 'safe harbour']
    const none = [false, 'no recent answer about this consent']
    assert.deepEqual(words(judge([answer('no', '2026-06-15')])), harbour)
    assert.deepEqual(words(judge([answer('no', '2025-01-01', RECENT_ANSWER_DAYS * DAY_MS)])), harbour)
    assert.deepEqual(words(judge([answer('no', '2025-01-01', RECENT_ANSWER_DAYS * DAY_MS + 1)])), none)
    assert.deepEqual(words(judge([answer('no', '2026-06-16')])), none)
    assert.deepEqual(words(judge([answer('no_data', '2026-06-15')])), none)
    assert.deepEqual(words(judge([answer('no', '2026-06-15', -DAY_MS)])), none)
  })

  it('takes a consent without a day for older than any change', () => {
    const consent = { givenAtMs: null } as NonNullable<ScreeningRequest['consent']>
    assert.equal(judge([answer('yes', '2020-01-01')], { consent })!.against, true)
    assert.match(judge([answer('no', '2020-01-01')], { consent })!.detail, /no safe harbour/)
  })

  it('is no question without a consent, or without an answer', () => {
    assert.equal(judge([answer('yes', '2026-06-15')], { consent: null }), null)
    assert.equal(judge([]), null)
    assert.equal(judge(null), null)
  })
})
