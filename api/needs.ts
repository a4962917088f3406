import type { PayoutRuns } from '../accounts/needs.ts'
import type { DomainEvent } from '../model/events.ts'
import type { Account, ApiKey, User } from '../model/account.ts'
import type { Auction } from '../model/auction.ts'
import type { DecisionInputs } from '../model/decision.ts'
import type { Bid, Campaign } from '../model/bid.ts'
import type { Bidder } from '../model/bidder.ts'
import type { CallMonitor, MonitorAsker, MonitorMode } from '../model/call-monitor.ts'
import type { CallRecord } from '../model/cdr.ts'
import type { ComplianceRule } from '../model/compliance-rule.ts'
import type { FraudBlock } from '../model/fraud.ts'
import type {
  AccountId,
  ApiKeyId,
  AuctionId,
  BidId,
  CallId,
  CampaignId,
  MonitorId,
  TargetId,
  RuleId,
  SuppressionListId,
  UserId,
} from '../model/ids.ts'
import type { Currency, Micros } from '../model/money.ts'
import type { PhoneNumber } from '../model/phone-number.ts'
import type { Ping, PingAnswer } from '../model/ping.ts'
import type { QualityWindow } from '../model/quality-window.ts'
import type { Outcome, TargetQuality } from '../model/outcome.ts'
import type { CallRecording, RecordingAccess } from '../model/recording.ts'
import type { CallFigures, Interval, ReportKey, ReportRow, ReportScope, TimeSeriesPoint } from '../model/report.ts'
import type { SipUser } from '../model/sip-user.ts'
import type { ImportOutcome, ListChange, LoadedNumbers, SuppressionList } from '../model/suppression-list.ts'
import type { DeliveryState, Webhook, WebhookDelivery, WebhookId } from '../model/webhook.ts'
import type { DialledNumber, Target, Trunk } from '../model/trunk.ts'
import type {
  AuditReader,
  ConsentStore,
  DncStore,
  FraudScores,
  ImportOptions,
  ImportProgress,
  ListImport,
  ReassignedStore,
  RuleVersion,
  ScreenedCall,
} from './compliance-needs.ts'
import type {
  LedgerStore,
  DisputeStore,
  TrackingStore,
  BankAccountStore,
  PayoutStore,
  PaymentStore,
  InvoiceStore,
} from './money-needs.ts'
import type { Page, PageRequest } from './page.ts'
import type { PrivacyStore } from './privacy-needs.ts'

export type * from './compliance-needs.ts'
export type * from './money-needs.ts'
export type { Page, PageRequest } from './page.ts'
export type { PrivacyStore } from './privacy-needs.ts'

/** What the creator of a thing gives: all but what storage itself keeps. */
export type Draft<T> = Omit<T, 'id' | 'version' | 'createdAt' | 'updatedAt'>

/** A uniqueness rule or a reference was broken; `field` is the model's property name. */
export class StoreConflict extends Error {
  override readonly name = 'StoreConflict'
  readonly field: string
  constructor(field: string, message: string) {
    super(message)
    this.field = field
  }
}
/** If-Match named another version than the stored one. */
export class VersionMismatch extends Error {
  override readonly name = 'VersionMismatch'
}
/** The database cannot be reached: the API answers 503. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable'
}

/** So much waits to be stored that no more is taken: the API answers 503. */
export class StoreFull extends Error {
  override readonly name = 'StoreFull'
}

/** A file was not taken, for the reason it says: what it was for is as it was. The API answers 422. */
export class ImportRefused extends Error {
  override readonly name = 'ImportRefused'
}

/** A page's cursor is none that a list of this kind gave out: the API answers 422. */
export class BadCursor extends Error {
  override readonly name = 'BadCursor'
}

/**
 * Stored things of one kind. A write commits, then waits until this process's book has applied it: when it resolves, the
 * next INVITE sees the change. Throws StoreConflict, VersionMismatch, StoreUnavailable.
 */
