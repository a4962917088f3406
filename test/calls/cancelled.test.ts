import assert from 'node:assert/strict'
import type { IncomingCall } from '../../sipp/agents/incoming-call.ts'
import { createUserAgent, type UserAgent } from '../../sipp/agents/user-agent.ts'
import { type Exchange, startExchange, requireEmbeddedSip } from '../support/exchange.ts'
import { Market } from '../support/call-market.ts'

const CANCELLED = { outcome: 'cancelled', sip_status: 487, end_reason: 'cancelled', hung_up_by: 'caller' }

describe('a caller who gives up', function () {
  this.timeout(90_000)
  let exchange: Exchange
  before(async function () {
    exchange = await startExchange(this)
  })
  after(() => exchange?.close())

  it('while it rings: the buyer’s phone stops ringing and the next is not rung', async () => {
    const market = await Market.open(exchange)
    const first = await market.buyer('uas-no-answer-expect-487.xml', { amount: '9.00' })
    const second = await market.buyer('uas-answer-caller-hangs-up-expect-200.xml', { amount: '4.00' })
    await market.call('uac-cancel-while-ringing-expect-487.xml')
    await market.went(first.run)
    await market.ended(CANCELLED)
    assert.equal((await second.run.finished).stats.created, 0, 'the second buyer was not rung')
  })

  it('before the buyer has said anything but 100', async () => {
    const market = await Market.open(exchange)
    const buyer = await market.buyer('uas-trying-only-expect-487.xml')
    await market.call('uac-cancel-before-ringing-expect-487.xml')
    await market.went(buyer.run)
    await market.ended(CANCELLED)
  })

  it('before the buyer has said anything: the CANCEL waits for its first word', async () => {
    const market = await Market.open(exchange)
    const buyer = await market.buyer('uas-slow-trying-expect-487.xml', { play: { pauseMs: 1200 } })
    await market.call('uac-cancel-before-ringing-expect-487.xml')
    await market.went(buyer.run)
    await market.ended(CANCELLED)
  })

  it('at once, while the call is being sold', async () => {
    const market = await Market.open(exchange)
    const buyer = await market.buyer('uas-no-answer-expect-487.xml')
    // SIPp goes on when something comes between two things it sends.
    const more = ['-default_behaviors', 'all,-abortunexp']
    await market.call('uac-cancel-during-auction-expect-487.xml', { more })
    const record = await market.ended(CANCELLED)
    assert.equal(record.price, '0.00')
    assert.ok((await buyer.run.finished).stats.created <= 1)
  })

  it('just as the buyer answers: the buyer is hung up, the caller hears 487, nobody pays', async () => {
    const market = await Market.open(exchange)
    const buyer = await market.buyer('uas-answer-crossing-cancel-expect-bye.xml')
    await market.call('uac-cancel-while-ringing-expect-487.xml')
    await market.went(buyer.run)
    await market.ended(CANCELLED)
    assert.equal(await market.balanceOf(buyer.account), '100.00')
  })

  it('just as the answer is on its way: the call is answered, and the caller hangs up', async () => {
    const market = await Market.open(exchange)
    const buyer = await market.buyer('uas-answer-caller-hangs-up-expect-200.xml')
    await market.call('uac-cancel-crossing-answer-expect-200.xml')
    await market.went(buyer.run)
    await market.ended({ outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up', hung_up_by: 'caller' })
  })
})

describe('the 487 to a caller who gives up', function () {
  this.timeout(90_000)
  let exchange: Exchange
  const phones: UserAgent[] = []
  before(async function () {
    requireEmbeddedSip(this, 'leaves the 487 to the exchange')
    exchange = await startExchange(this)
  })
  after(async () => {
    for (const phone of phones) await phone.close()
    await exchange?.close()
  })

  for (const [when, rings] of [
    ['while it rings', true],
    ['before anybody has said anything', false],
  ] as const)
    it(`names the call ${when}`, async () => {
      const market = await Market.open(exchange)
      for (const address of [market.address, '127.0.0.1']) phones.push(await createUserAgent({ address }))
      const [carrier, agent] = phones.slice(-2) as [UserAgent, UserAgent]
      await market.standingBid({ host: agent.address, port: agent.port }, { amount: '9.00' })
      const rung = new Promise<void>((resolve) => {
        agent.on('call', (call: IncomingCall) => {
          if (rings) call.ring()
          setTimeout(resolve, 100)
        })
      })
      const caller = carrier.call({ to: market.number, from: '+12125550142', target: exchange.process.sip() })
      await rung
      caller.cancel()
      const outcome = await caller.outcome
      assert.ok(outcome.kind === 'rejected' && outcome.status === 487)
      const record = await market.ended(CANCELLED)
      assert.equal(outcome.response?.get('x-dce-call-id'), record.id)
    })
})

describe('two sides that hang up at once', function () {
  this.timeout(90_000)
  let exchange: Exchange
  before(async function () {
    exchange = await startExchange(this)
  })
  after(() => exchange?.close())

  it('are both answered when the caller was first', async () => {
    const market = await Market.open(exchange)
    const buyer = await market.buyer('uas-bye-crossing-expect-200.xml')
    await market.call('uac-answered-caller-hangs-up-expect-200.xml')
    await market.went(buyer.run)
    await market.ended({ outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up', hung_up_by: 'caller' })
  })

  it('are both answered when the buyer was first', async () => {
    const market = await Market.open(exchange)
    const buyer = await market.buyer('uas-answer-hang-up-expect-200.xml', { play: { pauseMs: 1000 } })
    await market.call('uac-bye-crossing-expect-200.xml')
    await market.went(buyer.run)
    await market.ended({ outcome: 'answered', sip_status: 200, end_reason: 'buyer_hung_up', hung_up_by: 'buyer' })
  })
})

describe('a caller whose ACK is lost', function () {
  this.timeout(90_000)
  let exchange: Exchange
  before(async function () {
    requireEmbeddedSip(this, 'its timer T1 set')
    // 64 × T1 without an ACK end the call: 3.2 s instead of 32.
    exchange = await startExchange(this, { env: { DCE_TELEPHONY_T1: '50ms' } })
  })
  after(() => exchange?.close())

  it('is hung up on, and so is the buyer, who pays nothing; the record says why', async () => {
    const market = await Market.open(exchange)
    const buyer = await market.buyer('uas-answer-caller-hangs-up-expect-200.xml', { bid: { billable_after: 0 } })
    await market.call('uac-lost-ack-expect-200.xml')
    await market.went(buyer.run)
    const ending = { outcome: 'answered', sip_status: 200, end_reason: 'ack_timeout', hung_up_by: 'exchange' }
    const record = await market.ended(ending)
    assert.deepEqual([record.price, record.payout], ['0.00', '0.00'], 'nobody has proved to be there')
    assert.equal(await market.balanceOf(buyer.account), '100.00')
  })
})
