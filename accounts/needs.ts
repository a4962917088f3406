import type { BillingMonth, Invoice, UnbilledAccount } from '../model/invoice.ts'

/** What accounts asks of others; main.ts supplies it. */
export interface AccountsNeeds {
  clock: { now(): number }
  newId<T extends string>(): T
}

/** Where months are closed. */
export interface InvoiceIssuer {
  unbilled(): Promise<readonly UnbilledAccount[]>
  /** Closes a month of an account; null when nothing of it is unbilled, or somebody else has just closed it. */
  issue(
    account: Pick<UnbilledAccount, 'accountId' | 'currency'>,
    month: BillingMonth,
    issuedAt: Date,
  ): Promise<Invoice | null>
}
