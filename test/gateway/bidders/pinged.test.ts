import assert from 'node:assert/strict'
import type { PingAnswer } from '../../../model/ping.ts'
import { aBidder } from '../../support/bidder-drafts.ts'
import { BidderStage } from '../../support/bidder-stage.ts'
import { CALLER, dollars } from '../../support/market.ts'
import { NUMBER, SELLER, SoldCall } from '../../support/ping-stage.ts'

describe('a ping that bidders are asked about', () => {
  let stage: BidderStage
  beforeEach(() => void (stage = new BidderStage()))
  afterEach(() => stage.close())

  const PING = { sellerId: SELLER, caller: CALLER, number: NUMBER, vertical: null, zip: null, tags: {} }
  const ask = (): Promise<PingAnswer> => {
    const answer = stage.pings.ask(PING)
    assert.ok(answer instanceof Promise, 'it waits for them')
    return answer
  }

  it('is answered when they have, and its call is theirs at that price, at the place they named', async () => {
    const server = await stage.bidder('one', () => ({ bid: 5, to: 'sip:pool@b.example' }))
    await stage.bidder('two', () => ({ bid: 3 }))
    const answer = await ask()
    assert.ok(answer.kind === 'accepted')
    assert.equal(answer.payoutMicros, dollars(2.4))
    const call = stage.screened({ token: answer.token })
    assert.equal(stage.exchange.takeBids(call), null)
    const awards = stage.exchange.auction(call)
    const sold = new SoldCall(stage.parts, call, awards)
    assert.equal(call.round!.destinations.get(awards[0]!.bidId), 'sip:pool@b.example')
    assert.equal(typeof sold.take(awards[0]!), 'object')
    sold.fail()
    assert.equal(typeof sold.take(awards[1]!), 'object', 'the other bidder’s offer has come with the call')
    sold.end(true)
    assert.equal(server.heard.length, 1)
    assert.deepEqual(stage.kept(), { holds: 0, reservations: 0 })
  })

  it('repeated while they are asked asks nobody again, and hears the same', async () => {
    const server = await stage.bidder('one', () => ({ bid: 5 }))
    const [first, second] = await Promise.all([ask(), ask()])
    assert.ok(first.kind === 'accepted' && second.kind === 'accepted')
    assert.deepEqual([second.token, second.isRepeated, first.isRepeated], [first.token, true, false])
    assert.equal(server.heard.length, 1)
    const again = stage.pings.ask(PING)
    assert.ok(!(again instanceof Promise) && again.kind === 'accepted' && again.token === first.token)
  })

  it('that nobody buys, or that expires, keeps nothing and tells them so', async () => {
    const server = await stage.bidder('one', (heard) => (heard.method === 'GET' ? {} : { bid: 5 }))
    const lossUrl = `${server.url}lost/{{reason_code}}`
    stage.addBidder(aBidder('one', server.url, { lossUrl }))
    const answer = await ask()
    assert.ok(answer.kind === 'accepted')
    stage.pass(30_000)
    await stage.bidders.idle()
    assert.equal(server.heard.at(-1)!.url, '/lost/110')
    assert.deepEqual(stage.kept(), { holds: 0, reservations: 0 })
  })
})
