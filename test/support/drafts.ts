import type { Draft, Stores } from '../../api/needs.ts'
import type { Account } from '../../model/account.ts'
import { ANY_CALL } from '../../model/bid.ts'
import type { Bid, Campaign } from '../../model/bid.ts'
import { newId } from '../../model/ids.ts'
import type { AccountId, PostingId } from '../../model/ids.ts'
import type { Posting } from '../../model/ledger.ts'
import type { Micros } from '../../model/money.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import type { DialledNumber, Target, Trunk } from '../../model/trunk.ts'
import { EXTERNAL_ACCOUNT_ID } from '../../storage/house-accounts.ts'

/** Things as their creators would ask for them; what matters to a test it says itself. */
export function accountDraft(changes: Partial<Draft<Account>> = {}): Draft<Account & { accountId?: never }> {
  return {
    type: 'buyer',
    name: 'Buyer',
    email: null,
    status: 'active',
    currency: 'USD',
    timezone: 'America/New_York',
    creditLimitMicros: 0n,
    ...changes,
  }
}

export function campaignDraft(accountId: AccountId, changes: Partial<Draft<Campaign>> = {}): Draft<Campaign> {
  return {
    accountId,
    name: 'Campaign',
    status: 'active',
    timezone: 'America/New_York',
    budget: { dailyMicros: 500_000_000n, totalMicros: null },
    caps: { hourly: null, daily: 10, monthly: null, total: null, concurrent: 2 },
    frequency: { calls: 1, hours: 24, after: 'converted', per: 'buyer' },
    pacing: 'asap',
    schedule: { startMinute: 540, endMinute: 1020, days: ['mon', 'fri'], timezone: 'America/Chicago' },
    criteria: ANY_CALL,
    stopCodes: [603],
    isDefault: false,
    ...changes,
  }
}

export function targetDraft(accountId: AccountId, changes: Partial<Draft<Target>> = {}): Draft<Target> {
  return {
    accountId,
    name: 'Target',
    uri: 'sip:desk@buyer.example',
    ringTimeout: 20,
    maxConcurrentCalls: 3,
    directMedia: false,
    ...changes,
  }
}

export function trunkDraft(accountId: AccountId, changes: Partial<Draft<Trunk>> = {}): Draft<Trunk> {
  return {
    accountId,
    name: 'Trunk',
    direction: 'inbound',
    addresses: ['192.0.2.0/24', '2001:db8::1'],
    host: null,
    username: null,
    password: null,
    digest: null,
    tlsNames: [],
    priority: 0,
    register: false,
    expires: 3600,
    stripPrefix: null,
    maxCps: 12.5,
    maxConcurrentCalls: 100,
    retryAfterOnLimit: false,
    directMedia: false,
    ...changes,
  }
}

export function numberDraft(accountId: AccountId, changes: Partial<Draft<DialledNumber>> = {}): Draft<DialledNumber> {
  return {
    accountId,
    number: '+18005550100' as PhoneNumber,
    vertical: 'insurance',
    reservePriceMicros: 1_000_000n,
    priceRule: 'second',
    payout: { type: 'share', shareMillionths: 800_000n },
    maxBillableAfter: 120,
    liveBiddingMs: 0,
    trafficType: 'inbound',
    tags: { source: 'search' },
    ...changes,
  }
}

export function bidDraft(
  buyer: { account: Account; campaign: Campaign; target: Target },
  changes: Partial<Draft<Bid>> = {},
): Draft<Bid> {
  return {
    accountId: buyer.account.id,
    campaignId: buyer.campaign.id,
    targetId: buyer.target.id,
    callId: null,
    amountMicros: 2_500_000n,
    billableAfter: 30,
    criteria: ANY_CALL,
    maxConcurrentCalls: null,
    status: 'active',
    ...changes,
  }
}

/** A buyer with what a bid needs. */
export async function createBuyer(stores: Stores): Promise<{ account: Account; campaign: Campaign; target: Target }> {
  const account = await stores.accounts.create(accountDraft())
  const campaign = await stores.campaigns.create(campaignDraft(account.id))
  const target = await stores.targets.create(targetDraft(account.id))
  return { account, campaign, target }
}

/** Money that came in from the world. */
export function depositOf(accountId: AccountId, amountMicros: Micros, reference = 'wire 1'): Posting {
  return {
    id: newId<PostingId>(),
    kind: 'deposit',
    callId: null,
    currency: 'USD',
    reference,
    entries: [
      { accountId, amountMicros },
      { accountId: EXTERNAL_ACCOUNT_ID, amountMicros: -amountMicros },
    ],
    postedAt: new Date(),
  }
}
