import assert from 'node:assert/strict'
import { outcomesOf } from '../../../gateway/quality/call-outcomes.ts'
import type { CallRecord, LegRecord } from '../../../model/cdr.ts'
import type { Outcome } from '../../../model/outcome.ts'
import type { CampaignId, TargetId } from '../../../model/ids.ts'
import { newId } from '../../../model/ids.ts'
import { STEP_MS } from '../../../routing/decayed-counts.ts'
import { BUYER, callRecord, endedRecord, insertAccounts, SELLER } from '../../support/records.ts'
import { openTestStorage } from '../../support/storage.ts'

const DAY_MS = 86_400_000
const first = newId<TargetId>()
const second = newId<TargetId>()
const campaignId = newId<CampaignId>()

/** Rung in vain at the first target, and, unless told otherwise, answered and billed at the second. */
function ended(changes: Partial<CallRecord> = {}): ReturnType<typeof endedRecord> {
  const record = endedRecord(callRecord({ targetId: second, campaignId, ...changes }))
  const leg = record.call.legs.find(({ side }) => side === 'caller')!
  const rung = (targetId: TargetId): LegRecord => ({ ...leg, side: 'buyer', targetId })
  return { ...record, call: { ...record.call, ...changes, legs: [leg, rung(first), rung(second)] } }
}

const summed = (outcomes: Iterable<Outcome>): string[] => {
  const counts = new Map<string, number>()
  for (const { kind, atMs, targetId, campaignId: campaign, count = 1 } of outcomes) {
    const key = `${kind} ${targetId === first ? 'first' : 'second'} ${campaign} ${Math.floor(atMs / STEP_MS)}`
    counts.set(key, (counts.get(key) ?? 0) + count)
  }
  return [...counts].map(([key, count]) => `${key}: ${count}`).toSorted()
}

describe('what became of a call', () => {
  it('is an attempt for each target rung, and for the one that took it an answer, and whether it was billed or short', () => {
    const kinds = (changes: Partial<CallRecord>): string[] =>
      outcomesOf(ended(changes).call).map(({ kind, targetId }) => `${kind} ${targetId === first ? 'first' : 'second'}`)
    const attempted = ['attempted first', 'attempted second']
    const billed = ['answered second', 'billed second', 'talked second']
    assert.deepEqual(kinds({ durationMs: 60_000 }), [...attempted, ...billed])
    assert.deepEqual(kinds({ durationMs: 9_999, priceMicros: 0n }), [...attempted, 'answered second', 'short second'])
    assert.deepEqual(kinds({ answeredAt: null, priceMicros: 0n, outcome: 'no_answer' }), attempted)
  })

  it('is read back from storage at a start as it was learned before, its disputes with it', async () => {
    const storage = await openTestStorage()
    await insertAccounts(storage.queries)
    const now = Date.now()
    const days = [0, 0, 1, 5, 23, 30]
    const calls = days.map((ago, i) => {
      const at = new Date(now - ago * DAY_MS - i * 1000)
      return ended({
        receivedAt: at,
        answeredAt: i === 1 ? null : at,
        endedAt: at,
        durationMs: i === 2 ? 5000 : 60_000,
        priceMicros: i === 1 || i === 2 ? 0n : 10_000_000n,
        ...(i === 1 && { outcome: 'no_answer' as const }),
      })
    })
    for (const [i, call] of calls.entries()) await storage.writer.write(i === 0 ? call : { ...call, posting: null })
    const dispute = `insert into disputes (id, call_id, buyer_id, seller_id, currency, charged_micros, paid_micros, reason, note, state, opened_at, decided_at, credit_micros, posting_id)
       values ($1, $2, $3, $4, 'USD', 1, 1, 'other', '', $5, $6, $6, $7, $8)`
    const by = (i: number) => [newId(), calls[i]!.call.id, BUYER, SELLER]
    await storage.queries.rows(dispute, [...by(0), 'accepted', new Date(now), 1, calls[0]!.posting!.id])
    await storage.queries.rows(dispute, [...by(3), 'rejected', new Date(now), 0, null])
    const since = new Date(now - 24 * DAY_MS)
    const expected = calls.slice(0, 5).flatMap(({ call }) => outcomesOf(call))
    const complaint = { kind: 'complained', atMs: now, targetId: second, campaignId, sellerId: SELLER } as const
    assert.deepEqual(summed(await storage.outcomes(since, STEP_MS)), summed([...expected, complaint]))
    await storage.close()
  })
})
