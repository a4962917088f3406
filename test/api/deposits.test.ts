import assert from 'node:assert/strict'
import { createStripeProvider } from '../../api/stripe-provider.ts'
import { newId } from '../../model/ids.ts'
import type { Person, Reply } from '../support/api-harness.ts'
import { openPayoutStage, type PayoutStage } from '../support/payout-stage.ts'
import {
  disputeOf,
  paymentIntent,
  refundOf,
  SECRET_KEY,
  signatureOf,
  stripeError,
  stripeEvent,
  StripeStage,
  WEBHOOK_SECRET,
} from '../support/stripe-stage.ts'

const PAGES = { success_url: 'https://buyer.example/done', cancel_url: 'https://buyer.example/back' }

describe('deposits by Stripe', () => {
  const stripe = new StripeStage()
  let stage: PayoutStage
  let buyer: Person
  let payments = 0

  before(async () => {
    const apiUrl = await stripe.listen()
    const provider = createStripeProvider({ secretKey: SECRET_KEY, webhookSecret: WEBHOOK_SECRET, apiUrl })
    stage = await openPayoutStage({}, { payments: provider })
  })
  after(async () => {
    await stage.end()
    await stripe.close()
  })
  beforeEach(async () => {
    buyer = await stage.api.person('buyer', `buyer ${++payments}`)
    stripe.requests.length = 0
  })

  const pi = () => `pi_${payments}`
  const checkout = (json: object, who = buyer): Promise<Reply> =>
    stage.api.request('POST', `accounts/${who.account.id}/deposits/checkout`, {
      token: who.token,
      json: { amount: '125.50', ...PAGES, ...json },
    })
  const send = (payload: string, signature = signatureOf(payload)): Promise<Reply> =>
    stage.api.request('POST', 'payments/stripe/webhook', {
      body: payload,
      headers: { 'content-type': 'application/json; charset=utf-8', 'stripe-signature': signature },
    })
  const tell = async (type: string, object: object): Promise<void> => {
    const reply = await send(stripeEvent(type, object))
    assert.deepEqual([reply.status, reply.body], [200, { received: true }])
  }
  const paid = (amount: number, currency = 'usd') =>
    tell('payment_intent.succeeded', paymentIntent(pi(), amount, buyer.account.id, currency))
  const balance = async (): Promise<string> => String(await stage.balance(buyer.account.id))
  const mine = async (): Promise<Record<string, string>> => {
    const { body } = await stage.api.request('GET', `accounts/${buyer.account.id}/payments`, { token: buyer.token })
    assert.equal(body.data.length, 1)
    return body.data[0]
  }

  it('are not made in a currency that Stripe counts in two ways', () => {
    const provider = createStripeProvider({ secretKey: SECRET_KEY, webhookSecret: WEBHOOK_SECRET, apiUrl: null })
    assert.match(provider.amountFault(5_000_000n, 'UGX') ?? '', /UGX/)
    assert.equal(provider.amountFault(5_000_000n, 'JPY'), null)
  })

  it('begin on a page of Stripe’s, asked for by its own SDK', async () => {
    const { status, body } = await checkout({})
    assert.deepEqual(
      [status, body.provider, body.amount, body.currency, body.url],
      [201, 'stripe', '125.50', 'USD', 'https://checkout.stripe.com/c/pay/cs_test_a11YYufWQzNY63zpQ6'],
    )
    const [request] = stripe.requests
    assert.deepEqual([request!.method, request!.path], ['POST', '/v1/checkout/sessions'])
    assert.equal(request!.headers['authorization'], `Bearer ${SECRET_KEY}`)
    assert.match(String(request!.headers['idempotency-key']), /^[0-9a-f-]{36}$/)
    const { form } = request!
    assert.deepEqual(
      [
        form['mode'],
        form['line_items[0][price_data][unit_amount]'],
        form['line_items[0][price_data][currency]'],
        form['payment_intent_data[metadata][dce_account_id]'],
        form['success_url'],
      ],
      ['payment', '12550', 'usd', buyer.account.id, PAGES.success_url],
    )
    assert.equal(await balance(), '0')
  })

  it('credit what was paid, once, however often Stripe says so', async () => {
    await paid(12_550)
    const repeats = Array.from({ length: 5 }, () => paid(12_550))
    await Promise.all(repeats)
    assert.equal(await balance(), '125500000')
    const told = stage.events.filter(({ audience }) => audience.buyerIds?.includes(buyer.account.id))
    assert.deepEqual(
      told.map(({ type, payload }) => [type, payload['kind'], payload['amount'], payload['balance']]),
      [['ledger.posted', 'deposit', '125.50', '125.50']],
    )
    const { paid: said, credited, fault } = await mine()
    assert.deepEqual([said, credited, fault], ['125.50', '125.50', null])
  })

  it('take back what is refunded, part by part, and give back what failed', async () => {
    await paid(10_000)
    await tell('refund.created', refundOf(pi(), 're_1', 3_000, 'pending'))
    await tell('refund.updated', refundOf(pi(), 're_1', 3_000, 'succeeded'))
    assert.equal(await balance(), '70000000')
    await tell('refund.created', refundOf(pi(), 're_2', 2_000, 'succeeded'))
    assert.equal(await balance(), '50000000')
    await tell('refund.failed', refundOf(pi(), 're_2', 2_000, 'failed'))
    await tell('refund.created', refundOf(pi(), 're_2', 2_000, 'pending')) // Late.
    assert.equal(await balance(), '70000000')
    const { refunded, credited } = await mine()
    assert.deepEqual([refunded, credited], ['30.00', '70.00'])
  })

  it('take back what the payer’s bank takes, and give it back when the dispute is won', async () => {
    await paid(10_000)
    await tell('charge.dispute.created', disputeOf(pi(), 'dp_1', 10_000, 'needs_response'))
    assert.equal(await balance(), '100000000')
    await tell('charge.dispute.funds_withdrawn', disputeOf(pi(), 'dp_1', 10_000, 'needs_response'))
    assert.equal(await balance(), '0')
    await tell('charge.dispute.closed', disputeOf(pi(), 'dp_1', 10_000, 'won'))
    await tell('charge.dispute.funds_reinstated', disputeOf(pi(), 'dp_1', 10_000, 'won'))
    assert.equal(await balance(), '100000000')
    await tell('charge.dispute.closed', disputeOf(pi(), 'dp_2', 10_000, 'lost'))
    assert.equal(await balance(), '0')
  })

  it('come out the same when everything comes in the wrong order', async () => {
    await tell('refund.created', refundOf(pi(), 're_1', 2_500, 'succeeded'))
    await tell('charge.dispute.funds_reinstated', disputeOf(pi(), 'dp_1', 7_500, 'won'))
    await tell('charge.dispute.funds_withdrawn', disputeOf(pi(), 'dp_1', 7_500, 'needs_response'))
    assert.equal(await balance(), '0')
    await paid(10_000)
    assert.equal(await balance(), '75000000')
  })

  it('of a buyer who has spent it already leave a debt, not a second credit', async () => {
    await paid(10_000)
    await stage.earn(buyer.account.id, -90_000_000n)
    await tell('refund.created', refundOf(pi(), 're_1', 10_000, 'succeeded'))
    assert.equal(await balance(), '-90000000')
  })

  it('ignore what is not theirs', async () => {
    await tell('payment_intent.succeeded', paymentIntent('pi_shop', 999, null))
    await tell('payment_intent.succeeded', paymentIntent('pi_odd', 999, 'somebody'))
    await tell('customer.created', { id: 'cus_1', object: 'customer' })
    await tell('something.new_in_2030', { id: 'x_1', object: 'x' })
    await tell('refund.created', { ...refundOf('none', 're_9', 100, 'succeeded'), payment_intent: null })
    const rows = await stage.storage.queries.rows(
      `select 1 from payments where payment_id in ('pi_shop', 'pi_odd', 'none')`,
    )
    assert.deepEqual(rows, [])
  })

  it('are not credited to an account of another currency, nor to one that is no buyer’s', async () => {
    await paid(10_000, 'eur')
    assert.equal(await balance(), '0')
    assert.match((await mine())['fault']!, /paid in EUR; the account is kept in USD/)
    const seller = await stage.api.person('seller', 'no buyer')
    for (const id of [seller.account.id, newId<string>()])
      await tell('payment_intent.succeeded', paymentIntent(`pi_of_${id}`, 10_000, id))
    assert.equal(await stage.balance(seller.account.id), 0n)
  })

  it('are credited in the currency’s own units', async () => {
    for (const [currency, units, micros] of [
      ['JPY', 5_000, '5000000000'],
      ['KWD', 12_340, '12340000'],
    ] as const) {
      buyer = await stage.api.person('buyer', `in ${currency}`)
      payments++
      await stage.storage.queries.rows('update accounts set currency = $2 where id = $1', [buyer.account.id, currency])
      await paid(units, currency.toLowerCase())
      assert.equal(await balance(), micros)
      const { status, body } = await checkout({ amount: '10.0001' })
      assert.deepEqual([status, body.errors[0].pointer], [422, '/amount'])
    }
  })

  it('believe nothing that Stripe has not signed', async () => {
    const event = stripeEvent('payment_intent.succeeded', paymentIntent(pi(), 10_000, buyer.account.id))
    const hourAgo = Math.floor(Date.now() / 1000) - 3600
    for (const signature of [
      'nonsense',
      't=1,v1=abc',
      signatureOf(event, { secret: 'whsec_other' }),
      signatureOf(event, { timestamp: hourAgo }),
      signatureOf(`${event} `),
    ]) {
      const { status, body } = await send(event, signature)
      assert.deepEqual([status, body.code], [400, 'bad_request'], signature)
    }
    const changed = await send(event.replace('10000', '90000'), signatureOf(event))
    assert.equal(changed.status, 400)
    const bare = await stage.api.request('POST', 'payments/stripe/webhook', { body: event })
    assert.equal(bare.status, 400)
    const large = 'x'.repeat(1_000_001)
    assert.equal((await send(large, signatureOf(large))).status, 413)
    assert.equal((await stage.api.request('POST', 'payments/other/webhook', { body: event })).status, 404)
    assert.equal(await balance(), '0')
  })

  it('are asked for again when Stripe is away for a moment, as the same request', async () => {
    stripe.answers.push('cut', { status: 500, body: stripeError('api_error', 'an error of ours') })
    assert.equal((await checkout({})).status, 201)
    const keys = stripe.requests.map(({ headers }) => headers['idempotency-key'])
    assert.deepEqual([keys.length, new Set(keys).size], [3, 1])
  }).timeout(20_000)

  it('say whether Stripe is away, or does not take it, and never our key', async () => {
    const refused = stripeError('invalid_request_error', 'Amount must convert to at least 50 cents.')
    stripe.answers.push({ status: 400, body: refused })
    const low = await checkout({ amount: '0.10' })
    assert.equal(low.status, 422)
    assert.match(low.body.detail, /at least 50 cents/)
    stripe.answers.push({ status: 401, body: stripeError('invalid_request_error', `Invalid API Key: ${SECRET_KEY}`) })
    const unknown = await checkout({})
    assert.deepEqual([unknown.status, unknown.body.code], [503, 'payment_provider_unavailable'])
    assert.doesNotMatch(JSON.stringify(unknown.body), /sk_test/)
    stripe.answers.push('cut', 'cut', 'cut')
    assert.equal((await checkout({})).status, 503)
  }).timeout(20_000)

  it('refuse what cannot be, by name, and what is another’s', async () => {
    const fault = async (json: object): Promise<string> => (await checkout(json)).body.errors[0].pointer
    assert.equal(await fault({ amount: '0' }), '/amount')
    assert.equal(await fault({ amount: '1.005' }), '/amount')
    assert.equal(await fault({ success_url: 'javascript:alert(1)' }), '/success_url')
    assert.equal(await fault({ cancel_url: 'back' }), '/cancel_url')
    const stranger = await stage.api.person('buyer', `stranger ${payments}`)
    const theirs = `accounts/${buyer.account.id}`
    const asked = { token: stranger.token, json: { amount: '5.00', ...PAGES } }
    assert.equal((await stage.api.request('POST', `${theirs}/deposits/checkout`, asked)).status, 404)
    assert.equal((await stage.api.request('GET', `${theirs}/payments`, { token: stranger.token })).status, 404)
    assert.equal(stripe.requests.length, 0)
  })

  it('are not available without keys', async () => {
    const bare = await openPayoutStage()
    try {
      const { account, token } = await bare.api.person('buyer')
      const path = `accounts/${account.id}/deposits/checkout`
      const asked = await bare.api.request('POST', path, { token, json: { amount: '5.00', ...PAGES } })
      assert.deepEqual([asked.status, asked.body.code], [503, 'not_configured'])
      assert.match(asked.body.detail, /not available: payments.stripe.secret_key/)
      assert.equal((await bare.api.request('POST', 'payments/stripe/webhook', { body: '{}' })).status, 503)
    } finally {
      await bare.end()
    }
  })

  it('balance to nothing', async () => {
    const verified = await stage.storage.stores.ledger.verify()
    assert.deepEqual(verified.unbalanced, [])
    assert.ok(verified.totals.every(({ sumMicros }) => sumMicros === 0n))
  })
})
