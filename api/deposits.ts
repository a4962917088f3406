import { z } from 'zod'
import { createPosting } from '../accounts/ledger.ts'
import type { Account } from '../model/account.ts'
import type { DomainEvent } from '../model/events.ts'
import { newId, type AccountId } from '../model/ids.ts'
import { CENT } from '../model/money.ts'
import { disputedMicros, refundedMicros, type Payment } from '../model/payment.ts'
import { readBody } from './body.ts'
import { BUYERS, endpoint, type Endpoint } from './endpoint.ts'
import { maySee, notFound, type Kit } from './kit.ts'
import { BadSignature, PaymentRefused, PaymentUnavailable, type PaymentProvider } from './payment-provider.ts'
import { postingEvent, viewPosting } from './posting-views.ts'
import { invalid, Problem } from './problems.ts'
import * as s from './schemas.ts'

const pageUrl = () =>
  z
    .string()
    .max(2000)
    .refine((text) => /^https?:\/\/[^/\s]/.test(text) && URL.canParse(text), { error: 'must be an http or https URL' })

const CheckoutBody = z.strictObject({ amount: s.money(CENT), success_url: pageUrl(), cancel_url: pageUrl() })
const CheckoutAnswer = z.strictObject({
  id: z.string(),
  provider: z.string(),
  url: z.string().meta({ description: 'Where the payer pays' }),
  amount: s.printedMoney(),
  currency: z.string(),
  expires_at: s.printedTime(),
})
const PaymentAnswer = z.strictObject({
  id: z.string(),
  provider: z.string(),
  currency: z.string(),
  paid: s.printedMoney(),
  refunded: s.printedMoney(),
  disputed: s.printedMoney(),
  credited: s.printedMoney(),
  fault: z.string().nullable(),
  created_at: s.printedTime(),
})

/** Buyers' money, through a payment provider. What it credits is what the provider says was paid, by its signed messages alone. */
export function depositEndpoints(kit: Kit): Endpoint[] {
  const { stores } = kit

  async function find(caller: Parameters<typeof maySee>[0], id: string): Promise<Account> {
    const account = maySee(caller, id as AccountId) ? await stores.accounts.find(id) : null
    if (account?.type !== 'buyer') throw notFound('buyer')
    return account
  }

  return [
    endpoint({
      method: 'post',
      tag: 'deposits',
      path: '/accounts/{id}/deposits/checkout',
      who: BUYERS,
      summary: 'Begin a deposit: a page of the payment provider, where the payer pays',
      body: CheckoutBody,
      answers: { 201: CheckoutAnswer, 503: 'No payment provider is set up, or it cannot be reached' },
      async handle({ caller, params, body }) {
        const account = await find(caller, params['id']!)
        if (account.status === 'closed') throw new Problem('conflict', 'The account is closed.')
        const provider = requireProvider(kit)
        const { currency, email } = account
        const fault = provider.amountFault(body.amount, currency)
        if (fault !== null) throw invalid('/amount', fault, 'invalid_money')
        const checkout = await asked(kit, () =>
          provider.createCheckout({
            accountId: account.id,
            amountMicros: body.amount,
            currency,
            email,
            description: `Deposit for ${account.name}`,
            successUrl: body.success_url,
            cancelUrl: body.cancel_url,
            requestId: newId<string>(kit.clock),
          }),
        )
        const { id, url, expiresAt } = checkout
        const amount = s.printMoney(body.amount)
        const answer = { id, provider: provider.name, url, amount, currency, expires_at: s.printTime(expiresAt) }
        return { status: 201, body: answer }
      },
    }),
    endpoint({
      method: 'get',
      tag: 'deposits',
      path: '/accounts/{id}/payments',
      who: BUYERS,
      summary: 'List what was paid through the payment provider, and what of it went back',
      query: z.strictObject(s.pageQuery),
      answers: { 200: s.pageOf(PaymentAnswer) },
      async handle({ caller, params, query }) {
        const { id } = await find(caller, params['id']!)
        const list = `payments ${id}`
        const page = await stores.payments.list(id, kit.cursors.request(list, query))
        return { status: 200, body: kit.cursors.answer(list, page, view) }
      },
    }),
    endpoint({
      method: 'post',
      tag: 'deposits',
      path: '/payments/{provider}/webhook',
      who: 'anyone',
      summary: 'Messages of the payment provider, signed by it',
      streams: ['application/json'],
      answers: { 200: z.strictObject({ received: z.literal(true) }), 400: 'It is not signed by the provider' },
      async handle({ params, raw }) {
        const provider = requireProvider(kit)
        if (params['provider'] !== provider.name) throw new Problem('not_found', 'There is no such payment provider.')
        // As it came: what is signed are the bytes.
        const body = await readBody(raw, kit.settings.bodyLimitBytes)
        await take(kit, provider, body, raw.headers[`${provider.name}-signature`])
        return { status: 200, body: { received: true } }
      },
    }),
  ]
}

