import type { AccountId, CampaignId, TargetId } from '../model/ids.ts'
import type { Micros } from '../model/money.ts'
import type { PhoneNumber } from '../model/phone-number.ts'

/** A call that was sold in an earlier life of this process (or several of one period: `calls`, their prices summed). */
export interface UsageRow {
  readonly campaignId: CampaignId
  /** Absent or null: not known, and counted for none. */
  readonly targetId?: TargetId | null
  readonly sellerId?: AccountId | null
  readonly awardedAtMs: number
  /** What was billed; 0 for an answered call that was not. */
  readonly priceMicros: Micros
  /** Whether rules that count converted calls count it; one paid by conversion whatever it was billed. */
  readonly isConverted: boolean
  readonly ani: PhoneNumber | null
  /** 0: counted already, and named for its caller alone. */
  readonly calls?: number
}
