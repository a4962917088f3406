import type { CallRecord } from '../../model/cdr.ts'
import { SHORT_CALL_MS, type Outcome } from '../../model/outcome.ts'

/** What an ended call says of each target that was rung for it, and of the campaign that bought it; storage reads the same back at a start. */
export function outcomesOf(call: CallRecord): Outcome[] {
  const { sellerId, targetId, campaignId } = call
  const atMs = (call.endedAt ?? call.receivedAt).getTime()
  const outcomes: Outcome[] = []
  for (const leg of call.legs) {
    if (leg.side !== 'buyer' || leg.targetId === null) continue
    outcomes.push({ kind: 'attempted', atMs, targetId: leg.targetId, campaignId: null, sellerId })
  }
  if (call.answeredAt === null || targetId === null || campaignId === null) return outcomes
  const sold = { atMs, targetId, campaignId, sellerId }
  outcomes.push({ kind: 'answered', ...sold })
  if (call.priceMicros > 0n) {
    outcomes.push({ kind: 'billed', ...sold })
    outcomes.push({ kind: 'talked', ...sold, count: Math.floor(call.billableMs / 1000) })
  }
  if (call.durationMs < SHORT_CALL_MS) outcomes.push({ kind: 'short', ...sold })
  return outcomes
}
