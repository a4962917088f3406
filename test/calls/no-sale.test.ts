import assert from 'node:assert/strict'
import { type Exchange, startExchange } from '../support/exchange.ts'
import { Market } from '../support/call-market.ts'

const NO_SALE = { outcome: 'no_sale', sip_status: 480, end_reason: 'no_sale', hung_up_by: 'exchange' }
const BUYER = 'uas-answer-caller-hangs-up-expect-200.xml'
const CALLER = 'uac-answered-caller-hangs-up-expect-200.xml'
const UNSOLD = 'uac-no-sale-expect-480.xml'

describe('a call nobody buys', function () {
  this.timeout(90_000)
  let exchange: Exchange
  before(async function () {
    exchange = await startExchange(this)
  })
  after(() => exchange?.close())

  /** Why this market’s bids did not win its only call, as the auction says; other markets’ bids are of other verticals. */
  async function reasons(market: Market): Promise<string[]> {
    const [record] = await market.records(1)
    const auction = await exchange.api.request<{ non_bids: { bid_id: string; code: string }[] }>(
      'GET',
      `/api/v1/calls/${record!.id}/auction`,
    )
    const own = new Set(market.buyers.map((buyer) => buyer.bid.id))
    return auction.non_bids.filter(({ bid_id }) => own.has(bid_id)).map(({ code }) => code)
  }

  it('since there is no bid for it', async () => {
    const market = await Market.open(exchange)
    await market.call(UNSOLD)
    await market.ended(NO_SALE)
  })

  it('since the only bid is for another state', async () => {
    const market = await Market.open(exchange)
    const criteria = { verticals: [market.vertical], geography: { states: ['TX'] } }
    await market.buyer(BUYER, { bid: { criteria } })
    await market.call(UNSOLD)
    assert.deepEqual(await reasons(market), ['location_mismatch'])
    await market.ended(NO_SALE)
  })

  it('since the only bid wants a place and the caller withholds the number', async () => {
    const market = await Market.open(exchange)
    const criteria = { verticals: [market.vertical], geography: { states: ['NY'] } }
    await market.buyer(BUYER, { bid: { criteria } })
    await market.call(UNSOLD, { keys: { ani: 'anonymous' } })
    assert.deepEqual(await reasons(market), ['location_unknown'])
    await market.ended(NO_SALE)
  })

  it('since every bid is below the reserve', async () => {
    const market = await Market.open(exchange, { number: { reserve_price: '6.00' } })
    await market.buyer(BUYER, { amount: '5.99' })
    await market.call(UNSOLD)
    assert.deepEqual(await reasons(market), ['below_reserve'])
    await market.ended(NO_SALE)
  })

  it('but is sold to a bid that equals the reserve', async () => {
    const market = await Market.open(exchange, { number: { reserve_price: '6.00' } })
    await market.buyer(BUYER, { amount: '6.00' })
    await market.call(CALLER)
    const record = await market.ended({ outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up' })
    assert.equal(record.price, '6.00')
  })

  it('since the buyer has no money', async () => {
    const market = await Market.open(exchange)
    await market.buyer(BUYER, { deposit: '0' })
    await market.call(UNSOLD)
    assert.deepEqual(await reasons(market), ['insufficient_credit'])
    await market.ended(NO_SALE)
  })

  it('since the budget of the day is spent', async () => {
    const market = await Market.open(exchange)
    const campaign = { status: 'active', budget: { daily: '1.50' } }
    const buyer = await market.buyer(BUYER, { amount: '1.50', campaign })
    await market.call(CALLER)
    await market.went(buyer.run)
    await market.records(1)
    await market.call(UNSOLD)
    const records = await market.records(2)
    assert.deepEqual(
      records.map((call) => call.outcome),
      ['no_sale', 'answered'],
    )
    assert.equal(await market.balanceOf(buyer.account), '99.00')
    await market.settled()
  })

  it('since the bid is paused, and is sold again when it is not', async () => {
    const market = await Market.open(exchange)
    const buyer = await market.buyer(BUYER, { bid: { status: 'paused' } })
    await market.call(UNSOLD)
    assert.deepEqual(await reasons(market), ['bid_paused'])
    await exchange.api.request('PATCH', `/api/v1/bids/${buyer.bid.id}`, { status: 'active' })
    await market.call(CALLER)
    await market.records(2)
    await market.settled()
  })
})
