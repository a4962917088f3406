import assert from 'node:assert/strict'
import { BidderServer } from '../support/bidder-stage.ts'
import { Market } from '../support/call-market.ts'
import { startExchange, type Exchange } from '../support/exchange.ts'

const CALLER = 'uac-answered-caller-hangs-up-expect-200.xml'
const BUYER = 'uas-answer-caller-hangs-up-expect-200.xml'

describe('a call sold to an HTTP bidder', function () {
  this.timeout(90_000)
  let exchange: Exchange
  before(async function () {
    const env = { DCE_OUTGOING_PRIVATE_NETWORKS: '127.0.0.0/8', DCE_AUCTION_TIMEOUT: '2s' }
    exchange = await startExchange(this, { env })
  })
  after(() => exchange?.close())

  it('rings where its answer says, at a price no higher than it said', async () => {
    const market = await Market.open(exchange)
    const standing = await market.buyer(BUYER, { amount: '3.00' })
    const target = { uri: 'sip:nobody@127.0.0.1:1' }
    const { account, run: rung } = await market.buyer(BUYER, { bid: { status: 'paused' }, target })
    const server = await BidderServer.start(({ method }) =>
      method === 'GET' ? {} : { bid: '5.00', to: `sip:pool@${rung.host}:${rung.port}` },
    )
    try {
      const { api } = exchange
      const bidder = await api.create('bidders', {
        account_id: account.id,
        name: 'rtb',
        max_bid: '10.00',
        criteria: { verticals: [market.vertical] },
        secrets: { key: 'k1' },
        ping: {
          url: `${server.url}bid`,
          headers: { 'X-Key': '{{secret:key}}' },
          body: '{"caller": "{{caller}}", "vertical": "{{vertical}}"}',
        },
        answer: { bid: { json: 'bid' }, destination: { json: 'to' } },
        win_url: `${server.url}won?price={{price}}`,
      })
      await market.call(CALLER)
      await market.went(rung)
      const record = await market.ended({
        outcome: 'answered',
        sip_status: 200,
        end_reason: 'caller_hung_up',
        hung_up_by: 'caller',
      })
      assert.deepEqual([record.buyer_id, record.price], [account.id, '3.01'])
      assert.ok(record.trace.some(({ step }) => step === 'bidders asked'))
      const [ping, won] = server.heard
      assert.equal(ping!.headers['x-key'], 'k1')
      assert.match(JSON.parse(ping!.body).caller, /^[0-9a-f]{64}$/)
      assert.equal(won!.url, '/won?price=3.01')
      const auction = await api.request<{ ranking: { bid_id: string; won: boolean }[] }>(
        'GET',
        `/api/v1/calls/${record.id}/auction`,
      )
      assert.deepEqual(
        auction.ranking.map(({ bid_id, won: hasWon }) => [bid_id, hasWon]),
        [
          [bidder.id, true],
          [standing.bid.id, false],
        ],
      )
      const { state } = await api.request<{ state: Record<string, unknown> }>('GET', `/api/v1/bidders/${bidder.id}`)
      assert.deepEqual([state['circuit'], state['asked'], state['bids']], ['closed', 1, 1])
    } finally {
      await server.close()
    }
  })
})
