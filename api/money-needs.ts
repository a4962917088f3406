import type { Payment, PaymentNews } from '../model/payment.ts'
import type { BankAccount, BankDetails, Payout, PayoutRun, PayoutRunId } from '../model/payout.ts'
import type { DomainEvent } from '../model/events.ts'
import type { Dispute, DisputeDecision, DisputeState, PaidByConversion } from '../model/dispute.ts'
import type { AccountId, CallId, CampaignId, DisputeId, InvoiceId } from '../model/ids.ts'
import type { Invoice, InvoiceLine } from '../model/invoice.ts'
import type { Posting, PostingKind } from '../model/ledger.ts'
import type { Currency, Micros } from '../model/money.ts'
import type { ConversionFigures, StoredTracking, TrackedEvent, TrackingType } from '../model/tracking.ts'
import type { Page, PageRequest } from './page.ts'

// What is stored of money; api/needs.ts has all of it.

/** What is to be said of a posting, by the balances it leaves; kept for publishing in its transaction, and not called for a repetition. */
export type AnnouncePosting = (balanceOf: (id: AccountId) => Micros) => readonly DomainEvent[]

/** What a look at the whole ledger finds. All of the lists are empty, and all sums 0, when all is well. */
export interface LedgerVerdict {
  readonly postings: number
  readonly totals: readonly { readonly currency: Currency; readonly sumMicros: Micros }[]
  /** Postings that do not balance, and balances that are not the sum of their entries. */
  readonly unbalanced: readonly string[]
  readonly duplicateCalls: readonly string[]
  /** What calls, disputes, payouts, payments and statements say, and the ledger does not. */
  readonly faults: readonly string[]
  /** Calls in progress (of a gateway that runs), whose funds are held, and the oldest of them. */
  readonly openHolds: { readonly calls: number; readonly since: Date | null }
}

export interface LedgerStore {
  /** Writes a balanced posting; a repeated reference of the same kind and account returns the first posting unchanged. */
  post(posting: Posting, announce?: AnnouncePosting): Promise<Posting>
  /** The entries of one account, newest first, with its balance after each. */
  entries(
    accountId: AccountId,
    page: PageRequest,
  ): Promise<Page<{ posting: Posting; kind: PostingKind; amountMicros: Micros; balanceMicros: Micros }>>
  /** Checks the whole ledger: for `dce ledger verify`. */
  verify(): Promise<LedgerVerdict>
}
export interface DisputeFilter {
  readonly buyerId?: AccountId
  readonly sellerId?: AccountId
  readonly callId?: CallId
  readonly state?: DisputeState
}
export interface DisputeStore {
  /** Throws StoreConflict when the call has one that was not withdrawn. */
  open(dispute: Dispute): Promise<void>
  find(id: DisputeId): Promise<Dispute | null>
  list(page: PageRequest, filter: DisputeFilter): Promise<Page<Dispute>>
  /** Null: the call is not paid by conversion, or nothing has been charged. */
  paidByConversion(callId: CallId): Promise<PaidByConversion | null>
  /**
   * Ends an open one and posts its correction, both or neither; null, and nothing is posted, when it is open no more. Throws
   * StoreConflict when a report has changed meanwhile what the call costs: from an accepted one on none does.
   */
  decide(
    id: DisputeId,
    decision: DisputeDecision,
    posting: Posting | null,
    announce?: AnnouncePosting,
  ): Promise<Dispute | null>
}
export interface TrackingFilter {
  /** Reported by it. */
  readonly accountId?: AccountId
  readonly callId?: CallId
  readonly type?: TrackingType
}
/** What was reported of calls. */
export interface TrackingStore {
  list(page: PageRequest, filter: TrackingFilter): Promise<Page<StoredTracking>>
  /** What has come of a campaign that is paid by conversion. */
  figures(campaignId: CampaignId): Promise<ConversionFigures>
}
/** Takes reports in: what resolves is on the disk, whether or not the database is there. */
export interface Tracking {
  /** `isChecked` false: whether the call is the reporter's is seen later. Throws StoreFull. */
  add(event: TrackedEvent, isChecked: boolean): Promise<void>
  /** Whether there may be calls that the database does not know yet. */
  mayMissCalls(): boolean
}
export interface BankAccountStore {
  find(accountId: AccountId): Promise<BankAccount | null>
  /** Replaces what was there: it is `new` again. */
  put(accountId: AccountId, details: BankDetails, at: Date): Promise<BankAccount>
  remove(accountId: AccountId): Promise<boolean>
}
/** How the money of a returned payout goes back, of the payout as it is then. */
export interface PayoutReturn {
  createPosting(payout: Payout): Posting
  announce(posting: Posting, balanceOf: (id: AccountId) => Micros): readonly DomainEvent[]
}
export interface PayoutStore {
  findRun(id: PayoutRunId): Promise<PayoutRun | null>
  listRuns(page: PageRequest): Promise<Page<PayoutRun>>
  /** All of a run, in the order of its file. */
  entries(id: PayoutRunId): Promise<readonly Payout[]>
  list(
    filter: { readonly runId?: PayoutRunId; readonly accountId?: AccountId },
    page: PageRequest,
  ): Promise<Page<Payout>>
  /** Marks what is under way of a run as paid, with one posting of all of it; nothing when nothing is. */
  settle(id: PayoutRunId, at: Date, createPosting: (amountMicros: Micros) => Posting): Promise<void>
  /** The latest with these last seven digits. */
  findByTrace(entry: bigint): Promise<Payout | null>
  /** Marks one as returned, with its money; one that is returned already is answered as it is. */
  return(payout: Payout, code: string, at: Date, terms: PayoutReturn): Promise<Payout>
}
/** How news of a payment moves money: `deltaMicros` more for the account, or less; `count` numbers what was posted of it. */
export interface TakePayment {
  createPosting(payment: Payment, accountId: AccountId, deltaMicros: Micros, count: number): Posting
  announce(posting: Posting, balanceOf: (id: AccountId) => Micros): readonly DomainEvent[]
}
export interface PaymentStore {
  /** Takes in what a provider tells, with the money it moves, or neither. */
  take(provider: string, news: PaymentNews, at: Date, terms: TakePayment): Promise<Payment>
  list(accountId: AccountId, page: PageRequest): Promise<Page<Payment>>
}
export interface InvoiceStore {
  find(id: InvoiceId): Promise<Invoice | null>
  list(accountId: AccountId, page: PageRequest): Promise<Page<Invoice>>
  /** All of its lines, in the order they were written, some at a time. */
  lines(invoice: Invoice): AsyncIterable<readonly InvoiceLine[]>
}
