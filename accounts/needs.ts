import type { DomainEvent } from '../model/events.ts'
import type { FundsChange } from '../model/funds.ts'
import type { AccountId } from '../model/ids.ts'
import type { BillingMonth, Invoice, UnbilledAccount } from '../model/invoice.ts'
import type { Posting } from '../model/ledger.ts'
import type { Micros } from '../model/money.ts'
import type { BankDay, Payout, PayoutId, PayoutRun } from '../model/payout.ts'

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

/** What each buyer was last told of its funds. */
export interface FundsStore {
  /** Writes down what has changed since, with the events that tell of it: both or neither. Returns the events of this process's. */
  update(at: Date, announce: (change: FundsChange, at: Date) => readonly DomainEvent[]): Promise<readonly DomainEvent[]>
}

/** When and how sellers are paid. */
export interface PayoutTerms {
  /** Less than this stays until it is more. */
  readonly minimumMicros: Micros
  readonly mostMicros: Micros
  /** Whether a new bank account is asked for before it is paid to. */
  readonly isPrenoted: boolean
  /** From when an account whose prenote arrives on that day may be paid to. */
  readonly usableFrom: (effectiveOn: BankDay) => BankDay
  createPosting(payout: {
    readonly id: PayoutId
    readonly accountId: AccountId
    readonly amountMicros: Micros
  }): Posting
  announce(posting: Posting, balanceOf: (id: AccountId) => Micros): readonly DomainEvent[]
}

/** What decides who is in a run. */
export type DueRun = Pick<PayoutRun, 'statementsUntil' | 'effectiveOn' | 'currency'>

/** Where runs of payouts are written. Each step is one transaction, and can be repeated. */
export interface PayoutRuns {
  /** The run that was begun and not finished. */
  unfinished(): Promise<PayoutRun | null>
  /** Begins one; answers with the one that is open where there is one. */
  begin(run: DueRun, at: Date): Promise<PayoutRun>
  /** Sellers who are in the run's statements or wait for a prenote, and not in the run yet. */
  due(run: DueRun, terms: PayoutTerms): Promise<readonly AccountId[]>
  /** Puts a seller into the run, with the money, or not at all; null when nothing is due after all, or it is in the run already. */
  pay(run: PayoutRun, accountId: AccountId, terms: PayoutTerms, at: Date): Promise<Payout | null>
  /** Bank accounts that were prenoted by it are usable from as long after `effectiveOn` as the terms say. */
  finish(run: PayoutRun, at: Date, effectiveOn: BankDay, terms: PayoutTerms): Promise<PayoutRun>
}
