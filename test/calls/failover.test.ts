import assert from 'node:assert/strict'
import type { IncomingCall } from '../../sipp/agents/incoming-call.ts'
import { createUserAgent } from '../../sipp/agents/user-agent.ts'
import { type Exchange, startExchange } from '../support/exchange.ts'
import { Market } from '../support/call-market.ts'

const CALLER_HUNG_UP = { outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up', hung_up_by: 'caller' }
const SECOND = 'uas-answer-caller-hangs-up-expect-200.xml'

describe('a buyer who does not take the call', function () {
  this.timeout(90_000)
  let exchange: Exchange
  before(async function () {
    exchange = await startExchange(this)
  })
  after(() => exchange?.close())

  for (const [what, file] of [
    ['is busy', 'uas-busy-expect-486.xml'],
    ['has moved', 'uas-moved-expect-302.xml'],
    ['is unknown there', 'uas-not-found-expect-404.xml'],
    ['breaks', 'uas-broken-expect-500.xml'],
    ['is overloaded', 'uas-unavailable-expect-503.xml'],
    ['declines', 'uas-decline-expect-603.xml'],
    ['refuses with a status nobody has heard of', 'uas-unknown-status-expect-499.xml'],
    ['announces something and then is busy', 'uas-early-media-then-busy-expect-486.xml'],
  ] as const) {
    it(`${what}: the next one is rung, and pays its own price`, async () => {
      const market = await Market.open(exchange)
      const first = await market.buyer(file, { amount: '9.00' })
      const second = await market.buyer(SECOND, { amount: '4.00' })
      await market.call('uac-answered-caller-hangs-up-expect-200.xml')
      await market.went(first.run)
      await market.went(second.run)
      const record = await market.ended(CALLER_HUNG_UP)
      assert.equal(record.buyer_id, second.account.id)
      assert.equal(record.price, '1.00', 'alone below the first, the second pays the reserve')
      assert.equal(record.legs.length, 3, 'the caller and two buyers')
      assert.equal(await market.balanceOf(first.account), '100.00')
    })
  }

  it('declines, and its campaign says that this is the last word: nobody else is rung', async () => {
    const market = await Market.open(exchange)
    const campaign = { stop_codes: [603, 607] }
    const first = await market.buyer('uas-decline-expect-603.xml', { amount: '9.00', campaign })
    const second = await market.buyer(SECOND, { amount: '4.00' })
    await market.call('uac-declined-expect-603.xml')
    await market.went(first.run)
    const record = await market.ended({ outcome: 'failed', sip_status: 603, end_reason: 'stop_code' })
    assert.equal(record.legs.length, 2, 'the caller and the one buyer')
    assert.equal(await market.balanceOf(first.account), '100.00')
    const auction = await exchange.api.request<{ non_bids: { bid_id: string; code: string }[] }>(
      'GET',
      `/api/v1/calls/${record.id}/auction`,
    )
    assert.equal(auction.non_bids.find(({ bid_id }) => bid_id === second.bid.id)?.code, 'not_reached')
  })

  for (const [status, reason] of [
    [607, 'Unwanted'],
    [608, 'Rejected'],
  ] as const)
    it(`says ${status}, and the caller hears that where it is the last word (RFC 8197, RFC 8688)`, async () => {
      const market = await Market.open(exchange)
      const [carrier, agent] = [await createUserAgent({ address: market.address }), await createUserAgent({})]
      try {
        const terms = { amount: '9.00', campaign: { stop_codes: [607, 608] } }
        await market.standingBid({ host: agent.address, port: agent.port }, terms)
        agent.on('call', (call: IncomingCall) => call.reject(status, 'whatever'))
        const target = exchange.process.sip()
        const outcome = await carrier.call({ to: market.number, from: '+12125550142', target }).outcome
        assert.ok(outcome.kind === 'rejected')
        assert.deepEqual([outcome.status, outcome.reason], [status, reason])
        await market.ended({ outcome: 'failed', sip_status: status, end_reason: 'stop_code' })
      } finally {
        await Promise.all([carrier.close(), agent.close()])
      }
    })

  it('is not rung again by another of its own bids', async () => {
    const market = await Market.open(exchange)
    const first = await market.buyer('uas-busy-expect-486.xml', { amount: '9.00' })
    const again = await exchange.api.create('bids', {
      account_id: first.account.id, // Its only target is meant.
      amount: '7.00',
      billable_after: 0,
      criteria: { verticals: [market.vertical] },
    })
    const second = await market.buyer(SECOND, { amount: '4.00' })
    await market.call('uac-answered-caller-hangs-up-expect-200.xml')
    const record = await market.ended(CALLER_HUNG_UP)
    assert.equal(record.buyer_id, second.account.id)
    assert.equal(record.legs.length, 3, 'the caller, the busy target once, and the other buyer')
    const auction = await exchange.api.request<{ non_bids: { bid_id: string; code: string }[] }>(
      'GET',
      `/api/v1/calls/${record.id}/auction`,
    )
    assert.equal(auction.non_bids.find(({ bid_id }) => bid_id === again.id)?.code, 'target_tried')
  })

  it('does not answer: it is cancelled at its ring timeout and the next one is rung', async () => {
    const market = await Market.open(exchange)
    const first = await market.buyer('uas-no-answer-expect-487.xml', { amount: '9.00', target: { ring_timeout: 1 } })
    const second = await market.buyer(SECOND, { amount: '4.00' })
    await market.call('uac-answered-caller-hangs-up-expect-200.xml')
    await market.went(first.run)
    const record = await market.ended(CALLER_HUNG_UP)
    assert.equal(record.buyer_id, second.account.id)
  })

  it('says no more than 100: the next one is rung', async () => {
    const market = await Market.open(exchange)
    const first = await market.buyer('uas-trying-only-expect-487.xml', { amount: '9.00', target: { ring_timeout: 1 } })
    await market.buyer(SECOND, { amount: '4.00' })
    await market.call('uac-answered-caller-hangs-up-expect-200.xml')
    await market.went(first.run)
    await market.ended(CALLER_HUNG_UP)
  })

  it('answers just as it is given up on: it is hung up at once and pays nothing', async () => {
    const market = await Market.open(exchange)
    const first = await market.buyer('uas-answer-crossing-cancel-expect-bye.xml', {
      amount: '9.00',
      target: { ring_timeout: 1 },
    })
    const second = await market.buyer(SECOND, { amount: '4.00' })
    await market.call('uac-answered-caller-hangs-up-expect-200.xml')
    await market.went(first.run)
    const record = await market.ended(CALLER_HUNG_UP)
    assert.equal(record.buyer_id, second.account.id)
    assert.equal(await market.balanceOf(first.account), '100.00')
  })

  it('cannot be reached at all: the next one is rung', async () => {
    const market = await Market.open(exchange)
    const first = await market.buyer(SECOND, { amount: '9.00', target: { ring_timeout: 1 } })
    await first.run.stop() // Nobody listens there any more.
    await market.buyer(SECOND, { amount: '4.00' })
    await market.call('uac-answered-caller-hangs-up-expect-200.xml')
    await market.ended(CALLER_HUNG_UP)
  })

  it('is busy like all the others: the caller hears busy', async () => {
    const market = await Market.open(exchange)
    await market.buyer('uas-busy-expect-486.xml', { amount: '9.00' })
    await market.buyer('uas-busy-expect-486.xml', { amount: '4.00' })
    await market.call('uac-busy-expect-486.xml')
    const record = await market.ended({ outcome: 'busy', sip_status: 486, end_reason: 'all_awards_failed' })
    assert.equal(record.price, '0.00')
  })

  for (const [what, campaign, end] of [
    ['as the last', {}, { outcome: 'busy', end_reason: 'all_awards_failed' }],
    ['for good', { stop_codes: [486] }, { outcome: 'busy', end_reason: 'stop_code' }],
  ] as const) {
    it(`is busy ${what}, and says by what cause: the caller hears the cause, not the rest`, async () => {
      const market = await Market.open(exchange)
      const [carrier, phone] = [await createUserAgent({ address: market.address }), await createUserAgent({})]
      try {
        await market.standingBid({ host: phone.address, port: phone.port }, { campaign })
        const reason = 'Q.850;cause=17;text="busy at pbx.inner", SIP;cause=486'
        phone.on('call', (call) => call.reject(486, 'Busy Here', { Reason: reason }))
        const outcome = await carrier.call({
          to: market.number,
          from: '+12125550142',
          target: exchange.process.sip(),
        }).outcome
        assert.ok(outcome.kind === 'rejected')
        assert.equal(outcome.status, 486)
        assert.equal(outcome.response?.get('reason'), 'Q.850;cause=17')
        const record = await market.ended({ sip_status: 486, ...end })
        assert.equal(outcome.response?.get('x-dce-call-id'), record.id)
      } finally {
        await carrier.close()
        await phone.close()
      }
    })
  }

  it('rings unanswered like all the others: the caller hears 480', async () => {
    const market = await Market.open(exchange)
    const terms = { target: { ring_timeout: 1 } }
    await market.buyer('uas-no-answer-expect-487.xml', { amount: '9.00', ...terms })
    await market.buyer('uas-no-answer-expect-487.xml', { amount: '4.00', ...terms })
    await market.call('uac-no-sale-expect-480.xml')
    await market.ended({ outcome: 'no_answer', sip_status: 480, end_reason: 'all_awards_failed' })
  })

  it('answers in a way that cannot be used: it is hung up on, and pays nothing', async () => {
    const market = await Market.open(exchange)
    const buyer = await market.buyer('uas-answer-without-contact-expect-bye.xml')
    await market.call('uac-no-sale-expect-480.xml')
    await market.went(buyer.run)
    const record = await market.ended({ outcome: 'failed', sip_status: 480, end_reason: 'all_awards_failed' })
    assert.equal(record.price, '0.00')
  })

  it('is broken like all the others: the caller hears 480, not the 500', async () => {
    const market = await Market.open(exchange)
    await market.buyer('uas-broken-expect-500.xml')
    await market.call('uac-no-sale-expect-480.xml')
    await market.ended({ outcome: 'failed', sip_status: 480, end_reason: 'all_awards_failed' })
  })
})
