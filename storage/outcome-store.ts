import { SHORT_CALL_MS, type Outcome } from '../model/outcome.ts'
import type { Queries, Row } from './postgres.ts'

/** Most calls read back, the newest: a start may not take long. */
const MOST_CALLS = 200_000

/**
 * What became of the calls that ended since a moment, of the newest `mostCalls`, added up by steps of `stepMs`: what routing learned of them
 * before this start. A dispute counts when its buyer got money back.
 */
export async function readOutcomes(
  queries: Queries,
  since: Date,
  stepMs: number,
  mostCalls = MOST_CALLS,
): Promise<Outcome[]> {
  const step = (column: string): string => `floor(extract(epoch from ${column}) * 1000 / $2)`
  const rows = await queries.rows(
    `with ended as (
       select * from calls where state = 'ended' and ended_at >= $1 and received_at >= $1::timestamptz - interval '1 day'
       order by received_at desc limit $3
     ), learned as (
       select 'attempted' as kind, (leg ->> 'targetId')::uuid as target_id, null::uuid as campaign_id, seller_id, ${step('ended_at')} as step, 1 as n
       from ended, jsonb_array_elements(legs) leg
       where leg ->> 'side' = 'buyer' and leg ->> 'targetId' is not null
       union all
       select kind, target_id, campaign_id, seller_id, ${step('ended_at')}, n
       from ended, lateral (values ('answered', true, 1), ('billed', price_micros > 0, 1), ('short', duration_ms < ${SHORT_CALL_MS}, 1),
         ('talked', price_micros > 0, floor(billable_ms / 1000)::int)) as k(kind, holds, n)
       where holds and answered_at is not null and target_id is not null and campaign_id is not null
       union all
       select 'converted', c.target_id, c.campaign_id, c.seller_id, ${step('v.ended_at')}, 1
       from conversion_sales v join calls c on c.id = v.call_id
       where v.charged_micros > 0 and v.ended_at >= $1 and c.target_id is not null and c.campaign_id is not null
       union all
       select 'complained', c.target_id, c.campaign_id, c.seller_id, ${step('d.decided_at')}, 1
       from disputes d join calls c on c.id = d.call_id
       where d.state = 'accepted' and d.decided_at >= $1 and c.target_id is not null and c.campaign_id is not null
     )
     select kind, target_id, campaign_id, seller_id, step, sum(n)::int as count from learned group by 1, 2, 3, 4, 5 order by step, 2`,
    [since, stepMs, mostCalls],
  )
  return rows.map((row: Row) => ({
    kind: row['kind'],
    atMs: Number(row['step']) * stepMs,
    targetId: row['target_id'],
    campaignId: row['campaign_id'],
    sellerId: row['seller_id'],
    count: row['count'],
  }))
}
