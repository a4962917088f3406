import { Stripe } from 'stripe'
import type { AccountId } from '../model/ids.ts'
import { isId } from '../model/ids.ts'
import type { Currency, Micros } from '../model/money.ts'
import type { PaymentNews } from '../model/payment.ts'
import { BadSignature, PaymentRefused, PaymentUnavailable, type PaymentProvider } from './payment-provider.ts'

/** How long Stripe may take to answer, ms, and how often it is asked again. */
const TIMEOUT_MS = 10_000
const RETRIES = 2
/** In a payment's metadata: whose it is. */
const ACCOUNT_KEY = 'dce_account_id'

/** Currencies that Stripe counts in whole units, and in thousandths; all others in hundredths (docs.stripe.com/currencies). */
const WHOLE = new Set('BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF UGX VND VUV XAF XOF XPF'.split(' '))
/** Whole, but written as hundredths: an amount read the other way is a hundredfold. */
const IN_BOTH_WAYS: Currency = 'UGX'
const THOUSANDTHS = new Set('BHD JOD KWD OMR TND'.split(' '))

export interface StripeOptions {
  readonly secretKey: string
  /** What webhooks are signed with. */
  readonly webhookSecret: string
  /** In place of Stripe's own API: for tests. */
  readonly apiUrl: string | null
}

/** Deposits by Stripe Checkout, through Stripe's own SDK. */
export function createStripeProvider({ secretKey, webhookSecret, apiUrl }: StripeOptions): PaymentProvider {
  const stripe = new Stripe(secretKey, {
    maxNetworkRetries: RETRIES,
    timeout: TIMEOUT_MS,
    telemetry: false,
    ...(apiUrl !== null && addressOf(apiUrl)),
  })

  return {
    name: 'stripe',
    amountFault(amountMicros, currency) {
      if (currency === IN_BOTH_WAYS) return `cannot be paid in ${currency} by Stripe`
      return amountMicros % microsOfUnit(currency) === 0n
        ? null
        : `must be whole ${microsOfUnit(currency) === 1_000_000n ? currency : `hundredths or thousandths of ${currency}, as it is counted in`}`
    },
    async createCheckout(request) {
      const metadata = { [ACCOUNT_KEY]: request.accountId }
      const currency = request.currency.toLowerCase()
      const unit_amount = Number(request.amountMicros / microsOfUnit(request.currency))
      try {
        const session = await stripe.checkout.sessions.create(
          {
            mode: 'payment',
            line_items: [
              { quantity: 1, price_data: { currency, unit_amount, product_data: { name: request.description } } },
            ],
            success_url: request.successUrl,
            cancel_url: request.cancelUrl,
            client_reference_id: request.accountId,
            metadata,
            payment_intent_data: { metadata },
            ...(request.email !== null && { customer_email: request.email }),
          },
          { idempotencyKey: request.requestId },
        )
        if (session.url === null) throw new PaymentUnavailable('Stripe made a checkout without a page')
        return { id: session.id, url: session.url, expiresAt: new Date(session.expires_at * 1000) }
      } catch (error) {
        throw translate(error)
      }
    },
    readMessage(body, signature) {
      let event: Stripe.Event
      try {
        event = stripe.webhooks.constructEvent(body, signature, webhookSecret)
      } catch (error) {
        throw new BadSignature((error as Error).message.split('\n')[0])
      }
      return newsOf(event)
    },
  }
}

/** What a message says of a payment; null for all that moves no money of ours. */
function newsOf(event: Stripe.Event): PaymentNews | null {
  const { type } = event
  if (type === 'payment_intent.succeeded') return paidNews(event.data.object)
  if (type === 'refund.created' || type === 'refund.updated' || type === 'refund.failed')
    return refundNews(event.data.object)
  if (type === 'charge.refund.updated') return refundNews(event.data.object)
  if (type === 'charge.dispute.funds_withdrawn') return disputeNews(event.data.object, { isWithdrawn: true })
  if (type === 'charge.dispute.funds_reinstated') return disputeNews(event.data.object, { isReinstated: true })
  if (type === 'charge.dispute.closed') return disputeNews(event.data.object, {})
  return null
}

function paidNews({ id, amount_received, currency, metadata }: Stripe.PaymentIntent): PaymentNews | null {
  const accountId = metadata[ACCOUNT_KEY] ?? ''
  if (!isId(accountId)) return null // Somebody else's, of the same Stripe account.
  return { kind: 'paid', paymentId: id, accountId: accountId as AccountId, ...amountOf(amount_received, currency) }
}

function refundNews({ id, payment_intent, amount, currency, status }: Stripe.Refund): PaymentNews | null {
  const paymentId = idOf(payment_intent)
  if (paymentId === null) return null
  const isFailed = status === 'failed' || status === 'canceled'
  return { kind: 'refund', paymentId, refundId: id, isFailed, ...amountOf(amount, currency) }
}

function disputeNews(
  { id, payment_intent, amount, currency, status }: Stripe.Dispute,
  told: { readonly isWithdrawn?: true; readonly isReinstated?: true },
): PaymentNews | null {
  const paymentId = idOf(payment_intent)
  if (paymentId === null) return null
  // One that is lost has been taken, whether or not that message ever comes; of one that is won all is given back.
  const isWithdrawn = told.isWithdrawn ?? status === 'lost'
  const isReinstated = told.isReinstated ?? status === 'won'
  return { kind: 'dispute', paymentId, disputeId: id, isWithdrawn, isReinstated, ...amountOf(amount, currency) }
}

function idOf(reference: string | { readonly id: string } | null): string | null {
  return typeof reference === 'string' ? reference : (reference?.id ?? null)
}

function amountOf(units: number, currency: string): { amountMicros: Micros; currency: Currency } {
  const code = currency.toUpperCase()
  return { amountMicros: BigInt(units) * microsOfUnit(code), currency: code }
}

/** Of the smallest unit that Stripe counts a currency in. */
function microsOfUnit(currency: Currency): Micros {
  return WHOLE.has(currency) ? 1_000_000n : THOUSANDTHS.has(currency) ? 1_000n : 10_000n
}

function translate(error: unknown): unknown {
  const { errors } = Stripe
  if (error instanceof errors.StripeInvalidRequestError) return new PaymentRefused(error.message)
  if (error instanceof errors.StripeAuthenticationError || error instanceof errors.StripePermissionError)
    return new PaymentUnavailable('Stripe does not know our key, or does not let it do this')
  if (error instanceof errors.StripeError) return new PaymentUnavailable(error.message)
  return error
}

function addressOf(url: string): { protocol: 'http' | 'https'; host: string; port: string } {
  const { protocol, hostname, port } = new URL(url)
  const isPlain = protocol === 'http:'
  return { protocol: isPlain ? 'http' : 'https', host: hostname, port: port || (isPlain ? '80' : '443') }
}
