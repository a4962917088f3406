import assert from 'node:assert/strict'
import { eventually, type Exchange, startExchange } from '../support/exchange.ts'
import { Market } from '../support/call-market.ts'

const NO = { outcome: 'refused', sip_status: 603, end_reason: 'compliance', hung_up_by: 'exchange' }
const YES = { outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up', hung_up_by: 'caller' }
const BUYER = 'uas-answer-caller-hangs-up-expect-200.xml'
const CALLER = 'uac-answered-caller-hangs-up-expect-200.xml'

/** A window of an hour, far from now in New York whatever the time is. */
function closedHours(): Record<string, string> {
  const hour = Number(
    new Intl.DateTimeFormat('en-US', { timeZone: 'America/New_York', hour: 'numeric', hourCycle: 'h23' }).format(),
  )
  const [start, end] = hour < 12 ? ['19:00', '20:00'] : ['08:00', '09:00']
  return {
    DCE_COMPLIANCE_TCPA_CALLING_HOURS_START: start,
    DCE_COMPLIANCE_TCPA_CALLING_HOURS_END: end,
  }
}

describe('the law outside calling hours', function () {
  this.timeout(90_000)
  let exchange: Exchange
  before(async function () {
    exchange = await startExchange(this, { env: closedHours() })
  })
  after(() => exchange?.close())

  it('forbids a transferred call', async () => {
    const market = await Market.open(exchange, { number: { traffic_type: 'transfer' } })
    await market.buyer(BUYER)
    await market.call('uac-compliance-expect-603.xml')
    await market.ended(NO)
  })

  it('only remarks on a call the consumer dialled', async () => {
    const market = await Market.open(exchange)
    await market.buyer(BUYER)
    await market.call(CALLER)
    await market.ended(YES)
  })
})

describe('the lists', function () {
  this.timeout(90_000)
  let exchange: Exchange
  before(async function () {
    exchange = await startExchange(this, { env: { DCE_COMPLIANCE_TCPA_ENABLED: 'false' } })
    await exchange.api.create('dnc', { number: '+12125550199', list: 'blocked', reason: 'threats' })
    await exchange.api.create('dnc', { number: '+12125550188', list: 'internal', reason: 'asked us not to call' })
  })
  after(() => exchange?.close())

  it('keep a blocked caller out of every number', async () => {
    const market = await Market.open(exchange)
    await market.buyer(BUYER)
    await market.call('uac-compliance-expect-603.xml', { keys: { ani: '+12125550199' } })
    await market.ended(NO)
  })

  it('forbid a transferred call of somebody who asked not to be called', async () => {
    const market = await Market.open(exchange, { number: { traffic_type: 'transfer' } })
    await market.buyer(BUYER)
    await market.call('uac-compliance-expect-603.xml', { keys: { ani: '+12125550188' } })
    await market.ended(NO)
  })

  it('let somebody who asked not to be called call us', async () => {
    const market = await Market.open(exchange)
    await market.buyer(BUYER)
    await market.call(CALLER, { keys: { ani: '+12125550188' } })
    await market.ended(YES)
  })

  it('are read by the next call after a number is taken off them', async () => {
    await exchange.api.create('dnc', { number: '+12125550177', list: 'blocked', reason: 'by mistake' })
    const market = await Market.open(exchange)
    await market.buyer(BUYER)
    await market.call('uac-compliance-expect-603.xml', { keys: { ani: '+12125550177' } })
    await exchange.api.request('DELETE', '/api/v1/dnc/+12125550177')
    await market.call(CALLER, { keys: { ani: '+12125550177' } })
    const records = await market.records(2)
    assert.deepEqual(
      records.map((call) => call.outcome),
      ['answered', 'refused'],
    )
    await market.settled()
  })
})

describe('fraud', function () {
  this.timeout(90_000)
  let exchange: Exchange
  before(async function () {
    exchange = await startExchange(this, { env: { DCE_COMPLIANCE_TCPA_ENABLED: 'false' } })
  })
  after(() => exchange?.close())

  it('refuses a caller who is blocked for a time, until that is lifted, and scores every call', async () => {
    const market = await Market.open(exchange)
    await market.buyer(BUYER)
    const ani = '+12125527391'
    const blocked = await exchange.api.create('fraud/blocks', {
      kind: 'caller',
      value: ani,
      minutes: 60,
      reason: 'seen',
    })
    await market.call('uac-compliance-expect-603.xml', { keys: { ani } })
    await exchange.api.request('DELETE', `/api/v1/fraud/blocks/${blocked.id}`)
    await market.call(CALLER, { keys: { ani } })
    const [answered, refused] = await market.records(2)
    assert.deepEqual(
      [refused!.outcome, refused!.end_reason, refused!.sip_status, refused!.fraud],
      ['refused', 'fraud', 603, { score: 1, action: 'block', detail: '1.00, block: seen' }],
    )
    assert.equal(answered!.outcome, 'answered')
    assert.ok(answered!.fraud !== null)
    await market.settled()
  })
})

describe('the operator’s own rules', function () {
  this.timeout(90_000)
  let exchange: Exchange
  before(async function () {
    exchange = await startExchange(this, { env: { DCE_COMPLIANCE_TCPA_ENABLED: 'false' } })
  })
  after(() => exchange?.close())

  it('are in force for the next call, keep it from one buyer alone where they name it, and are gone when deleted', async () => {
    const market = await Market.open(exchange)
    const first = await market.buyer(BUYER, { amount: '20.00' })
    await market.buyer(BUYER, { amount: '10.00' })
    const forOne = await exchange.api.create('compliance/rules', {
      name: 'no New Yorkers for the first',
      source: 'its contract',
      effect: 'block',
      scope: { buyers: [first.account.id] },
      terms: { type: 'geography', against: 'in', states: ['NY'] },
    })
    await market.call(CALLER)
    const forAll = await exchange.api.create('compliance/rules', {
      name: 'twice a day',
      source: 'house policy',
      effect: 'block',
      terms: { type: 'frequency', calls: 1, hours: 24 },
    })
    await market.call('uac-compliance-expect-603.xml')
    for (const { id } of [forOne, forAll]) await exchange.api.request('DELETE', `/api/v1/compliance/rules/${id}`)
    await market.call(CALLER)
    const [third, refused, second] = await market.records(3)
    assert.notEqual(second!.buyer_id, first.account.id)
    assert.equal(refused!.outcome, 'refused')
    assert.equal(third!.buyer_id, first.account.id)
    await market.settled()
  })
})

describe('analytics', function () {
  this.timeout(90_000)
  let exchange: Exchange
  before(async function () {
    exchange = await startExchange(this, {
      env: {
        DCE_COMPLIANCE_TCPA_ENABLED: 'false',
        DCE_COMPLIANCE_REDRESS_URL: 'https://dce.example/blocked',
        DCE_COMPLIANCE_REDRESS_JCARD_URL: 'https://dce.example/card.jws',
      },
    })
    const block = { kind: 'caller', value: '+12125550166', minutes: 60, reason: 'rings once and hangs up' }
    await exchange.api.create('fraud/blocks', block)
  })
  after(() => exchange?.close())

  const blocked = { keys: { ani: '+12125550166' } }
  const refused = (sip_status: number) => ({ ...NO, sip_status, end_reason: 'fraud' })

  it('refuses by 603+, with whom to ask, and the auditor’s page says why', async () => {
    const market = await Market.open(exchange)
    await market.buyer(BUYER)
    await market.call('uac-network-blocked-expect-603.xml', blocked)
    await market.ended(refused(603))
    const [call] = await market.records(1)
    const text = await eventually(
      async () => {
        const page = await exchange.api.raw('GET', `/api/v1/audit/${call!.id}?format=text`)
        return page.ok ? page.text() : undefined
      },
      () => 'the call is not in the audit',
    )
    for (const said of ['refused by fraud:', 'rings once and hangs up', 'refused, SIP 603, fraud', '+12125550166'])
      assert.ok(text.includes(said), text)
  })

  it('refuses by 608, with the operator’s card, on a trunk that asks for it', async () => {
    const market = await Market.open(exchange, { trunk: { analytics_refusal: '608' } })
    await market.buyer(BUYER)
    await market.call('uac-rejected-expect-608.xml', blocked)
    await market.ended(refused(608))
  })
})