export interface Store<T extends { id: string; accountId?: AccountId }> {
  /** What `announce` says of the new thing is kept for publishing in the same transaction. */
  create(draft: Draft<T>, announce?: (thing: T) => DomainEvent): Promise<T>
  find(id: string): Promise<T | null>
  /** `accountId`: only that account's. */
  list(page: PageRequest, filter: { accountId?: AccountId; status?: string }): Promise<Page<T>>
  /** Null when there is none with this id. */
  update(id: string, changes: Partial<Draft<T>>, ifVersion: number | null): Promise<T | null>
  remove(id: string): Promise<boolean>
}

export interface UserStore {
  create(user: { accountId: AccountId; email: string; role: User['role']; passwordHash: string }): Promise<User>
  findByEmail(email: string): Promise<User | null>
  find(id: UserId): Promise<User | null>
  setPassword(id: UserId, passwordHash: string): Promise<void>
}
export interface ApiKeyStore {
  create(key: Omit<ApiKey, 'id' | 'createdAt'>): Promise<ApiKey>
  list(accountId: AccountId): Promise<readonly ApiKey[]>
  findBySecretHash(secretHash: string): Promise<ApiKey | null>
  remove(accountId: AccountId, id: ApiKeyId): Promise<boolean>
}
export interface RefreshTokenStore {
  /** Remembers a refresh token by the hash of its secret. */
  add(token: { hash: string; userId: UserId; expiresAt: Date }): Promise<void>
  /** Takes the token out for good and says whose it was: a second use finds nothing (rotation). */
  take(hash: string): Promise<{ userId: UserId; expiresAt: Date } | null>
  removeAllOf(userId: UserId): Promise<void>
}
export interface DeliveryFilter {
  readonly state?: DeliveryState
}
/** Events on their way to webhooks, and what became of them. */
export interface DeliveryStore {
  list(webhookId: WebhookId, page: PageRequest, filter: DeliveryFilter): Promise<Page<WebhookDelivery>>
  /** Has those that are over sent again, some thousands at most. Answers how many. */
  replay(webhookId: WebhookId, filter: { eventId?: string; state?: DeliveryState; since?: Date }): Promise<number>
}
export interface ReportStore {
  /** The groups that brought the most, at most `limit`. */
  by(key: ReportKey, scope: ReportScope, limit: number): Promise<readonly ReportRow[]>
  /** By time, on the clocks of `timezone`; only where there were calls. */
  over(interval: Interval, timezone: string, scope: ReportScope): Promise<readonly TimeSeriesPoint[]>
  /** All of it, a row for each currency. */
  total(scope: ReportScope): Promise<readonly (CallFigures & { readonly currency: Currency })[]>
}
/** Do-not-call lists whose numbers are kept as sets. */
export interface SuppressionStore {
  readonly lists: Store<SuppressionList>
  /**
   * Takes a file (text, tags, either of them packed) into a list, all of it or nothing. Resolves once committed. Throws ImportRefused, and
   * StoreConflict while another import of the list is under way.
   */
  import(
    id: SuppressionListId,
    file: AsyncIterable<Uint8Array>,
    options: ImportOptions,
    onProgress?: (progress: ImportProgress) => void,
  ): Promise<ImportOutcome>
  /** A few numbers. */
  change(id: SuppressionListId, change: ListChange, doneBy: string): Promise<ImportOutcome>
  /** The latest first. */
  imports(id: SuppressionListId, most: number): Promise<readonly ListImport[]>
  load(id: SuppressionListId, after: number): Promise<LoadedNumbers | null>
}
export interface CallFilter {
  readonly sellerId?: AccountId
  readonly buyerId?: AccountId
  readonly outcome?: string
  readonly state?: string
  readonly from?: PhoneNumber
  readonly to?: string
  /** The Call-ID of the carrier's INVITE. */
  readonly sipCallId?: string
  readonly since?: Date
  readonly until?: Date
}
export type CallParties = Pick<CallRecord, 'state' | 'sellerId' | 'buyerId' | 'currency'>
export interface CallStore {
  find(id: CallId): Promise<CallRecord | null>
  /** What is asked of a call that is reported on: a fraction of its record. */
  parties(id: CallId): Promise<CallParties | null>
  list(page: PageRequest, filter: CallFilter): Promise<Page<CallRecord>>
}
export interface AuctionStore {
  find(id: AuctionId): Promise<Auction | null>
  findByCall(callId: CallId): Promise<Auction | null>
}
/** What an auction was decided by, with the auction and what came of its call. */
export interface StoredDecision {
  readonly auction: Auction
  /** Null: they cannot be read, as `damage` says. */
  readonly inputs: DecisionInputs | null
  readonly damage: string | null
  /** Null: it has not ended. */
  readonly call: {
    readonly bidId: BidId | null
    readonly wasAnswered: boolean
    readonly durationMs: number
    readonly billedMicros: Micros
  } | null
}

