import type { AccountId, CampaignId, TargetId } from '../model/ids.ts'
import type { Micros } from '../model/money.ts'
import type { PhoneNumber } from '../model/phone-number.ts'
import { readMicros } from './columns.ts'
import type { Queries, Row } from './postgres.ts'

/** Whose counters a call was counted in, beside its buyer's. */
interface Counted {
  readonly campaignId: CampaignId
  readonly targetId: TargetId | null
  readonly sellerId: AccountId
}

/** One call a campaign was awarded: what caps and budgets count. */
interface CampaignCall extends Counted {
  readonly ani: PhoneNumber | null
  /** When its funds were held: the moment by which days, hours and months are told. */
  readonly awardedAt: Date
  /** The price billed; of an open call the amount held; 0 when it ended unbilled. */
  readonly priceMicros: Micros
  /** An open call is taken for one. */
  readonly isConverted: boolean
  readonly answered: boolean
  readonly open: boolean
}

interface CampaignTotal extends Counted {
  /** Answered ones: a call still ringing when its process died is voided by recovery and never counts. */
  readonly calls: number
  readonly spentMicros: Micros
}

/** Of a call `c` and its `SALE`. Paid by conversion: until its window is over what was to be expected, or was charged, then what was charged. */
export const SOLD_PRICE = `case when v.call_id is null then c.price_micros
  when v.until_at > now() then greatest(v.expected_micros, v.charged_micros) else v.charged_micros end`
export const SALE = 'left join conversion_sales v on v.call_id = c.id'
/** Whether it lasted long enough to be paid for; by conversion, whatever has come of it. */
export const IS_CONVERTED = '(c.price_micros > 0 or v.call_id is not null)'
const PRICE = `coalesce(c.held_micros, ${SOLD_PRICE})`
const COUNTED = `from known_calls c ${SALE} where c.campaign_id is not null and c.awarded_at is not null`

/** A call of before the window that a frequency rule still asks of. */
interface OldContact extends Counted {
  readonly ani: PhoneNumber
  readonly awardedAt: Date
  readonly isConverted: boolean
}

export interface CampaignUsage {
  readonly calls: readonly CampaignCall[]
  readonly totals: readonly CampaignTotal[]
  /** Oldest first. */
  readonly contacts: readonly OldContact[]
}

/** What campaigns have used, for counters that live in memory and start anew with the process: the calls since a moment, all-time totals, and older callers of buyers whose rules look back farther. */
export async function readCampaignUsage(queries: Queries, since: Date): Promise<CampaignUsage> {
  const calls = await queries.rows(
    `select c.campaign_id, c.target_id, c.seller_id, c.ani, c.awarded_at, ${PRICE} as price, (c.held_micros > 0 or ${IS_CONVERTED}) as converted, c.answered_at is not null as answered, c.state <> 'ended' as open
     ${COUNTED} and c.awarded_at >= $1 order by c.awarded_at`,
    [since],
  )
  const totals = await queries.rows(
    `select c.campaign_id, c.target_id, c.seller_id, count(*)::int as calls, sum(${PRICE})::text as spent
     ${COUNTED} and c.answered_at is not null group by 1, 2, 3`,
  )
  const contacts = await queries.rows(
    `with asking as (
       select account_id, max(frequency_hours) * interval '1 hour' as back from campaigns
       where frequency_hours is not null group by 1
     )
     select c.campaign_id, c.target_id, c.seller_id, c.ani, c.awarded_at, ${IS_CONVERTED} as converted
     from asking a join campaigns k using (account_id) join calls c on c.campaign_id = k.id ${SALE}
     where c.awarded_at < $1 and c.awarded_at >= now() - a.back and c.answered_at is not null and c.ani is not null
     order by c.awarded_at`,
    [since],
  )
  return {
    calls: calls.map((row) => ({
      ...counted(row),
      ani: row['ani'],
      awardedAt: row['awarded_at'],
      priceMicros: readMicros(row['price']),
      isConverted: row['converted'] === true,
      answered: row['answered'],
      open: row['open'],
    })),
    totals: totals.map((row) => ({
      ...counted(row),
      calls: row['calls'],
      spentMicros: readMicros(row['spent']),
    })),
    contacts: contacts.map((row) => ({
      ...counted(row),
      ani: row['ani'],
      awardedAt: row['awarded_at'],
      isConverted: row['converted'],
    })),
  }
}

function counted(row: Row): Counted {
  return { campaignId: row['campaign_id'], targetId: row['target_id'], sellerId: row['seller_id'] }
}
