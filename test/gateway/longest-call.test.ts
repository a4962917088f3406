import assert from 'node:assert/strict'
import { longestOf } from '../../gateway/accept-call.ts'
import type { Call } from '../../gateway/live-call.ts'
import type { SoldTerms } from '../../model/cdr.ts'
import type { MinuteTerms } from '../../model/per-minute.ts'

const TWO_HOURS = { maxCallDurationMs: 7_200_000 }

function up(minutes: Partial<MinuteTerms>, billableAfter = 0, isJoined = true): Pick<Call, 'sold' | 'isJoined'> {
  return {
    sold: { minutes: { atMax: 'end', maxBillableSeconds: 60, ...minutes }, billableAfter } as SoldTerms,
    isJoined,
  }
}

describe('how long a call may be up', () => {
  it('is what the exchange is set to, or what its buyer pays for by the minute', () => {
    const { ms, reason } = longestOf(up({}), TWO_HOURS)
    assert.equal(reason, 'max_billable_duration')
    assert.ok(ms >= 60_000 && ms < 61_000, 'all that is paid for, and hardly more')
    const set = { ms: 7_200_000, reason: 'max_duration' }
    for (const call of [up({ atMax: 'continue' }), up({ maxBillableSeconds: 7200 }), { sold: null, isJoined: true }])
      assert.deepEqual(longestOf(call, TWO_HOURS), set)
  })

  it('is never so short that the buyer would pay nothing', () => {
    const { ms } = longestOf(up({ maxBillableSeconds: 30 }, 90), TWO_HOURS)
    assert.ok(ms >= 90_000, `it ends after ${ms} ms, and is billable after 90 s`)
  })

  it('is not counted while an announcement keeps its sides apart', () => {
    assert.equal(longestOf(up({ maxBillableSeconds: 5 }, 0, false), TWO_HOURS).reason, 'max_duration')
  })
})
