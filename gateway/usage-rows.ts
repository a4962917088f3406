import type { CampaignId } from '../model/ids.ts'
import type { Micros } from '../model/money.ts'
import type { PhoneNumber } from '../model/phone-number.ts'
import type { UsageRow } from '../routing/route-call.ts'

interface Usage {
  readonly calls: readonly {
    readonly campaignId: CampaignId
    readonly ani: PhoneNumber | null
    readonly awardedAt: Date
    readonly priceMicros: Micros
    readonly answered: boolean
  }[]
  readonly totals: readonly { readonly campaignId: CampaignId; readonly calls: number; readonly spentMicros: Micros }[]
}

/**
 * What campaigns used before this start, as routing counts it: each answered call of the window, and one row of the time
 * before it for what only the totals remember.
 */
export function usageRows({ calls, totals }: Usage): UsageRow[] {
  const rows: UsageRow[] = []
  const seen = new Map<CampaignId, { calls: number; micros: Micros }>()
  for (const { campaignId, ani, awardedAt, priceMicros, answered } of calls) {
    if (!answered) continue
    rows.push({ campaignId, ani, awardedAtMs: awardedAt.getTime(), priceMicros })
    const sum = seen.get(campaignId) ?? { calls: 0, micros: 0n }
    seen.set(campaignId, { calls: sum.calls + 1, micros: sum.micros + priceMicros })
  }
  for (const { campaignId, calls: count, spentMicros } of totals) {
    const within = seen.get(campaignId) ?? { calls: 0, micros: 0n }
    const before = { calls: count - within.calls, priceMicros: spentMicros - within.micros }
    if (before.calls > 0 || before.priceMicros > 0n) rows.push({ campaignId, ani: null, awardedAtMs: 0, ...before })
  }
  return rows
}
