import assert from 'node:assert/strict'
import { newId, type AccountId, type AuctionId } from '../../model/ids.ts'
import type { Ping, PingAnswer } from '../../model/ping.ts'
import { refusesEach } from '../support/api-faults.ts'
import { startApi, type ApiHarness, type Person } from '../support/api-harness.ts'
import { sampleAuction, sampleCall } from '../support/sample-calls.ts'

const TOKEN = `ping-${'0123456789abcdef'.repeat(2)}`

describe('POST /bid-request', () => {
  let api: ApiHarness
  let admin: Person
  let seller: Person
  let stranger: Person
  let asked: Ping[] = []
  let answer: PingAnswer
  const auctionId = newId<AuctionId>()
  const buyerId = newId<AccountId>()

  before(async () => {
    api = await startApi({
      pings: {
        ownerOf: (number) => (number === '+18005550100' ? seller.account.id : null),
        onlyNumberOf: () => null,
        quoted: () => null,
        ask(ping) {
          asked.push(ping)
          return answer
        },
        decision(id) {
          const call = sampleCall(seller.account.id, { auctionId })
          const auction = sampleAuction(call, [buyerId])
          return id === auctionId ? { auction, sellerId: seller.account.id, payoutMicros: 2_400_000n } : null
        },
      },
    })
    admin = await api.person('operator')
    seller = await api.person('seller')
    stranger = await api.person('seller', 'stranger')
  })
  after(() => api.api.close())
  beforeEach(() => {
    asked = []
    answer = {
      kind: 'accepted',
      auctionId,
      token: TOKEN,
      payoutMicros: 2_400_000n,
      currency: 'USD',
      billableAfter: 30,
      expiresAt: new Date('2026-06-17T16:00:30Z'),
      secondsLeft: 30,
      sipUri: `sip:18005550100-${TOKEN}@dce.example`,
      number: '+18005550100' as never,
      isRepeated: false,
    }
  })

  const ping = (json: object, person = seller, path = 'bid-request') =>
    api.request('POST', path, { token: person.token, json })
  const PING = { caller: '(212) 555-0123', number: '+18005550100' }

  it('answers with what the seller is paid, until when, and where the call is to go', async () => {
    const { status, body } = await ping({ ...PING, vertical: 'Roofing ', zip: '78701', tags: { sub_id: '7' } })
    assert.equal(status, 200)
    assert.deepEqual(body, {
      accepted: true,
      bid_amount: '2.40',
      currency: 'USD',
      billable_after: 30,
      expires_at: '2026-06-17T16:00:30.000Z',
      sip_uri: `sip:18005550100-${TOKEN}@dce.example`,
      number: '+18005550100',
      token: TOKEN,
      auction_id: auctionId,
    })
    const wanted = { caller: '+12125550123', number: '+18005550100', vertical: 'roofing', zip: '78701' }
    assert.deepEqual(asked, [{ sellerId: seller.account.id, ...wanted, tags: { sub_id: '7' } }])
  })

  it('is there without the prefix, for administrators, and for callers who withhold their number', async () => {
    assert.equal((await ping({ ...PING, caller: null }, admin, '/bid-request')).status, 200)
    assert.deepEqual([asked[0]?.sellerId, asked[0]?.caller], [seller.account.id, null])
  })

  it('says why a ping is not accepted', async () => {
    const reasons = [{ code: 'no_bid', number: 730, reason: 'nobody bids for such a call' }] as const
    answer = { kind: 'rejected', auctionId: null, reasons }
    const { status, body } = await ping(PING)
    assert.deepEqual([status, body], [200, { accepted: false, reasons, auction_id: null }])
  })

  it('is 429 with Retry-After when a seller asks too often', async () => {
    answer = { kind: 'limited', retryAfterSeconds: 1, perSecond: 500 }
    const { status, body, headers } = await ping(PING)
    assert.deepEqual([status, body.code, headers.get('retry-after')], [429, 'too_many_requests', '1'])
  })

  it('is for sellers, and for their own numbers', async () => {
    assert.equal((await ping(PING, await api.person('buyer'))).status, 403)
    const { status, body } = await ping(PING, stranger)
    assert.deepEqual([status, body.errors[0].pointer, body.errors[0].code], [422, '/number', 'not_found'])
    assert.deepEqual(asked, [])
  })

  it('refuses what it cannot read, by name', async () => {
    const many = Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`t${i}`, 'x']))
    await refusesEach(api, seller, 'bid-request', PING, {
      caller: [undefined, 'Ann', 7, ''],
      number: [undefined, '911', null],
      zip: ['7870', 78701],
      vertical: ['', '\n'],
      tags: [many, { a: 1 }, { 'a b': 'x' }, 'x'],
      price: ['2'],
    })
    assert.deepEqual(asked, [])
  })

  it('is explained afterwards by GET /auctions/{id}: all of it to the house, the payout to its seller', async () => {
    const read = (person: Person) => api.request('GET', `auctions/${auctionId}`, { token: person.token })
    const house = (await read(admin)).body
    assert.deepEqual([house.payout, house.ranking.length > 0], ['2.40', true])
    const own = (await read(seller)).body
    assert.deepEqual([own.payout, own.ranking, own.clearing_price], ['2.40', [], null])
    assert.equal((await read(stranger)).status, 404)
  })
})
