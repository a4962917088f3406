import type { Bidder } from '../../model/bidder.ts'
import { ANY_CALL } from '../../model/bid.ts'
import type { AccountId, BidderId, CampaignId, TargetId } from '../../model/ids.ts'
import type { PingFacts } from '../../routing/bidders/wire.ts'
import { dollars, NOON } from './market.ts'

/** A bidder of the buyer `<id>-buyer` with a target and a campaign as bids of `aBid` have them, which answers `{"bid": …, "to": …, "after": …}`. */
export function aBidder(id: string, url: string, changes: Partial<Bidder> = {}): Bidder {
  return {
    id: id as BidderId,
    accountId: `${id}-buyer` as AccountId,
    campaignId: `${id}-campaign` as CampaignId,
    targetId: `${id}-target` as TargetId,
    name: id,
    status: 'active',
    dialect: 'template',
    criteria: ANY_CALL,
    maxBidMicros: dollars(50),
    billableAfter: 30,
    maxConcurrentCalls: null,
    timeoutMs: 2000,
    ping: {
      method: 'POST',
      url,
      headers: {},
      body: '{"id": "{{ping_id}}", "caller": "{{caller}}", "area": "{{area_code}}", "state": "{{state}}"}',
      bodyType: 'json',
    },
    answer: { accept: null, bid: { json: 'bid' }, destination: { json: 'to' }, billableAfter: { json: 'after' } },
    post: null,
    winUrl: null,
    lossUrl: null,
    secrets: {},
    version: 1,
    createdAt: new Date(NOON - 1000),
    updatedAt: new Date(NOON - 1000),
    ...changes,
  }
}

/** What a bidder is told of a call, as an auction would. */
export function pingFacts(changes: Partial<PingFacts> = {}): PingFacts {
  return {
    pingId: '019ed6c2-0000-7000-8000-000000000001',
    caller: '5f'.repeat(32),
    callerNumber: null,
    areaCode: '212',
    state: 'NY',
    zip: '10001',
    vertical: 'auto insurance',
    currency: 'USD',
    tags: { sub_id: '7' },
    timeoutMs: 100,
    atMs: NOON,
    ...changes,
  }
}
