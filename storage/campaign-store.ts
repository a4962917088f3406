import type { Campaign } from '../model/bid.ts'
import type { Row } from './postgres.ts'
import { given, json, readMicrosOrNull } from './columns.ts'
import type { TableLayout } from './table-layout.ts'

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
        frequency_after: campaign.frequency?.after ?? 'connected',
        frequency_per: campaign.frequency?.per ?? 'campaign',
      }),
      pacing: campaign.pacing,
      factors: json(campaign.factors),
      pricing: json(campaign.pricing),
      expose_caller: campaign.exposeCaller,
      schedule: json(campaign.schedule),
      criteria: json(campaign.criteria),
      stop_codes: campaign.stopCodes,
      is_default: campaign.isDefault,
      audio: json(campaign.audio),
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
      row['frequency_calls'] === null
        ? null
        : {
            calls: row['frequency_calls'],
            hours: row['frequency_hours'],
            after: row['frequency_after'],
            per: row['frequency_per'],
          },
    pacing: row['pacing'],
    ...(row['factors'] && { factors: row['factors'] }),
    ...(row['expose_caller'] && { exposeCaller: true }),
    schedule: row['schedule'],
    criteria: row['criteria'],
    stopCodes: row['stop_codes'],
    isDefault: row['is_default'],
    ...(row['audio'] && { audio: row['audio'] }),
    ...(row['pricing'] && { pricing: row['pricing'] }),
    version: row['version'],
    createdAt: row['created_at'],
    updatedAt: row['updated_at'],
  }),
}
