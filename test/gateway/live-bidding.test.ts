import assert from 'node:assert/strict'
import type { DomainEvent } from '../../model/events.ts'
import type { AccountId, BidId } from '../../model/ids.ts'
import { aBid, anAccount, aNumber, change, dollars, marketOf } from '../support/market.ts'
import { PingStage } from '../support/ping-stage.ts'

/** Long enough that nothing here could be ready in time by chance; nobody waits for it who is not meant to. */
const LONG = 60_000
const BUYER = 'live-buyer' as AccountId

describe('bidding on a call that is there', () => {
  function stageWith(liveBiddingMs: number): PingStage {
    const stage = new PingStage()
    const number = aNumber({ liveBiddingMs })
    stage.apply({ kind: 'number', id: number.id, value: number })
    for (const bid of [aBid('standing', 3), aBid('live', 9)]) {
      const [account, ...parts] = marketOf(bid)
      stage.apply(account!, change.account(anAccount(bid.accountId, { creditLimitMicros: dollars(100) })))
      stage.apply(...parts.slice(0, bid.id === 'live' ? -1 : undefined))
    }
    return stage
  }

  it('tells the buyers of the call, takes their bids for a while, and sells it to the best', async () => {
    const stage = stageWith(20)
    const events: DomainEvent[] = []
    stage.bus.subscribe((event) => {
      events.push(event)
      if (event.type !== 'auction.started') return
      stage.apply(change.bid(aBid('live', 9, { callId: event.callId! }))) // As the API does, once it is stored.
    })
    const call = stage.screened()
    await stage.exchange.takeBids(call)
    const started = events.find(({ type }) => type === 'auction.started')!
    const { call_id, vertical, states, closes_at } = started.audience.buyerPayloads!.get(BUYER) as Record<
      string,
      string
    >
    assert.deepEqual([call_id, vertical, states], [call.id, 'insurance', ['NY']])
    assert.equal(Date.parse(closes_at!) - stage.clock.now(), 20)
    assert.ok(!JSON.stringify(started.audience.buyerPayloads!.get(BUYER)).includes('2125550123'))
    assert.equal(stage.parts.routing.isBiddingOpen(call.id), false)
    const awards = stage.exchange.auction(call)
    assert.deepEqual(
      awards.map(({ bidId }) => bidId),
      ['live', 'standing'],
    )
    assert.equal(awards[0]!.priceMicros, dollars(3.01))
    for (const release of call.releases) release()
    assert.equal(stage.parts.routing.hasBid('live' as BidId), false)
  })

  it('ends at once when the caller goes', async () => {
    const stage = stageWith(LONG)
    const call = stage.screened()
    const bidding = stage.exchange.takeBids(call)!
    assert.equal(stage.parts.routing.isBiddingOpen(call.id), true)
    call.abandon('cancelled')
    await assert.rejects(bidding, { reason: 'cancelled' })
    assert.equal(stage.parts.routing.isBiddingOpen(call.id), false)
  })

  it('is not waited for by a number without it, nor by a call that is sold at what its ping said', () => {
    assert.equal(stageWith(0).exchange.takeBids(stageWith(0).screened()), null)
    const stage = stageWith(LONG)
    const { token } = stage.accepted()
    const call = stage.screened({ token })
    assert.equal(stage.exchange.takeBids(call), null)
  })
})
