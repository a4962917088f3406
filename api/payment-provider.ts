import type { AccountId } from '../model/ids.ts'
import type { Currency, Micros } from '../model/money.ts'
import type { PaymentNews } from '../model/payment.ts'

/** What a buyer wants to pay in. */
export interface CheckoutRequest {
  readonly accountId: AccountId
  readonly amountMicros: Micros
  readonly currency: Currency
  readonly email: string | null
  /** What it is for, on the provider's page. */
  readonly description: string
  /** Where the payer's browser goes afterwards. */
  readonly successUrl: string
  readonly cancelUrl: string
  /** The same request again makes the same page. */
  readonly requestId: string
}

/** A page of the provider's where the payer pays. */
export interface Checkout {
  readonly id: string
  readonly url: string
  readonly expiresAt: Date
}

/** Who takes buyers' money for us. What becomes of a payment is told by signed messages, in any order, at least once. */
export interface PaymentProvider {
  readonly name: string
  /** Why an amount in this currency cannot be asked for; null when it can. */
  amountFault(amountMicros: Micros, currency: Currency): string | null
  /** Throws PaymentRefused for what the provider does not take, PaymentUnavailable when it cannot be asked. */
  createCheckout(request: CheckoutRequest): Promise<Checkout>
  /** What a message says of a payment of ours; null when it is about something else. Throws BadSignature. */
  readMessage(body: Buffer, signature: string): PaymentNews | null
}

/** The message is not the provider's, or it is too old. */
export class BadSignature extends Error {
  override readonly name = 'BadSignature'
}

/** The provider does not do what it was asked, for the reason it gave. */
export class PaymentRefused extends Error {
  override readonly name = 'PaymentRefused'
}

/** The provider is away, too busy, or does not know our key. */
export class PaymentUnavailable extends Error {
  override readonly name = 'PaymentUnavailable'
}
