import { digestSecret } from '../../accounts/credentials.ts'
import type { Account } from '../../model/account.ts'
import { ANY_CALL, type Bid, type Campaign, type Criteria, type Geography } from '../../model/bid.ts'
import type { BookChange } from '../../model/book.ts'
import type { AccountId, BidId, CallId, CampaignId, NumberId, SipUserId, TargetId, TrunkId } from '../../model/ids.ts'
import type { Micros } from '../../model/money.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import type { SipUser } from '../../model/sip-user.ts'
import type { DialledNumber, Target, Trunk } from '../../model/trunk.ts'
import type { AuctionRequest } from '../../routing/route-call.ts'

// Builders of what a market is made of. Ids are readable words: the domain never looks inside one.

const STORED = { version: 1, createdAt: new Date('2026-01-01T00:00:00Z'), updatedAt: new Date('2026-01-01T00:00:00Z') }
/** A Wednesday, noon in New York. */
export const NOON = Date.parse('2026-06-17T16:00:00Z')
export const CALLER = '+12125550123' as PhoneNumber

export const dollars = (amount: number): Micros => BigInt(Math.round(amount * 1_000_000))

export function anAccount(id: string, changes: Partial<Account> = {}): Account {
  return {
    ...STORED,
    id: id as AccountId,
    type: 'buyer',
    name: id,
    email: null,
    status: 'active',
    currency: 'USD',
    timezone: 'America/New_York',
    creditLimitMicros: 0n,
    ...changes,
  }
}

export function aTrunk(id: string, accountId: string, changes: Partial<Trunk> = {}): Trunk {
  return {
    ...STORED,
    id: id as TrunkId,
    accountId: accountId as AccountId,
    name: id,
    direction: 'inbound',
    addresses: ['192.0.2.7'],
    host: null,
    username: null,
    password: null,
    digest: null,
    tlsNames: [],
    priority: 0,
    register: false,
    expires: 3600,
    stripPrefix: null,
    maxCps: null,
    maxConcurrentCalls: null,
    retryAfterOnLimit: false,
    directMedia: false,
    ...changes,
  }
}

/** With the password `secret` in the realm `dce`. */
export function aSipUser(username: string, accountId: string, changes: Partial<SipUser> = {}): SipUser {
  return {
    ...STORED,
    id: username as SipUserId,
    accountId: accountId as AccountId,
    username,
    status: 'active',
    trunkId: null,
    digest: digestSecret(username, 'dce', 'secret'),
    ...changes,
  }
}

export function aTarget(id: string, accountId: string, changes: Partial<Target> = {}): Target {
  return {
    ...STORED,
    id: id as TargetId,
    accountId: accountId as AccountId,
    name: id,
    uri: `sip:${id}@buyer.example`,
    ringTimeout: 20,
    maxConcurrentCalls: null,
    directMedia: false,
    ...changes,
  }
}

export function aCampaign(id: string, accountId: string, changes: Partial<Campaign> = {}): Campaign {
  return {
    ...STORED,
    id: id as CampaignId,
    accountId: accountId as AccountId,
    name: id,
    status: 'active',
    timezone: 'America/New_York',
    budget: { dailyMicros: null, totalMicros: null },
    caps: { hourly: null, daily: null, monthly: null, total: null, concurrent: null },
    frequency: null,
    schedule: null,
    criteria: ANY_CALL,
    stopCodes: null,
    isDefault: false,
    ...changes,
  }
}

/** A bid of the buyer `<id>-buyer` for its one target and campaign, unless told otherwise. */
export function aBid(id: string, amount: number, changes: Partial<Bid> = {}): Bid {
  return {
    ...STORED,
    id: id as BidId,
    accountId: `${id}-buyer` as AccountId,
    campaignId: `${id}-campaign` as CampaignId,
    targetId: `${id}-target` as TargetId,
    callId: null,
    amountMicros: dollars(amount),
    billableAfter: 30,
    criteria: ANY_CALL,
    maxConcurrentCalls: null,
    status: 'active',
    ...changes,
  }
}

export function aNumber(changes: Partial<DialledNumber> = {}): DialledNumber {
  return {
    ...STORED,
    id: 'number' as NumberId,
    accountId: 'seller' as AccountId,
    number: '+18005550100' as PhoneNumber,
    vertical: 'insurance',
    reservePriceMicros: dollars(1),
    priceRule: 'second',
    payout: { type: 'share', shareMillionths: 800_000n },
    maxBillableAfter: 120,
    liveBiddingMs: 0,
    trafficType: 'inbound',
    tags: {},
    ...changes,
  }
}

export function aRequest(changes: Partial<AuctionRequest> = {}): AuctionRequest {
  return {
    callId: 'call' as CallId,
    number: aNumber(),
    currency: 'USD',
    ani: CALLER,
    places: [{ state: 'NY', timezone: 'America/New_York' }],
    zip: null,
    receivedAtMs: NOON,
    ...changes,
  }
}

export const criteria = (changes: Partial<Criteria>): Criteria => ({ ...ANY_CALL, ...changes })
export const geography = (changes: Partial<Geography>): Geography => ({
  states: [],
  cities: [],
  zips: [],
  circle: null,
  ...changes,
})

export const change = {
  account: (value: Account): BookChange => ({ kind: 'account', id: value.id, value }),
  target: (value: Target): BookChange => ({ kind: 'target', id: value.id, value }),
  campaign: (value: Campaign): BookChange => ({ kind: 'campaign', id: value.id, value }),
  bid: (value: Bid): BookChange => ({ kind: 'bid', id: value.id, value }),
}

/** A bid with the buyer, target and campaign it names. */
export function marketOf(bid: Bid): BookChange[] {
  return [
    change.account(anAccount(bid.accountId)),
    change.target(aTarget(bid.targetId, bid.accountId)),
    change.campaign(aCampaign(bid.campaignId, bid.accountId)),
    change.bid(bid),
  ]
}
