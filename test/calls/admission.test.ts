import assert from 'node:assert/strict'
import { playScenario, explain } from '../../sipp/run.ts'
import { eventually, type Exchange, startExchange } from '../support/exchange.ts'
import { Market } from '../support/call-market.ts'

const REFUSED = { outcome: 'refused', hung_up_by: 'exchange' }

describe('admission', function () {
  this.timeout(90_000)
  let exchange: Exchange
  before(async function () {
    exchange = await startExchange(this)
  })
  after(() => exchange?.close())

  it('refuses an address that is no trunk’s, and writes no record of it', async () => {
    const market = await Market.open(exchange)
    const before = await exchange.metric('dce_unknown_sources_total')
    const host = market.address.replace(/^127\.\d+/, '127.9')
    const result = await playScenario(market.callOptions('uac-unknown-source-expect-403.xml', { host }))
    assert.equal(result.exitCode, 0, await explain(result))
    assert.equal((await exchange.callsTo(market.number)).length, 0)
    await eventually(
      async () => ((await exchange.metric('dce_unknown_sources_total')) > before ? true : undefined),
      () => 'the unknown source was not counted',
    )
    await market.close()
  })

  it('refuses a number nobody sells', async () => {
    const market = await Market.open(exchange)
    await market.call('uac-unknown-number-expect-404.xml', { service: '+18882999999' })
    const record = await eventually(
      async () => (await exchange.callsTo('+18882999999'))[0],
      () => 'no record of the refused call',
    )
    assert.equal(record.end_reason, 'unknown_number')
    assert.equal(record.sip_status, 404)
    assert.equal(record.outcome, 'refused')
    await market.close()
  })

  it('refuses another seller’s number', async () => {
    const market = await Market.open(exchange)
    const other = await Market.open(exchange)
    await market.buyer('uas-answer-caller-hangs-up-expect-200.xml')
    await market.call('uac-unknown-number-expect-404.xml', { service: other.number })
    const [record] = await other.records(1)
    assert.equal(record!.end_reason, 'unknown_number')
    assert.equal(record!.seller_id, market.seller.id, 'it is the calling seller’s record')
    await Promise.all([market.close(), other.close()])
  })

  it('refuses more calls a second than the trunk may send, without Retry-After', async () => {
    const market = await Market.open(exchange, { trunk: { max_cps: 1 } })
    const burst = { calls: 6, rate: 200, service: '+18882888888' }
    const result = await playScenario(market.callOptions('uac-over-limit-expect-503.xml', burst))
    assert.ok(result.stats.successful >= 4, `only ${result.stats.successful} of 6 heard 503: ${await explain(result)}`)
    assert.ok(result.stats.failed >= 1, 'the first was within the limit and heard something else')
    await market.close()
  })

  it('refuses more calls at once than the trunk may have, and takes the next when one has ended', async () => {
    const market = await Market.open(exchange, { trunk: { max_concurrent_calls: 1 } })
    const buyer = await market.buyer('uas-answer-caller-hangs-up-expect-200.xml', { play: { calls: 2 } })
    const first = await market.startCall('uac-answered-other-side-hangs-up-expect-200.xml')
    const up = await market.answered()
    await market.call('uac-over-limit-expect-503.xml')
    await exchange.api.request('POST', `/api/v1/calls/${up.id}/hangup`)
    await market.went(first)
    await market.records(2)
    await market.call('uac-answered-caller-hangs-up-expect-200.xml')
    await market.went(buyer.run)
    const records = await market.records(3)
    assert.deepEqual(
      records.map((call) => call.end_reason),
      ['caller_hung_up', 'trunk_limit', 'operator_hung_up'],
    )
    await market.settled()
  })

  it('refuses the calls of a suspended seller', async () => {
    const market = await Market.open(exchange)
    await market.buyer('uas-answer-caller-hangs-up-expect-200.xml')
    await exchange.api.request('PATCH', `/api/v1/accounts/${market.seller.id}`, { status: 'suspended' })
    await market.call('uac-unknown-source-expect-403.xml')
    await market.ended({ ...REFUSED, sip_status: 403, end_reason: 'account_inactive' })
  })

  it('knows among trunks of one address whose number was dialled', async () => {
    const market = await Market.open(exchange)
    const other = await Market.open(exchange, { trunk: { addresses: [market.address] } })
    await other.buyer('uas-answer-caller-hangs-up-expect-200.xml')
    await market.call('uac-answered-caller-hangs-up-expect-200.xml', { service: other.number })
    const record = await other.ended({
      outcome: 'answered',
      sip_status: 200,
      end_reason: 'caller_hung_up',
      hung_up_by: 'caller',
    })
    assert.equal(record.seller_id, other.seller.id)
    await market.close()
  })

  it('carries on after bytes that are not SIP at all', async () => {
    const { createSocket } = await import('node:dgram')
    const { host, port } = exchange.process.sip()
    const socket = createSocket('udp4')
    const rubbish = ['', '\r\n\r\n', '\0\0\0\0', 'INVITE', 'INVITE sip:x SIP/2.0\r\n\r\n', 'SIP/2.0 200 OK\r\n\r\n']
    const long = ['A'.repeat(60_000), `INVITE sip:a@b SIP/2.0\r\nVia: ${'x'.repeat(50_000)}\r\n\r\n`]
    for (const text of [...rubbish, ...long]) {
      await new Promise<void>((resolve) => socket.send(text, port, host, () => resolve()))
    }
    socket.close()
    const market = await Market.open(exchange)
    await market.call('uac-options-expect-200.xml')
    await market.close()
  })
})
