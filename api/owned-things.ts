import type { Campaign } from '../model/bid.ts'
import type { AccountId, CampaignId, TargetId } from '../model/ids.ts'
import type { Target } from '../model/trunk.ts'
import type { Kit } from './kit.ts'
import { invalid } from './problems.ts'

/** The target and the campaign that a bid or a bidder names, which must be of its own account: else 422. */
export function ownedThings({ stores }: Pick<Kit, 'stores'>) {
  return {
    targetOf: async (owner: AccountId, id: TargetId): Promise<Target> => {
      const target = await stores.targets.find(id)
      if (target?.accountId !== owner) throw invalid('/target_id', 'the account has no such target', 'not_found')
      return target
    },

    campaignOf: async (owner: AccountId, id: CampaignId): Promise<Campaign> => {
      const campaign = await stores.campaigns.find(id)
      if (campaign?.accountId !== owner) throw invalid('/campaign_id', 'the account has no such campaign', 'not_found')
      return campaign
    },

    /** The account's only target; throws 422 when it has none, or a choice. */
    onlyTarget: async (owner: AccountId): Promise<TargetId> => {
      const { data } = await stores.targets.list({ limit: 2, cursor: null }, { accountId: owner })
      if (data.length === 1) return data[0]!.id
      const detail = data.length === 0 ? 'the account has no target yet' : 'the account has several targets: name one'
      throw invalid('/target_id', detail, 'required')
    },
  }
}
