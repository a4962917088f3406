import assert from 'node:assert/strict'
import { Announcements } from '../../gateway/announcements.ts'
import { ExhaustedCampaigns } from '../../gateway/exhausted-campaigns.ts'
import type { Auction } from '../../model/auction.ts'
import type { NonBidCode } from '../../model/bid.ts'
import type { DomainEvent } from '../../model/events.ts'
import type { Call } from '../../gateway/live-call.ts'
import { auctionOf, callRecord } from '../support/records.ts'

const MINUTE_MS = 60_000

/** An auction that these campaigns had these codes in; those in `awards` could buy. */
function auction(nonBids: Record<string, NonBidCode>, awards: readonly string[] = []): Auction {
  const sample = auctionOf(callRecord())
  return {
    ...sample,
    awards: awards.map((id) => ({ ...sample.awards[0]!, campaignId: id as never })),
    nonBids: Object.entries(nonBids).map(([id, code]) => ({ ...sample.nonBids[0]!, campaignId: id as never, code })),
  }
}

describe('exhausted campaigns', () => {
  const names = (seen: ReturnType<ExhaustedCampaigns['seenIn']>) =>
    seen.map(({ campaignId, reason }) => `${campaignId} ${reason}`)

  it('are named once, those whose budget or cap is used up, and no others', () => {
    const campaigns = new ExhaustedCampaigns()
    const spent = auction({
      a: 'budget_exhausted',
      b: 'campaign_cap',
      c: 'campaign_concurrency',
      d: 'location_mismatch',
    })
    assert.deepEqual(names(campaigns.seenIn(spent, 0)), ['a budget_exhausted', 'b campaign_cap'])
    assert.deepEqual(names(campaigns.seenIn(spent, 60 * MINUTE_MS)), [])
  })

  it('are named again when they could buy since, by an award or outbid, but not within ten minutes', () => {
    const campaigns = new ExhaustedCampaigns()
    const spent = auction({ a: 'budget_exhausted', b: 'campaign_cap' })
    campaigns.seenIn(spent, 0)
    campaigns.seenIn(auction({ b: 'outbid' }, ['a']), MINUTE_MS)
    assert.deepEqual(names(campaigns.seenIn(spent, 9 * MINUTE_MS)), [])
    assert.deepEqual(names(campaigns.seenIn(spent, 11 * MINUTE_MS)), ['a budget_exhausted', 'b campaign_cap'])
  })

  it('are not named that could still buy by another bid', () => {
    const campaigns = new ExhaustedCampaigns()
    const both = auction({ a: 'budget_exhausted' }, ['a'])
    assert.deepEqual(names(campaigns.seenIn(both, 0)), [])
    assert.deepEqual(names(campaigns.seenIn(auction({ a: 'budget_exhausted' }), 1)), ['a budget_exhausted'])
  })

  it('are remembered up to ten thousand, the last named', () => {
    const campaigns = new ExhaustedCampaigns()
    for (let n = 0; n <= 10_000; n++) campaigns.seenIn(auction({ [`c${n}`]: 'campaign_cap' }), n)
    assert.deepEqual(names(campaigns.seenIn(auction({ c10000: 'campaign_cap', c0: 'campaign_cap' }), 20_000)), [
      'c0 campaign_cap',
    ])
  })

  it('are announced to their buyer, with the call they missed, kept also when nobody listens', () => {
    const kept: DomainEvent[] = []
    const quiet = { hasListeners: false, publish: () => {}, subscribe: () => () => {} }
    const announcements = new Announcements(quiet, {
      keeps: (type) => type === 'campaign.exhausted',
      add: (event) => void kept.push(event),
    })
    const call = { id: 'call-1', wasOpen: false } as unknown as Call
    announcements.auctioned(call, auction({ a: 'campaign_cap' }))
    announcements.auctioned(call, auction({ a: 'campaign_cap' }))
    assert.equal(kept.length, 1)
    const [{ type, payload, callId, audience }] = kept as [DomainEvent]
    assert.deepEqual([type, callId], ['campaign.exhausted', null])
    assert.deepEqual(payload, { campaign_id: 'a', reason: 'campaign_cap' })
    assert.deepEqual([...audience.buyerPayloads!.values()], [payload])
  })
})
