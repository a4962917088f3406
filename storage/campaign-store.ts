import { StoreConflict } from '../api/needs.ts'
import { ANY_CALL } from '../model/bid.ts'
import type { Campaign } from '../model/bid.ts'
import type { AccountId, CampaignId } from '../model/ids.ts'
import type { Queries, Row } from './postgres.ts'
import { given, json, readMicrosOrNull } from './columns.ts'
import type { StoredTable, TableLayout } from './stored-table.ts'

export const CAMPAIGNS: TableLayout<Campaign> = {
  table: 'campaigns',
  kind: 'campaign',
  hasStatus: true,
  columns: (campaign) =>
    given({
      account_id: campaign.accountId,
      name: campaign.name,
      status: campaign.status,
      timezone: campaign.timezone,
      budget_daily_micros: campaign.budget?.dailyMicros,
      budget_total_micros: campaign.budget?.totalMicros,
      cap_hourly: campaign.caps?.hourly,
      cap_daily: campaign.caps?.daily,
      cap_monthly: campaign.caps?.monthly,
      cap_total: campaign.caps?.total,
      cap_concurrent: campaign.caps?.concurrent,
      ...(campaign.frequency !== undefined && {
        frequency_calls: campaign.frequency?.calls ?? null,
        frequency_hours: campaign.frequency?.hours ?? null,
      }),
      schedule: json(campaign.schedule),
      criteria: json(campaign.criteria),
      is_default: campaign.isDefault,
    }),
  read: (row: Row) => ({
    id: row['id'],
    accountId: row['account_id'],
    name: row['name'],
    status: row['status'],
    timezone: row['timezone'],
    budget: {
      dailyMicros: readMicrosOrNull(row['budget_daily_micros']),
      totalMicros: readMicrosOrNull(row['budget_total_micros']),
    },
    caps: {
      hourly: row['cap_hourly'],
      daily: row['cap_daily'],
      monthly: row['cap_monthly'],
      total: row['cap_total'],
      concurrent: row['cap_concurrent'],
    },
    frequency:
      row['frequency_calls'] === null ? null : { calls: row['frequency_calls'], hours: row['frequency_hours'] },
    schedule: row['schedule'],
    criteria: row['criteria'],
    isDefault: row['is_default'],
    version: row['version'],
    createdAt: row['created_at'],
    updatedAt: row['updated_at'],
  }),
}

/** The account's default campaign, made at first need: two requests at once find the same one, since the table allows one. */
export async function defaultCampaign(
  queries: Queries,
  campaigns: StoredTable<Campaign>,
  accountId: AccountId,
): Promise<CampaignId> {
  const find = async (): Promise<CampaignId | undefined> =>
    (await queries.rows('select id from campaigns where account_id = $1 and is_default', [accountId]))[0]?.['id']
  const found = await find()
  if (found !== undefined) return found
  const [account] = await queries.rows('select timezone from accounts where id = $1', [accountId])
  if (!account) throw new StoreConflict('accountId', 'refers to nothing that exists')
  try {
    const made = await campaigns.create({
      accountId,
      name: 'Default',
      status: 'active',
      timezone: account['timezone'],
      budget: { dailyMicros: null, totalMicros: null },
      caps: { hourly: null, daily: null, monthly: null, total: null, concurrent: null },
      frequency: null,
      schedule: null,
      criteria: ANY_CALL,
      isDefault: true,
    })
    return made.id
  } catch (error) {
    const other = error instanceof StoreConflict ? await find() : undefined
    if (other === undefined) throw error
    return other
  }
}