export interface DecisionStore {
  /** Null when what its auction was decided by is not stored. */
  findByCall(callId: CallId): Promise<StoredDecision | null>
  /** Those of the period, `from` inclusive and `to` exclusive, the oldest first: a page at a time is in memory. */
  between(from: Date, to: Date): AsyncIterable<StoredDecision>
}
export interface IdempotencyStore {
  /** The answer kept under this key and scope, or null after reserving it for the caller; 'busy' while another request holds it. */
  begin(
    scope: string,
    key: string,
    requestHash: string,
  ): Promise<{ status: number; body: string; etag: string | null; requestHash: string } | null | 'busy'>
  finish(scope: string, key: string, answer: { status: number; body: string; etag: string | null }): Promise<void>
  abandon(scope: string, key: string): Promise<void>
}

/** Everything stored that the API reads and writes; storage/ fulfils it. */
export interface Stores {
  accounts: Store<Account & { accountId?: never }>
  users: UserStore
  apiKeys: ApiKeyStore
  refreshTokens: RefreshTokenStore
  trunks: Store<Trunk>
  sipUsers: Store<SipUser>
  numbers: Store<DialledNumber>
  targets: Store<Target>
  campaigns: Store<Campaign>
  /** The account's default campaign, made at first need. */
  defaultCampaign(accountId: AccountId): Promise<CampaignId>
  bids: Store<Bid>
  complianceRules: Store<ComplianceRule>
  /** Every version of a rule, oldest first; empty when there never was one. */
  ruleHistory(id: RuleId): Promise<readonly RuleVersion[]>
  /** The ended calls received from `from` up to and without `until`, oldest first, as their screening saw them. */
  screenedCalls(from: Date, until: Date): AsyncIterable<ScreenedCall>
  bidders: Store<Bidder>
  fraud: FraudScores
  fraudBlocks: Store<FraudBlock>
  audit: AuditReader
  dnc: DncStore
  suppression: SuppressionStore
  reassigned: ReassignedStore
  consents: ConsentStore
  ledger: LedgerStore
  disputes: DisputeStore
  invoices: InvoiceStore
  tracking: TrackingStore
  bankAccounts: BankAccountStore
  payouts: PayoutStore
  payoutRuns: PayoutRuns
  payments: PaymentStore
  webhooks: Store<Webhook>
  deliveries: DeliveryStore
  reports: ReportStore
  calls: CallStore
  auctions: AuctionStore
  decisions: DecisionStore
  idempotency: IdempotencyStore
  privacy: PrivacyStore
}

/** A recording as the WAV file it is to whoever may hear it. */
export interface OpenedRecording {
  readonly bytes: number
  /** From byte `from` up to and without `to`. */
  read(from: number, to: number): AsyncIterable<Uint8Array>
}

/** The recordings of calls. */
export interface Recordings {
  of(callIds: readonly CallId[]): Promise<readonly CallRecording[]>
  /** Null: its file is not here. Rejects with the reason when it cannot be opened. */
  open(recording: CallRecording): Promise<OpenedRecording | null>
  /** Erases those of these calls; rejects when one could not be deleted. */
  erase(callIds: readonly CallId[]): Promise<void>
  /** Writes down who listens; rejects when that cannot be done. */
  heard(access: RecordingAccess): Promise<void>
}

