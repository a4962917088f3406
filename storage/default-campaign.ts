import { StoreConflict } from '../api/needs.ts'
import { ANY_CALL } from '../model/bid.ts'
import type { Campaign } from '../model/bid.ts'
import type { AccountId, CampaignId } from '../model/ids.ts'
import type { Queries } from './postgres.ts'
import type { StoredTable } from './stored-table.ts'

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
      stopCodes: null,
      isDefault: true,
    })
    return made.id
  } catch (error) {
    const other = error instanceof StoreConflict ? await find() : undefined
    if (other === undefined) throw error
    return other
  }
}
