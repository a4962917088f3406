import type { Account } from './account.ts'
import type { Bid, Campaign } from './bid.ts'
import type { ComplianceRule } from './compliance-rule.ts'
import type { KeptConsent } from './consent.ts'
import type { DncList } from './dnc.ts'
import type { Bidder } from './bidder.ts'
import type { FraudBlock } from './fraud.ts'
import type {
  AccountId,
  BidId,
  BidderId,
  CampaignId,
  FraudBlockId,
  NumberId,
  RuleId,
  SipUserId,
  SuppressionListId,
  TargetId,
  TrunkId,
} from './ids.ts'
import type { Posting } from './ledger.ts'
import type { PhoneNumber } from './phone-number.ts'
import type { SipUser } from './sip-user.ts'
import type { SuppressionList } from './suppression-list.ts'
import type { DialledNumber, Target, Trunk } from './trunk.ts'
import type { Webhook, WebhookId } from './webhook.ts'

/**
 * One committed change to what the gateway keeps in memory. A `value` of null means it is gone. Applying a change twice
 * leaves the same book, except `posting`, whose id the receiver remembers.
 */
export type BookChange =
  | { readonly kind: 'account'; readonly id: AccountId; readonly value: Account | null }
  | { readonly kind: 'trunk'; readonly id: TrunkId; readonly value: Trunk | null }
  | { readonly kind: 'sip-user'; readonly id: SipUserId; readonly value: SipUser | null }
  | { readonly kind: 'number'; readonly id: NumberId; readonly value: DialledNumber | null }
  | { readonly kind: 'target'; readonly id: TargetId; readonly value: Target | null }
  | { readonly kind: 'campaign'; readonly id: CampaignId; readonly value: Campaign | null }
  | { readonly kind: 'bid'; readonly id: BidId; readonly value: Bid | null }
  | { readonly kind: 'compliance-rule'; readonly id: RuleId; readonly value: ComplianceRule | null }
  | { readonly kind: 'webhook'; readonly id: WebhookId; readonly value: Webhook | null }
  | { readonly kind: 'bidder'; readonly id: BidderId; readonly value: Bidder | null }
  /** What a list is; its numbers come by themselves. */
  | { readonly kind: 'suppression-list'; readonly id: SuppressionListId; readonly value: SuppressionList | null }
  | { readonly kind: 'fraud-block'; readonly id: FraudBlockId; readonly value: FraudBlock | null }
  | {
      readonly kind: 'dnc'
      readonly list: DncList
      readonly add: readonly PhoneNumber[]
      readonly remove: readonly PhoneNumber[]
    }
  /** Consents as they are now, revoked ones too: no change of theirs takes one out but its end of keeping (`gone`). */
  | {
      readonly kind: 'consent'
      readonly kept: readonly KeptConsent[]
      readonly gone: readonly Pick<KeptConsent, 'id' | 'number'>[]
    }
  /** Money moved by something other than a live call: a deposit, a payout, a correction. */
  | {
      readonly kind: 'posting'
      readonly posting: Posting
      /** Of the change; absent where the book was read anew. */
      readonly version?: number
    }