/** Calls in progress, handed in by main.ts: memory, newest first. */
export interface LiveCalls {
  list(): readonly CallRecord[]
  find(id: CallId): CallRecord | null
  findAuction(id: AuctionId): Auction | null
  findAuctionByCall(callId: CallId): Auction | null
  /** False when no such call is up. */
  hangUp(id: CallId): boolean
  /** False when it is not being recorded. */
  pauseRecording(id: CallId, isPaused: boolean): Promise<boolean>
}

/** The auctions that are open for bids on their very call. */
export interface LiveBidding {
  isOpen(callId: CallId): boolean
  /** Whether a bid that was stored came in time to be in its auction. */
  hasTaken(bidId: BidId): boolean
}

/** Supervisors at calls that are up. Throws MonitorRefused, and BadSupervisor where `to` is the matter. */
export interface Monitoring {
  of(callId: CallId): readonly CallMonitor[]
  start(callId: CallId, to: string, mode: MonitorMode, by: MonitorAsker): Promise<CallMonitor>
  /** Null: the call has no such monitor. */
  change(callId: CallId, id: MonitorId, mode: MonitorMode, by: MonitorAsker): Promise<CallMonitor | null>
  /** False: the call has no such monitor. */
  end(callId: CallId, id: MonitorId, by: MonitorAsker): Promise<boolean>
}

/** A SIP message as the SIP server remembers it. */
export interface TracedMessage {
  /** The SIP Call-ID. */
  readonly callId: string
  /** Milliseconds since the epoch; the fraction is good to the microsecond. */
  readonly atMs: number
  /** Seen from the exchange. */
  readonly direction: 'in' | 'out'
  readonly transport: string
  readonly local: { readonly host: string; readonly port: number }
  readonly remote: { readonly host: string; readonly port: number }
  /** In latin1: a character a byte. Credentials are masked. */
  readonly text: string
  /** The same bytes had gone the same way before. */
  readonly isRetransmission: boolean
}
export interface SipTrace {
  readonly messages: readonly TracedMessage[]
  /** Messages that were too many to be kept. */
  readonly leftOut: number
}

/** The SIP messages of the latest calls. */
export interface SipTraces {
  /** Why none are kept, as a sentence; null when they are. */
  readonly unavailable: string | null
  /** What is kept of these SIP Call-IDs, in the order it happened. */
  find(sipCallIds: readonly string[]): Promise<SipTrace>
  /** Writes stars over what the regular expression matches. */
  mask(pattern: string): Promise<void>
}

/** The quality of each trunk and target; all windows are empty for one that had no call. */
export interface Qualities {
  ofTrunk(id: string): readonly QualityWindow[]
  ofTarget(id: string): readonly QualityWindow[]
}

/** What became of calls, as rankings go by it. */
export interface Outcomes {
  learn(outcome: Outcome): void
  /** Null for a target without calls of late. */
  of(id: TargetId): TargetQuality | null
}

/** Pings of sellers, decided by the running exchange. */
export interface Pings {
  /** The seller whose number this is. */
  ownerOf(number: PhoneNumber): AccountId | null
  /** The number of a seller who has but one. */
  onlyNumberOf(seller: AccountId): PhoneNumber | null
  /** At once, or when bidders have answered. */
  ask(ping: Ping): PingAnswer | Promise<PingAnswer>
  /** What an open ping was answered; null when its token is of none of this seller's. */
  quoted(token: string, seller: AccountId): PingAnswer | null
  /** How one was decided; null when it is forgotten, or has become a call, whose auction it is then. */
  decision(id: AuctionId): PingDecision | null
}
export interface PingDecision {
  readonly auction: Auction
  readonly sellerId: AccountId
  /** What was quoted; null for a ping that was not accepted. */
  readonly payoutMicros: Micros | null
}

/** Balances as the gateway holds them now. */
export interface Balances {
  balanceMicros(id: AccountId): Micros
  heldMicros(id: AccountId): Micros
  availableMicros(id: AccountId): Micros
}

export interface HealthCheck {
  readonly name: string
  readonly status: 'up' | 'degraded' | 'down'
  readonly detail?: string
}
export interface Health {
  /** True from "ready" until the drain begins. */
  ready(): boolean
  checks(): Promise<readonly HealthCheck[]>
}
