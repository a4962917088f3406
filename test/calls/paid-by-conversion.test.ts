import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually, Exchange, requireSipp } from '../support/exchange.ts'
import { Market } from '../support/call-market.ts'
import { isSigned, WebhookReceiver } from '../support/webhook-receiver.ts'

const BY_SALE = { pricing: { type: 'conversion', event: 'sale', window_hours: 24, rate: '0.20' } }

describe('a call that is paid by what becomes of it', function () {
  this.timeout(120_000)
  let dataDirectory: string
  let exchange: Exchange | null = null
  let receiver: WebhookReceiver
  before(function () {
    requireSipp(this)
  })
  beforeEach(async () => {
    dataDirectory = await mkdtemp(join(tmpdir(), 'dce-conversion-'))
    receiver = await WebhookReceiver.start()
  })
  afterEach(async () => {
    await exchange?.close()
    exchange = null
    await receiver.close()
    await rm(dataDirectory, { recursive: true, force: true })
    await rm(`${dataDirectory}.log`, { force: true })
  })

  const start = async (): Promise<Exchange> =>
    (exchange = await Exchange.start({ dataDirectory, env: { DCE_OUTGOING_PRIVATE_NETWORKS: '127.0.0.0/8' } }))
  const moneyOf = async (of: Exchange, id: string) => {
    const { balance, held } = await of.api.request('GET', `/api/v1/accounts/${id}`)
    return { balance, held }
  }

  it('holds its price over a restart, moves the money when the sale is reported, and tells the buyer’s webhook', async () => {
    const first = await start()
    const market = await Market.open(first)
    const buyer = await market.buyer('uas-answer-caller-hangs-up-expect-200.xml', {
      amount: '25.00',
      campaign: BY_SALE,
    })
    const webhook = await first.api.create('webhooks', {
      account_id: buyer.account.id,
      url: receiver.url,
      event_types: ['call.ended', 'ledger.posted'],
    })
    await market.call('uac-answered-caller-hangs-up-expect-200.xml', { pauseMs: 300 })
    await market.went(buyer.run)
    const [call] = await market.records(1)
    assert.deepEqual([call!.outcome, call!.price, call!.payout], ['answered', '0.00', '0.00'])
    // The reserve of 1.00 at a rate of 0.2.
    assert.deepEqual(await moneyOf(first, buyer.account.id), { balance: '100.00', held: '5.00' })
    await receiver.until(1)
    await first.close()

    const second = await start()
    assert.deepEqual(await moneyOf(second, buyer.account.id), { balance: '100.00', held: '5.00' })
    const report = (type: string, more: object) =>
      second.api.request('POST', `/track/${type}`, { call_id: call!.id, ...more })
    await report('qualified', {})
    await report('sale', { amount: '349.00', transaction_id: 'A-1' })
    await report('sale', { amount: '349.00', transaction_id: 'A-1' })
    const becomes = (wanted: object) =>
      eventually(
        async () => {
          const seen = await moneyOf(second, buyer.account.id)
          return JSON.stringify(seen) === JSON.stringify(wanted) ? true : undefined
        },
        () => `it never became ${JSON.stringify(wanted)}`,
      )
    await becomes({ balance: '95.00', held: '0.00' })
    assert.equal((await moneyOf(second, market.seller.id)).balance, '4.00')
    await second.assertMoneyBalances()

    await receiver.until(2)
    const types = receiver.received.map(({ body }) => (JSON.parse(body) as { type: string }).type)
    assert.deepEqual(types, ['call.ended', 'ledger.posted'])
    assert.ok(receiver.received.every((message) => isSigned(message, String(webhook['secret']))))

    await report('refund', {})
    await becomes({ balance: '100.00', held: '5.00' })
    await second.assertMoneyBalances()
    await market.close()
  })
})