async function take(
  kit: Kit,
  provider: PaymentProvider,
  body: Buffer,
  signature: string | string[] | undefined,
): Promise<void> {
  if (typeof signature !== 'string') throw new Problem('bad_request', 'The message is not signed.')
  let news: ReturnType<PaymentProvider['readMessage']>
  try {
    news = provider.readMessage(body, signature)
  } catch (error) {
    if (error instanceof BadSignature) throw new Problem('bad_request', 'The signature is not the provider’s.')
    throw error
  }
  if (news === null) return
  const events: DomainEvent[] = []
  const payment = await kit.stores.payments.take(provider.name, news, new Date(kit.clock.now()), {
    createPosting: ({ paymentId, currency }, accountId, deltaMicros, count) =>
      createPosting({
        id: newId(kit.clock),
        kind: 'deposit',
        callId: null,
        currency,
        reference: `${provider.name} ${paymentId} ${count}`,
        entries: [
          { accountId, amountMicros: deltaMicros },
          { accountId: kit.house.externalId, amountMicros: -deltaMicros },
        ],
        postedAt: new Date(kit.clock.now()),
      }),
    announce(posting, balanceOf) {
      const { accountId, amountMicros } = posting.entries[0]!
      const payload = viewPosting(accountId, posting, amountMicros, balanceOf(accountId))
      events.push(postingEvent(kit, { id: accountId, type: 'buyer' }, payload))
      return events
    },
  })
  if (payment.fault !== null)
    kit.log.warn(
      { provider: provider.name, payment: payment.paymentId, fault: payment.fault },
      'a payment is not credited',
    )
  for (const event of events) kit.events.publish(event)
}

function requireProvider({ payments }: Kit): PaymentProvider {
  if (payments) return payments
  const keys = 'payments.stripe.secret_key and payments.stripe.webhook_secret'
  throw new Problem('not_configured', `Deposits by a payment provider are not available: ${keys} are not set.`)
}

async function asked<T>(kit: Kit, question: () => Promise<T>): Promise<T> {
  try {
    return await question()
  } catch (error) {
    if (error instanceof PaymentRefused) throw invalid('', `the payment provider refuses: ${error.message}`, 'refused')
    if (!(error instanceof PaymentUnavailable)) throw error
    kit.log.warn({ reason: error.message }, 'the payment provider cannot be asked')
    throw new Problem(
      'payment_provider_unavailable',
      'The payment provider cannot be asked now. Nothing was charged.',
      {
        headers: { 'retry-after': '30' },
      },
    )
  }
}

function view(payment: Payment): z.input<typeof PaymentAnswer> {
  return {
    id: payment.paymentId,
    provider: payment.provider,
    currency: payment.currency,
    paid: s.printMoney(payment.paidMicros),
    refunded: s.printMoney(refundedMicros(payment)),
    disputed: s.printMoney(disputedMicros(payment)),
    credited: s.printMoney(payment.postedMicros),
    fault: payment.fault,
    created_at: s.printTime(payment.createdAt),
  }
}
