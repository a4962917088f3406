import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Stripe } from 'stripe'

/** A request as it came to the API. */
export interface StripeRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly form: Readonly<Record<string, string>>
}

export const SECRET_KEY = 'sk_test_4eC39HqLyjWDarjtT1zdp7dc'
export const WEBHOOK_SECRET = 'whsec_test_of_the_exchange'

/** What Stripe's API answers and sends, in the shapes its reference records (API version 2026-10-28). */
export class StripeStage {
  readonly requests: StripeRequest[] = []
  /** What is answered next, in place of a session: status and body; `cut`: nothing, the connection ends. */
  readonly answers: ({ status: number; body: object } | 'cut')[] = []
  readonly #server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { method = '', url = '', headers } = request
      const form = Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString()))
      this.requests.push({ method, path: url, headers, form })
      const answer = this.answers.shift() ?? { status: 200, body: session(form) }
      if (answer === 'cut') return void request.socket.destroy()
      response.writeHead(answer.status, { 'content-type': 'application/json', 'request-id': 'req_1' })
      response.end(JSON.stringify(answer.body))
    })
  })

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

function session(form: Readonly<Record<string, string>>): object {
  const amount = Number(form['line_items[0][price_data][unit_amount]'])
  return {
    id: 'cs_test_a11YYufWQzNY63zpQ6QSNRQhkUpVph4WRmzW0zWJO2znZKdVujZ0N0S22u',
    object: 'checkout.session',
    amount_subtotal: amount,
    amount_total: amount,
    cancel_url: form['cancel_url'],
    client_reference_id: form['client_reference_id'],
    created: 1_763_700_000,
    currency: form['line_items[0][price_data][currency]'],
    customer_email: form['customer_email'] ?? null,
    expires_at: 1_763_786_400,
    livemode: false,
    metadata: { dce_account_id: form['metadata[dce_account_id]'] },
    mode: form['mode'],
    payment_intent: null,
    payment_status: 'unpaid',
    status: 'open',
    success_url: form['success_url'],
    url: 'https://checkout.stripe.com/c/pay/cs_test_a11YYufWQzNY63zpQ6',
  }
}

/** An error as the API answers it. */
export function stripeError(type: string, message: string): object {
  return { error: { type, message, code: 'parameter_invalid', doc_url: 'https://stripe.com/docs/error-codes' } }
}

let events = 0

/** An event as it is sent to a webhook. */
export function stripeEvent(type: string, object: object): string {
  return JSON.stringify(
    {
      id: `evt_1NG8Du2eZvKYlo2CUI79vXW${++events}`,
      object: 'event',
      api_version: '2026-10-28.endive',
      created: 1_763_700_000,
      data: { object },
      livemode: false,
      pending_webhooks: 1,
      request: { id: null, idempotency_key: null },
      type,
    },
    null,
    2, // As Stripe sends it: what is signed has line breaks and blanks.
  )
}

export function paymentIntent(id: string, amount: number, accountId: string | null, currency = 'usd'): object {
  return {
    id,
    object: 'payment_intent',
    amount,
    amount_capturable: 0,
    amount_received: amount,
    capture_method: 'automatic_async',
    created: 1_763_700_000,
    currency,
    latest_charge: `ch_of_${id}`,
    livemode: false,
    metadata: accountId === null ? { order: '77' } : { dce_account_id: accountId },
    payment_method_types: ['card'],
    status: 'succeeded',
  }
}

export function refundOf(payment: string, id: string, amount: number, status: string, currency = 'usd'): object {
  return {
    id,
    object: 'refund',
    amount,
    balance_transaction: 'txn_1Nispe2eZvKYlo2CYezqFhEx',
    charge: `ch_of_${payment}`,
    created: 1_763_700_100,
    currency,
    metadata: {},
    payment_intent: payment,
    reason: 'requested_by_customer',
    status,
  }
}

export function disputeOf(payment: string, id: string, amount: number, status: string): object {
  return {
    id,
    object: 'dispute',
    amount,
    balance_transactions: [],
    charge: `ch_of_${payment}`,
    created: 1_763_700_200,
    currency: 'usd',
    is_charge_refundable: false,
    livemode: false,
    metadata: {},
    payment_intent: payment,
    reason: 'fraudulent',
    status,
  }
}

const signer = new Stripe(SECRET_KEY)

/** The header a message is signed with, by Stripe's own SDK. */
export function signatureOf(payload: string, changes: { secret?: string; timestamp?: number } = {}): string {
  return signer.webhooks.generateTestHeaderString({ payload, secret: WEBHOOK_SECRET, ...changes })
}
