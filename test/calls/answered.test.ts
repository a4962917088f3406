import assert from 'node:assert/strict'
import { eventually, type Exchange, startExchange } from '../support/exchange.ts'
import { Market } from '../support/call-market.ts'

describe('an answered call', function () {
  this.timeout(90_000)
  let exchange: Exchange
  before(async function () {
    exchange = await startExchange(this)
  })
  after(() => exchange?.close())

  const CALLER_HUNG_UP = { outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up', hung_up_by: 'caller' }

  it('is billed to the buyer and paid to the seller when the caller hangs up', async () => {
    const market = await Market.open(exchange)
    const buyer = await market.buyer('uas-answer-caller-hangs-up-expect-200.xml')
    await market.call('uac-answered-caller-hangs-up-expect-200.xml', { pauseMs: 500 })
    await market.went(buyer.run)

    const record = await market.ended(CALLER_HUNG_UP)
    // Alone in the auction, the buyer pays the reserve; the seller gets 80 % of it.
    assert.equal(record.price, '1.00')
    assert.equal(record.payout, '0.80')
    assert.equal(await market.balanceOf(buyer.account), '99.00')
    assert.equal(await market.balanceOf(market.seller), '0.80')
    assert.equal(record.from, '+12125550142')
    assert.equal(record.buyer_id, buyer.account.id)
    assert.ok(record.duration_ms >= 400 && record.duration_ms < 10_000, `lasted ${record.duration_ms} ms`)
    assert.equal(record.billable_ms, record.duration_ms)
    const since = new Date(Date.now() - 3_600_000).toISOString()
    let told: { key: string; billed: number }[] = []
    // The API has told of the end as it came; reports tell of what is committed.
    await eventually(
      async () => {
        const path = `/api/v1/reports/state?from=${since}`
        told = (await exchange.api.request<{ data: typeof told }>('GET', path)).data
        return told.find(({ key, billed }) => key === 'NY' && billed > 0)
      },
      () => `no call from New York is billed: ${JSON.stringify(told)}`,
    )
  })

  it('by the minute ends when its buyer pays for no more, and costs what was held for it', async () => {
    const minutes = { initial_increment_seconds: 1, increment_seconds: 1, max_billable_seconds: 1, at_max: 'end' }
    const payout = { type: 'minute', value: '30.00', initial_increment_seconds: 1, increment_seconds: 1 }
    const market = await Market.open(exchange, { number: { payout } })
    const buyer = await market.buyer('uas-answer-caller-hangs-up-expect-200.xml', {
      amount: '90.00',
      campaign: { pricing: { type: 'minute', ...minutes } },
    })
    await market.call('uac-answered-other-side-hangs-up-expect-200.xml')
    await market.went(buyer.run)
    const record = await market.ended({
      outcome: 'answered',
      sip_status: 200,
      end_reason: 'max_billable_duration',
      hung_up_by: 'exchange',
    })
    assert.ok(record.duration_ms >= 900, `lasted ${record.duration_ms} ms`)
    // Alone in the auction it pays the reserve: 1.00 for the second that is expected, so 60.00 a minute.
    assert.equal(record.price, '1.00')
    const path = `/api/v1/calls/${record.id}`
    const { per_minute: told } = await exchange.api.request<{ per_minute: Record<string, unknown> }>('GET', path)
    assert.deepEqual([told['price'], told['billed_seconds'], told['payout']], ['60.00', 1, '30.00'])
    const seconds = Number(told['payout_seconds'])
    assert.equal(record.payout, Math.min(1, seconds / 2).toFixed(2))
    assert.equal(await market.balanceOf(buyer.account), '99.00')
  })

  it('ends for the caller when the buyer hangs up', async () => {
    const market = await Market.open(exchange)
    const buyer = await market.buyer('uas-answer-hang-up-expect-200.xml', { play: { pauseMs: 1000 } })
    await market.call('uac-answered-other-side-hangs-up-expect-200.xml')
    await market.went(buyer.run)
    await market.ended({
      outcome: 'answered',
      sip_status: 200,
      end_reason: 'buyer_hung_up',
      hung_up_by: 'buyer',
    })
  })

  it('ends for both when an operator hangs up', async () => {
    const market = await Market.open(exchange)
    const buyer = await market.buyer('uas-answer-caller-hangs-up-expect-200.xml')
    const caller = await market.startCall('uac-answered-other-side-hangs-up-expect-200.xml')
    const up = await market.answered()
    await exchange.api.request('POST', `/api/v1/calls/${up.id}/hangup`)
    await market.went(caller)
    await market.went(buyer.run)
    await market.ended({
      outcome: 'answered',
      sip_status: 200,
      end_reason: 'operator_hung_up',
      hung_up_by: 'operator',
    })
  })

  it('costs nothing when it ends before the billable duration', async () => {
    const market = await Market.open(exchange)
    const buyer = await market.buyer('uas-answer-caller-hangs-up-expect-200.xml', { bid: { billable_after: 30 } })
    await market.call('uac-answered-caller-hangs-up-expect-200.xml')
    const record = await market.ended(CALLER_HUNG_UP)
    assert.equal(record.price, '0.00')
    assert.equal(record.billable_ms, 0)
    assert.equal(await market.balanceOf(buyer.account), '100.00')
  })

  it('goes to the higher bid, at the price of the lower one and a cent', async () => {
    const market = await Market.open(exchange)
    const low = await market.buyer('uas-busy-expect-486.xml', { amount: '3.00' })
    const high = await market.buyer('uas-answer-caller-hangs-up-expect-200.xml', { amount: '7.00' })
    await market.call('uac-answered-caller-hangs-up-expect-200.xml')
    const record = await market.ended(CALLER_HUNG_UP)
    assert.equal(record.buyer_id, high.account.id)
    assert.equal(record.price, '3.01')
    assert.equal(record.payout, '2.40') // 80 %, floored to the cent.
    assert.equal(await market.balanceOf(low.account), '100.00')
  })

  it('is answered without any ringing', async () => {
    const market = await Market.open(exchange)
    await market.buyer('uas-answer-without-ringing-expect-200.xml')
    await market.call('uac-answered-caller-hangs-up-expect-200.xml')
    await market.ended(CALLER_HUNG_UP)
  })

  it('lets the caller hear ringing', async () => {
    const market = await Market.open(exchange)
    await market.buyer('uas-answer-caller-hangs-up-expect-200.xml')
    await market.call('uac-ringing-relayed-expect-200.xml')
    await market.ended(CALLER_HUNG_UP)
  })

  it('lets the caller hear the announcement before the answer', async () => {
    const market = await Market.open(exchange)
    await market.buyer('uas-early-media-expect-200.xml')
    await market.call('uac-early-media-expect-200.xml')
    await market.ended(CALLER_HUNG_UP)
  })

  it('survives provisional answers nobody has heard of', async () => {
    const market = await Market.open(exchange)
    await market.buyer('uas-unknown-provisional-expect-200.xml')
    await market.call('uac-answered-caller-hangs-up-expect-200.xml')
    await market.ended(CALLER_HUNG_UP)
  })

  it('tells the buyer who is calling and which call it is', async () => {
    const market = await Market.open(exchange)
    const buyer = await market.buyer('uas-caller-identity-expect-200.xml')
    await market.call('uac-answered-caller-hangs-up-expect-200.xml', { keys: { ani: '+13125550123' } })
    const seen = await market.messages(await market.went(buyer.run))
    const record = (await market.records(1))[0]!
    assert.match(seen, /^From: ?<sip:\+13125550123@/m)
    assert.match(seen, /^P-Asserted-Identity: ?<sip:\+13125550123@/im)
    assert.match(seen, new RegExp(`^X-DCE-Call-ID: ?${record.id}`, 'im'))
    assert.doesNotMatch(seen, new RegExp(market.address.replaceAll('.', String.raw`\.`)), 'the carrier stays hidden')
    await market.ended(CALLER_HUNG_UP)
  })
})
