import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually, Exchange, requireSipp } from '../support/exchange.ts'
import { Market } from '../support/call-market.ts'

const CALLER = 'uac-answered-caller-hangs-up-expect-200.xml'
const BUYER = 'uas-answer-caller-hangs-up-expect-200.xml'
const CALLER_HUNG_UP = { outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up', hung_up_by: 'caller' }
const ANI = '+12125550142'

interface Quote {
  readonly accepted: boolean
  readonly bid_amount: string
  readonly sip_uri: string
  readonly token: string
  readonly auction_id: string
}

describe('a call that was pinged', function () {
  this.timeout(90_000)
  let dataDirectory: string
  let exchange: Exchange
  before(async function () {
    requireSipp(this)
    dataDirectory = await mkdtemp(join(tmpdir(), 'dce-pinged-'))
    exchange = await Exchange.start({ dataDirectory })
  })
  after(async () => {
    await exchange?.close()
    await rm(dataDirectory, { recursive: true, force: true })
    await rm(`${dataDirectory}.log`, { force: true })
  })

  /** Asks as the seller does: with an API key that can do nothing else. */
  async function ping(market: Market, json: object = {}): Promise<Quote> {
    const path = `/api/v1/accounts/${market.seller.id}/api-keys`
    const { secret } = await exchange.api.request<{ secret: string }>('POST', path, { name: 'ping', scope: 'ping' })
    const body = { caller: ANI, number: market.number, ...json }
    const quote = await exchange.api.as(secret).request<Quote>('POST', '/bid-request', body)
    assert.ok(quote.accepted, JSON.stringify(quote))
    return quote
  }
  const userOf = ({ sip_uri }: Quote): string => /^sip:([^@]+)@/.exec(sip_uri)![1]!
  const held = async ({ id }: { readonly id: string }): Promise<unknown> =>
    (await exchange.api.request('GET', `/api/v1/accounts/${id}`))['held']

  it('at the SIP URI it was given has the price of its ping, though bids are others by now', async () => {
    const market = await Market.open(exchange)
    const buyer = await market.buyer(BUYER, { amount: '5.00' })
    const other = await market.buyer(BUYER, { amount: '3.00' })
    const quote = await ping(market)
    assert.equal(quote.bid_amount, '2.40', '80 % of 3.01')
    assert.equal(await held(buyer.account), '3.01')
    await exchange.api.request('PATCH', `/api/v1/bids/${buyer.bid.id}`, { amount: '1.00' })
    await exchange.api.request('PATCH', `/api/v1/bids/${other.bid.id}`, { amount: '9.00' })

    await market.call(CALLER, { service: userOf(quote), keys: { ani: '+13125550142' } })
    await market.went(buyer.run)
    const record = await market.ended(CALLER_HUNG_UP)
    assert.deepEqual([record.buyer_id, record.price, record.payout], [buyer.account.id, '3.01', '2.40'])
    assert.ok(record.trace.some(({ step }) => step === 'pinged'))
    const auction = await exchange.api.request<{ call_id: string }>('GET', `/api/v1/auctions/${quote.auction_id}`)
    assert.equal(auction.call_id, record.id)
  })

  it('is known by its caller and number; when its buyer is busy the next one’s payout is the seller’s', async () => {
    const market = await Market.open(exchange)
    const busy = await market.buyer('uas-busy-expect-486.xml', { amount: '5.00' })
    const next = await market.buyer(BUYER, { amount: '3.00' })
    await ping(market)
    await market.call(CALLER)
    await market.went(busy.run)
    await market.went(next.run)
    const record = await market.ended(CALLER_HUNG_UP)
    assert.deepEqual([record.buyer_id, record.price, record.payout], [next.account.id, '1.00', '0.80'])
    assert.equal(await market.balanceOf(busy.account), '100.00')
  })

  it('by an exchange that was killed since holds nothing, and is auctioned afresh by the number in its URI', async () => {
    const market = await Market.open(exchange)
    const buyer = await market.buyer(BUYER, { amount: '5.00' })
    await market.buyer(BUYER, { amount: '3.00' })
    const quote = await ping(market)
    assert.equal(await held(buyer.account), '3.01')
    await exchange.process.kill()
    exchange = await Exchange.start({ dataDirectory })
    assert.equal(await held(buyer.account), '0.00')
    const remote = exchange.process.sip('udp')
    await market.call(CALLER, { service: userOf(quote), remote })
    const record = await eventually(
      async () => (await exchange.callsTo(market.number)).find(({ state }) => state === 'ended'),
      () => `no call to ${market.number} has ended`,
    )
    assert.ok(!record.trace.some(({ step }) => step === 'pinged'))
    assert.equal(record.buyer_id, buyer.account.id)
    await market.close()
    await exchange.assertMoneyBalances()
  })
})
