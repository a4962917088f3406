import type { CampaignId } from '../model/ids.ts'
import type { Micros } from '../model/money.ts'
import type { PhoneNumber } from '../model/phone-number.ts'
import { readMicros } from './columns.ts'
import type { Queries } from './postgres.ts'

/** One call a campaign was awarded: what caps and budgets count. */
export interface CampaignCall {
  readonly campaignId: CampaignId
  readonly ani: PhoneNumber | null
  /** When its funds were held: the moment by which days, hours and months are told. */
  readonly awardedAt: Date
  /** The price billed; of an open call the amount held; 0 when it ended unbilled. */
  readonly priceMicros: Micros
  readonly answered: boolean
  readonly open: boolean
}

export interface CampaignTotal {
  readonly campaignId: CampaignId
  /** Answered ones: a call still ringing when its process died is voided by recovery and never counts. */
  readonly calls: number
  readonly spentMicros: Micros
}

const COUNTED = `from known_calls c where c.campaign_id is not null and c.awarded_at is not null`

/** What campaigns have used, for counters that live in memory and start anew with the process: the calls since a moment, and all-time totals. */
export async function readCampaignUsage(
  queries: Queries,
  since: Date,
): Promise<{ calls: CampaignCall[]; totals: CampaignTotal[] }> {
  const calls = await queries.rows(
    `select c.campaign_id, c.ani, c.awarded_at, coalesce(c.held_micros, c.price_micros) as price, c.answered_at is not null as answered, c.state <> 'ended' as open
     ${COUNTED} and c.awarded_at >= $1 order by c.awarded_at`,
    [since],
  )
  const totals = await queries.rows(
    `select c.campaign_id, count(*)::int as calls, sum(coalesce(c.held_micros, c.price_micros))::text as spent
     ${COUNTED} and c.answered_at is not null group by 1`,
  )
  return {
    calls: calls.map((row) => ({
      campaignId: row['campaign_id'],
      ani: row['ani'],
      awardedAt: row['awarded_at'],
      priceMicros: readMicros(row['price']),
      answered: row['answered'],
      open: row['open'],
    })),
    totals: totals.map((row) => ({
      campaignId: row['campaign_id'],
      calls: row['calls'],
      spentMicros: readMicros(row['spent']),
    })),
  }
}
