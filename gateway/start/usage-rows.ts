import type { AccountId, CampaignId, TargetId } from '../../model/ids.ts'
import type { Micros } from '../../model/money.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import type { UsageRow } from '../../routing/route-call.ts'

interface Counted {
  readonly campaignId: CampaignId
  readonly targetId: TargetId | null
  readonly sellerId: AccountId
}

interface Usage {
  readonly calls: readonly (Counted & {
    readonly ani: PhoneNumber | null
    readonly awardedAt: Date
    readonly priceMicros: Micros
    readonly isConverted: boolean
    readonly answered: boolean
  })[]
  readonly totals: readonly (Counted & { readonly calls: number; readonly spentMicros: Micros })[]
  readonly contacts: readonly (Counted & {
    readonly ani: PhoneNumber
    readonly awardedAt: Date
    readonly isConverted: boolean
  })[]
}

/**
 * What campaigns used before this start, as routing counts it: each answered call of the window, one row of the time before
 * it for what only the totals remember, and each older caller that a frequency rule still asks of. Oldest first.
 */
export function usageRows({ calls, totals, contacts }: Usage): UsageRow[] {
  const rows: UsageRow[] = []
  const seen = new Map<string, { calls: number; micros: Micros }>()
  for (const { campaignId, targetId, sellerId, ani, awardedAt, priceMicros, isConverted, answered } of calls) {
    if (!answered) continue
    rows.push({ campaignId, targetId, sellerId, ani, awardedAtMs: awardedAt.getTime(), priceMicros, isConverted })
    const key = `${campaignId} ${targetId} ${sellerId}`
    const sum = seen.get(key) ?? { calls: 0, micros: 0n }
    seen.set(key, { calls: sum.calls + 1, micros: sum.micros + priceMicros })
  }
  const older: UsageRow[] = []
  for (const { campaignId, targetId, sellerId, calls: count, spentMicros } of totals) {
    const within = seen.get(`${campaignId} ${targetId} ${sellerId}`) ?? { calls: 0, micros: 0n }
    const before = { calls: count - within.calls, priceMicros: spentMicros - within.micros }
    if (before.calls > 0 || before.priceMicros > 0n)
      older.push({ campaignId, targetId, sellerId, ani: null, isConverted: false, awardedAtMs: 0, ...before })
  }
  for (const { awardedAt, ...contact } of contacts)
    older.push({ ...contact, priceMicros: 0n, awardedAtMs: awardedAt.getTime(), calls: 0 })
  return [...older, ...rows]
}
