import assert from 'node:assert/strict'
import { AuctionAnswer } from '../../api/auction-views.ts'
import { CallAnswer } from '../../api/call-views.ts'
import { newId } from '../../model/ids.ts'
import type { CallRecord } from '../../model/cdr.ts'
import { startApi, type ApiHarness, type Person } from '../support/api-harness.ts'
import { sampleAuction, sampleCall } from '../support/sample-calls.ts'

describe('calls', () => {
  let api: ApiHarness
  let admin: Person
  let seller: Person
  let buyer: Person
  let loser: Person
  let call: CallRecord

  before(async () => {
    api = await startApi()
    admin = await api.person('operator')
    seller = await api.person('seller')
    buyer = await api.person('buyer', 'winner')
    loser = await api.person('buyer', 'loser')
    const bidId = newId<never>()
    const made = sampleCall(seller.account.id, { buyerId: buyer.account.id, bidId, auctionId: newId() })
    // The winner's leg carries its bid; another buyer was rung before.
    const legs = made.legs.map((leg) => (leg.side === 'buyer' ? { ...leg, bidId } : leg))
    call = { ...made, legs: [...legs, { ...made.legs[1]!, bidId: newId(), sipStatus: 486 }] }
    api.stores.callRecords.set(call.id, call)
    const auction = sampleAuction(call, [buyer.account.id, loser.account.id], [loser.account.id])
    api.stores.auctionRecords.set(auction.id, auction)
  })
  after(() => api.api.close())

  const get = (person: Person, path: string) => api.request('GET', path, { token: person.token })

  it('read whole for the house', async () => {
    const { status, body } = await get(admin, `calls/${call.id}`)
    assert.equal(status, 200)
    CallAnswer.parse(body)
    assert.deepEqual([body.price, body.payout, body.from, body.to], ['2.50', '2.00', '+12125550123', '+18005550100'])
    assert.equal(body.legs.length, 3)
    assert.deepEqual(body.legs[0].media, {
      packets_received: 100,
      packets_lost: 1,
      octets_received: 16_000,
      jitter_ms: 0.5,
      packets_out_of_order: 2,
      packets_duplicate: 0,
      jitter_max_ms: 3.5,
      round_trip_ms: 42.5,
      reported_lost: null,
      mos_min: 3.875,
      mos_mean: 4.25,
      fault: 'no_audio',
      fault_ms: 12_000,
    })
    assert.deepEqual([body.legs[1].media.jitter_ms, body.legs[1].media.mos_mean], [0.5, null])
    assert.deepEqual(body.compliance.allowed, true)
    assert.equal(body.trace[0].detail, 'Acme bid 3.00')
  })

  it('tell a seller its payout, never the buyer, the bids or the price', async () => {
    const { body } = await get(seller, `calls/${call.id}`)
    CallAnswer.parse(body)
    const text = JSON.stringify(body)
    assert.deepEqual(
      [body.payout, body.price, body.buyer_id, body.bid_id, body.target_id],
      ['2.00', null, null, null, null],
    )
    for (const secret of [buyer.account.id, call.bidId!, '2.50', '3.00', 'sip:buyer'])
      assert.ok(!text.includes(secret), secret)
  })

  it('tell a buyer its price and its own leg, never the payout or who else was rung', async () => {
    const { body } = await get(buyer, `calls/${call.id}`)
    CallAnswer.parse(body)
    assert.deepEqual([body.price, body.payout, body.legs.length], ['2.50', null, 1])
    assert.ok(!JSON.stringify(body).includes(':486')) // Not in an id by chance.
    assert.equal((await get(loser, `calls/${call.id}`)).status, 404)
  })

  it('tell in words how their auction came out, a buyer of its own bids alone', async () => {
    const house: string[] = (await get(admin, `calls/${call.id}`)).body.decision
    const auction = api.stores.auctionRecords.get(call.auctionId!)!
    assert.match(house[0]!, /^\w+, sold for .*, at \d+\.\d\d USD or more: \d could be rung$/)
    for (const { bidId } of [...auction.awards, ...auction.nonBids]) assert.match(house.join('\n'), new RegExp(bidId))
    const own: string[] = (await get(buyer, `calls/${call.id}`)).body.decision
    assert.match(own.join('\n'), new RegExp(`bid ${call.bidId} of buyer ${buyer.account.id}, .*, at `))
    assert.doesNotMatch(own.join('\n'), new RegExp(loser.account.id))
    assert.equal((await get(seller, `calls/${call.id}`)).body.decision, null)
    assert.ok((await get(admin, 'calls')).body.data.every((one: { decision: null }) => one.decision === null))
  })

  it('tell each its side of the auction', async () => {
    const whole = (await get(admin, `calls/${call.id}/auction`)).body
    AuctionAnswer.parse(whole)
    assert.deepEqual([whole.reserve_price, whole.clearing_price, whole.price_rule], ['0.50', '2.50', 'second'])
    assert.equal(whole.winner.bid_id, call.bidId)
    assert.deepEqual(
      whole.ranking.map((bid: { reason: string | null }) => bid.reason),
      [null, 'another bid ranked higher'],
    )
    assert.equal(whole.non_bids[0].code, 'location_mismatch')

    const won = (await get(buyer, `auctions/${whole.id}`)).body
    AuctionAnswer.parse(won)
    assert.deepEqual(
      [won.clearing_price, won.ranking.length, won.ranking[0].price, won.reserve_price],
      ['2.50', 1, '2.50', null],
    )
    assert.ok(!JSON.stringify(won).includes(loser.account.id))

    const lost = (await get(loser, `auctions/${whole.id}`)).body
    AuctionAnswer.parse(lost)
    assert.deepEqual([lost.clearing_price, lost.winner, lost.ranking.length, lost.ranking[0].rank], [null, null, 1, 2])
    assert.deepEqual([lost.ranking[0].price, lost.ranking[0].reason], [null, 'another bid ranked higher'])
    assert.equal(lost.non_bids.length, 1)
    assert.ok(!JSON.stringify(lost).includes('2.50'))
    assert.ok(!JSON.stringify(lost).includes(buyer.account.id))

    const sold = (await get(seller, `auctions/${whole.id}`)).body
    AuctionAnswer.parse(sold)
    assert.deepEqual([sold.payout, sold.clearing_price, sold.ranking, sold.non_bids], ['2.00', null, [], []])
  })

  it('name no winner when nobody answered', async () => {
    const unanswered = sampleCall(seller.account.id, { outcome: 'cancelled', answeredAt: null, auctionId: newId() })
    const auction = sampleAuction(unanswered, [buyer.account.id])
    api.stores.callRecords.set(unanswered.id, unanswered)
    api.stores.auctionRecords.set(auction.id, { ...auction, nonBids: [{ ...auction.awards[0]!, code: 'ring_failed' }] })
    for (const person of [admin, buyer]) {
      const { body } = await get(person, `auctions/${auction.id}`)
      assert.deepEqual([body.winner, body.clearing_price, body.ranking[0].won], [null, null, false])
      assert.equal(body.ranking[0].reason, 'the target was rung and did not take the call')
    }
  })

  it('name as winner the award that was answered, not the one rung first', async () => {
    const second = sampleCall(seller.account.id, { buyerId: loser.account.id, auctionId: newId() })
    const auction = sampleAuction(second, [buyer.account.id, loser.account.id])
    const answered = { ...second, bidId: auction.awards[1]!.bidId }
    api.stores.callRecords.set(second.id, answered)
    api.stores.auctionRecords.set(auction.id, {
      ...auction,
      nonBids: [{ ...auction.awards[0]!, code: 'ring_failed' }],
    })
    const { body } = await get(admin, `auctions/${auction.id}`)
    assert.equal(body.winner.buyer_id, loser.account.id)
    assert.equal(body.ranking[0].reason, 'the target was rung and did not take the call')
  })

  it('list those in progress first, as they are now, each once, page by page', async () => {
    const owner = await api.person('seller', 'busy')
    const made = Array.from({ length: 9 }, () => sampleCall(owner.account.id))
    for (const done of made.slice(0, 6)) api.stores.callRecords.set(done.id, done)
    // Three are up, one of them stored at its answer already.
    const up = made.slice(6).map((live): CallRecord => ({ ...live, state: 'ringing', outcome: null, endedAt: null }))
    api.live.calls = up.toReversed()
    api.stores.callRecords.set(up[0]!.id, { ...up[0]!, state: 'answered' })
    const expected = made.map(({ id }) => id).toReversed()
    for (const limit of [1, 2, 3, 4, 100]) {
      const seen: { id: string; state: string }[] = []
      let cursor: string | null = ''
      while (cursor !== null) {
        const more: string = cursor ? `&cursor=${cursor}` : ''
        const { status, body } = await get(owner, `calls?limit=${limit}${more}`)
        assert.equal(status, 200, JSON.stringify(body))
        seen.push(...body.data)
        cursor = body.next_cursor
      }
      assert.deepEqual(
        seen.map(({ id }) => id),
        expected,
        `limit ${limit}`,
      )
      assert.equal(seen.filter(({ state }) => state === 'ringing').length, 3)
    }
    const ringing = await get(owner, 'calls?state=ringing')
    assert.equal(ringing.body.data.length, 3)
    api.live.calls = []
  })

  it('are found by what is known of them', async () => {
    const at = new Date('2026-03-01T12:00:00Z')
    const odd = sampleCall(seller.account.id, {
      ani: '+17135550177' as never,
      dnis: '+18885550111',
      outcome: 'refused',
      receivedAt: at,
      legs: [{ ...call.legs[0]!, sipCallId: 'odd@192.0.2.9' }, ...call.legs.slice(1)],
    })
    api.stores.callRecords.set(odd.id, odd)
    for (const query of [
      'from=7135550177',
      'to=(888)555-0111',
      'outcome=refused',
      'sip_call_id=odd@192.0.2.9',
      'until=2026-03-02T00:00:00Z',
      'since=2026-03-01T07:00:00-05:00&until=2026-03-01T12:00:01Z',
      `seller_id=${seller.account.id}&outcome=refused`,
    ]) {
      const { status, body } = await get(admin, `calls?${query}`)
      assert.equal(status, 200, query)
      assert.deepEqual(
        body.data.map(({ id }: CallRecord) => id),
        [odd.id],
        query,
      )
    }
    assert.deepEqual((await get(seller, `calls?buyer_id=${buyer.account.id}`)).body.data, [])
    assert.equal((await get(seller, 'calls?sip_call_id=odd@192.0.2.9')).body.data.length, 1)
    const bought = `calls?sip_call_id=${call.legs[0]!.sipCallId}`
    assert.ok((await get(seller, bought)).body.data.some(({ id }: CallRecord) => id === call.id))
    assert.deepEqual((await get(buyer, bought)).body.data, [], 'it is the carrier’s, not the buyer’s to know')
    assert.deepEqual((await get(buyer, `calls?buyer_id=${loser.account.id}`)).body.data, [])
    for (const query of [
      'from=x',
      'outcome=won',
      'state=up',
      'since=yesterday',
      'since=2026-03-01',
      'since=2026-02-30T12:00:00Z',
      'seller_id=x',
      'sip_call_id=a%00b',
    ]) {
      assert.equal((await get(admin, `calls?${query}`)).status, 422, query)
    }
  })

  it('hang up when they are up, and only one’s own', async () => {
    const live = sampleCall(seller.account.id, { state: 'answered', outcome: null, endedAt: null })
    api.live.calls = [live]
    const hangUp = (person: Person, id: string) => api.request('POST', `calls/${id}/hangup`, { token: person.token })
    assert.equal((await hangUp(loser, live.id)).status, 404)
    assert.deepEqual(api.live.hungUp, [])
    const reply = await hangUp(seller, live.id)
    assert.deepEqual([reply.status, reply.body.id], [202, live.id])
    assert.deepEqual(api.live.hungUp, [live.id])
    // Just ended, and not yet gone from among the live ones.
    api.live.calls = [{ ...live, state: 'ended', outcome: 'answered', endedAt: new Date() }]
    assert.deepEqual((await hangUp(admin, live.id)).body.code, 'call_not_up')
    assert.deepEqual(api.live.hungUp, [live.id])
    api.live.calls = []
    const over = await hangUp(admin, call.id)
    assert.deepEqual([over.status, over.body.code], [409, 'call_not_up'])
    assert.equal((await hangUp(admin, newId())).status, 404)
  })
})
