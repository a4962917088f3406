import assert from 'node:assert/strict'
import { type Exchange, startExchange, requireEmbeddedSip } from '../support/exchange.ts'
import { Market } from '../support/call-market.ts'

const CALLER_HUNG_UP = { outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up', hung_up_by: 'caller' }
const BUYER = 'uas-answer-caller-hangs-up-expect-200.xml'
const CALLER = 'uac-answered-caller-hangs-up-expect-200.xml'

/** SIPp goes on when something comes between two things it sends. */
const TOLERANT = ['-default_behaviors', 'all,-abortunexp']

describe('a carrier with its own way of speaking SIP', function () {
  this.timeout(90_000)
  let exchange: Exchange
  before(async function () {
    exchange = await startExchange(this)
  })
  after(() => exchange?.close())

  it('calls over TCP', async () => {
    const market = await Market.open(exchange)
    await market.buyer(BUYER)
    await market.call(CALLER, { transport: 'tcp' })
    await market.ended(CALLER_HUNG_UP)
  })

  it('reaches a buyer over TCP', async () => {
    const market = await Market.open(exchange)
    await market.buyer(BUYER, { play: { transport: 'tcp' } })
    await market.call(CALLER)
    await market.ended(CALLER_HUNG_UP)
  })

  it('uses compact header names', async () => {
    const market = await Market.open(exchange)
    await market.buyer(BUYER)
    await market.call('uac-compact-headers-expect-200.xml')
    await market.ended(CALLER_HUNG_UP)
  })

  it('folds its headers', async () => {
    const market = await Market.open(exchange)
    await market.buyer(BUYER)
    await market.call('uac-folded-headers-expect-200.xml')
    await market.ended(CALLER_HUNG_UP)
  })

  it('sends tel URIs and a routing number', async () => {
    const market = await Market.open(exchange)
    await market.buyer(BUYER)
    await market.call('uac-tel-uri-expect-200.xml')
    const record = await market.ended(CALLER_HUNG_UP)
    assert.equal(record.to, market.number)
    assert.equal(record.from, '+12125550142')
  })

  it('puts a prefix before the number', async () => {
    const market = await Market.open(exchange, { trunk: { strip_prefix: '9011' } })
    await market.buyer(BUYER)
    await market.call(CALLER, { service: `9011${market.number.slice(1)}` })
    const record = await market.ended(CALLER_HUNG_UP)
    assert.equal(record.to, market.number)
  })

  for (const [how, spell] of [
    ['eleven digits', (number: string) => number.slice(1)],
    ['ten digits', (number: string) => number.slice(2)],
  ] as const) {
    it(`dials ${how}`, async () => {
      const market = await Market.open(exchange)
      await market.buyer(BUYER)
      await market.call(CALLER, { service: spell(market.number), keys: { ani: '2125550142' } })
      const record = await market.ended(CALLER_HUNG_UP)
      assert.equal(record.to, market.number)
      assert.equal(record.from, '+12125550142')
    })
  }

  it('sends the INVITE three times and gets one call', async () => {
    const market = await Market.open(exchange)
    const buyer = await market.buyer(BUYER)
    await market.call('uac-retransmitted-invite-expect-200.xml', { more: TOLERANT })
    const result = await market.went(buyer.run)
    assert.equal(result.stats.created, 1, 'the buyer was rung once')
    await market.ended(CALLER_HUNG_UP)
  })

  it('withholds the caller’s number', async () => {
    const market = await Market.open(exchange)
    const buyer = await market.buyer(BUYER)
    await market.call('uac-anonymous-expect-200.xml')
    const seen = await market.messages(await market.went(buyer.run))
    assert.match(seen, /anonymous@anonymous\.invalid/)
    const record = await market.ended(CALLER_HUNG_UP)
    assert.equal(record.from, null)
  })

  it('asserts an identity that beats the From header', async () => {
    const market = await Market.open(exchange)
    await market.buyer(BUYER)
    await market.call('uac-asserted-identity-expect-200.xml', { keys: { ani: '+14155550123' } })
    const record = await market.ended(CALLER_HUNG_UP)
    assert.equal(record.from, '+14155550123')
  })

  it('asks whether the exchange is alive', async () => {
    const market = await Market.open(exchange)
    await market.call('uac-options-expect-200.xml')
    assert.equal((await exchange.callsTo(market.number)).length, 0)
    await market.close()
  })

  for (const header of ['from', 'content-length', 'max-forwards']) {
    it(`sends a malformed ${header} and hears 400 with its name`, async function () {
      requireEmbeddedSip(this, 'a parser that names the header at fault')
      const market = await Market.open(exchange)
      await market.call(`uac-malformed-${header}-expect-400.xml`)
      await market.close()
    })
  }
})
