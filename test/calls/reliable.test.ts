import assert from 'node:assert/strict'
import { createUserAgent } from '../../sipp/agents/user-agent.ts'
import { type Exchange, requireEmbeddedSip, startExchange } from '../support/exchange.ts'
import { Market } from '../support/call-market.ts'

const CALLER_HUNG_UP = { outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up', hung_up_by: 'caller' }

describe('provisional answers and session timers', function () {
  this.timeout(90_000)
  let exchange: Exchange
  before(async function () {
    exchange = await startExchange(this)
  })
  after(() => exchange?.close())

  for (const [what, caller, buyer] of [
    ['are sent reliably to a caller that insists', 'reliable-early-media', 'early-media'],
    [
      'are acknowledged to a buyer that sends them reliably, and its 200 needs no SDP',
      'early-media',
      'reliable-early-media',
    ],
    ['are reliable on both sides at once', 'reliable-early-media', 'reliable-early-media'],
    ['take an offer in their PRACK, and answer it', 'offer-in-prack', 'early-media'],
    ['of several branches are one call for the caller', 'forked', 'forked'],
    ['are passed on as they are', 'queued', 'queued'],
    ['let the caller renew its offer by UPDATE before the answer', 'early-update', 'reliable-early-media'],
    ['agree on the caller’s interval, and on its refreshing', 'session-timer', 'answer-caller-hangs-up'],
  ] as const) {
    it(what, async () => {
      const market = await Market.open(exchange)
      const { run, account } = await market.buyer(`uas-${buyer}-expect-200.xml`)
      await market.call(`uac-${caller}-expect-200.xml`)
      await market.went(run)
      const record = await market.ended(CALLER_HUNG_UP)
      assert.equal(record.buyer_id, account.id)
      assert.equal(record.price, '1.00')
    })
  }

  it('ask a buyer again that wants a longer interval, once', async () => {
    const market = await Market.open(exchange)
    const phone = await createUserAgent()
    const asked: (string | undefined)[] = []
    try {
      phone.on('call', (call) => {
        asked.push(call.invite.get('session-expires'))
        call.reject(422, undefined, { 'Min-SE': '3600' })
      })
      await market.standingBid({ host: phone.address, port: phone.port })
      await market.call('uac-no-sale-expect-480.xml')
      await market.ended({ outcome: 'failed', sip_status: 480, end_reason: 'all_awards_failed' })
      assert.deepEqual(asked, ['1800;refresher=uas', '3600;refresher=uas'])
    } finally {
      await phone.close()
    }
  })

  it('do not ask for ever a buyer that wants a longer one with every answer', async () => {
    const market = await Market.open(exchange)
    const phone = await createUserAgent()
    let least = 3600
    try {
      phone.on('call', (call) => call.reject(422, undefined, { 'Min-SE': String(least++) }))
      await market.standingBid({ host: phone.address, port: phone.port })
      await market.call('uac-no-sale-expect-480.xml')
      await market.ended({ outcome: 'failed', sip_status: 480, end_reason: 'all_awards_failed' })
      assert.equal(least, 3602)
    } finally {
      await phone.close()
    }
  })

  it('refuse an interval that is too brief', async () => {
    const market = await Market.open(exchange)
    await market.call('uac-session-too-brief-expect-422.xml')
    await market.close()
  })
})

describe('a caller that never acknowledges a reliable 180', function () {
  this.timeout(90_000)
  let exchange: Exchange
  before(async function () {
    requireEmbeddedSip(this, 'a T1 of its own')
    exchange = await startExchange(this, { env: { DCE_TELEPHONY_T1: '30ms' } })
  })
  after(() => exchange?.close())

  it('hears 504, the buyer’s phone stops ringing, and the record says so', async () => {
    const market = await Market.open(exchange)
    const first = await market.buyer('uas-no-answer-expect-487.xml', { amount: '9.00' })
    const second = await market.buyer('uas-answer-caller-hangs-up-expect-200.xml', { amount: '4.00' })
    await market.call('uac-reliable-never-acknowledged-expect-504.xml')
    await market.went(first.run)
    const record = await market.ended({ outcome: 'cancelled', sip_status: 504, end_reason: 'cancelled' })
    assert.equal(record.legs[0]?.['sip_status'], 504)
    assert.equal((await second.run.finished).stats.created, 0, 'the second buyer was not rung')
    assert.equal(await market.balanceOf(first.account), '100.00')
  })
})
