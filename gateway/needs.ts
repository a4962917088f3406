import type { ArrivingCall, EndedCall } from '../compliance/fraud/fraud-call.ts'
import type { Auction } from '../model/auction.ts'
import type {
  AccountId,
  BidId,
  CallId,
  CampaignId,
  HoldId,
  NumberId,
  PostingId,
  SipUserId,
  TargetId,
  TrunkId,
} from '../model/ids.ts'
import type { Claim, ClaimState, ContactClaim, CounterTotals } from '../model/claim.ts'
import type { MonitorNote, OpenMonitoring } from '../model/call-monitor.ts'
import type { CallRecord, CheckRecord, ConversionSale, DialogState, SoldTerms } from '../model/cdr.ts'
import type { DomainEvent } from '../model/events.ts'
import type { FraudLabel, FraudScore } from '../model/fraud.ts'
import type { Hold, Posting } from '../model/ledger.ts'
import type { Micros } from '../model/money.ts'
import type { PhoneNumber } from '../model/phone-number.ts'
import type { Attestation } from '../model/compliance-rule.ts'
import type { CallRecording, RecordingAccess, RecordingState } from '../model/recording.ts'
import type { SipBinding } from '../model/sip-user.ts'
import type { TrafficType } from '../model/trunk.ts'
import type { TrackedEvent } from '../model/tracking.ts'
import type { DeliveryState, WebhookId } from '../model/webhook.ts'

/** One line of the append-only compliance audit. */
export interface AuditRecord {
  readonly callId: CallId | null
  readonly number: PhoneNumber | null
  readonly at: Date
  readonly inputs: ScreeningInputs
  readonly checks: readonly CheckRecord[]
}

/** What a call was judged by, beside its number and when it came; what is not known is left out. */
export interface ScreeningInputs {
  readonly leg: TrafficType
  readonly sellerId: AccountId
  readonly trunkId: TrunkId
  readonly numberId: NumberId
  /** What its ping said of it included. */
  readonly vertical: string
  /** Where its number may be of. */
  readonly states?: readonly string[]
  readonly zip?: string
  /** What the caller keyed in. */
  readonly ivrZip?: string
  readonly originatedAt?: string
  /** As verified. */
  readonly attestation?: Attestation
  /** The id of the consent that holds for it. */
  readonly consent?: string
  /** How the token of the ping begins that announced it. */
  readonly ping?: string
  /** How long its verdict waited for evidence from outside. */
  readonly evidenceMs?: number
}

/**
 * What the gateway writes down. Every record has an id of the gateway's making, so writing one twice changes nothing:
 * - `asked`: a call whose caller is about to be answered by us, before anything is sold, with the dialog that will be.
 * - `sold`: the call, its auction and award, and the hold: written when an award has been rung for a moment (dialogs null), and
 *   with both dialogs before the answer is passed on. A caller whom we have answered has its dialog from the first. The later
 *   writing of a call replaces the earlier one, its hold included.
 * - `alive`: these answered calls were up at this moment.
 * - `ended`: the CDR, with the auction and the audit when not written before, the posting if it was billed, and the end of its hold.
 * - `refused-many`: calls refused under overload, counted by trunk and second.
 * - `events`: what was announced with no other record to go with; of a call, behind what is being written of it.
 * The events of a record are committed with it, and published from there (storage/outbox.ts).
 */
export type GatewayRecord =
  | { readonly kind: 'asked'; readonly call: CallRecord; readonly callerDialog: DialogState }
  | {
      readonly kind: 'sold'
      readonly call: CallRecord
      /** Null when an earlier writing of the call had it. */
      readonly auction: Auction | null
      readonly hold: Hold
      readonly terms: SoldTerms
      readonly callerDialog: DialogState | null
      readonly buyerDialog: DialogState | null
      readonly events?: readonly DomainEvent[]
    }
  | { readonly kind: 'alive'; readonly callIds: readonly CallId[]; readonly at: Date }
  | {
      readonly kind: 'ended'
      readonly call: CallRecord
      readonly auction: Auction | null
      readonly audit: AuditRecord | null
      readonly posting: Posting | null
      /** Of a call that is paid by what becomes of it, in place of a posting. */
      readonly conversion?: ConversionSale | null
      readonly events?: readonly DomainEvent[]
    }
  | { readonly kind: 'events'; readonly callId: CallId | null; readonly events: readonly DomainEvent[] }
  | {
      readonly kind: 'refused-many'
      readonly id: string
      readonly trunkId: string
      readonly second: Date
      readonly count: number
      readonly reason: string
    }

/** The one writer: group commits to Postgres, or to the local spool while Postgres is away. */
export interface RecordWriter {
  /** Resolves when the record is durable (committed, or in the spool and synced). Rejects only if neither was possible. */
  write(record: GatewayRecord): Promise<void>
  /** Whether a new call's records would find room: false when the spool is nearly full, the disk is full or the queue is at its limit. */
  accepts(): boolean
}

/** Calls that are paid by what becomes of them, after their end. */
export interface ConversionKeeper {
  /** Its funds stay held. */
  keep(sale: ConversionSale): void
  /** One is written down: what was reported of it during the call can be counted. */
  written(): void
}

/** What storage asks of those who know the money. */
export interface ConversionRules {
  now(): number
  owedFor(terms: SoldTerms, events: readonly TrackedEvent[], until: Date): Owed
  post(input: {
    readonly postingId: PostingId
    readonly callId: CallId
    readonly terms: SoldTerms
    readonly from: Owed
    readonly to: Owed
    readonly nth: number
    readonly at: Date
  }): Posting | null
  /** What is told of a posting, by the balances it leaves. */
  announce(terms: SoldTerms, posting: Posting, balanceOf: (id: AccountId) => Micros): readonly DomainEvent[]
  announceTracking(event: TrackedEvent): DomainEvent
  /** These are new, and written. */
  tracked(events: readonly DomainEvent[]): void
  /** This is posted. */
  posted(posting: Posting, events: readonly DomainEvent[]): void
  /** A call has been paid for that had not been before. */
  converted(call: ConvertedCall): void
}

export interface ConvertedCall {
  readonly targetId: TargetId
  readonly campaignId: CampaignId
  readonly sellerId: AccountId
}

/** A price, and what is paid of it. */
interface Owed {
  readonly priceMicros: Micros
  readonly payoutMicros: Micros
}

/** Reports of what became of calls, on their way to the database. */
export interface TrackingIntake {
  add(event: TrackedEvent, isChecked: boolean): Promise<void>
  /** A call that can be paid by what became of it has been written down. */
  wake(): void
  readonly pending: number
  start(): Promise<void>
  close(): Promise<void>
}

/** An event that is due at a webhook, claimed by whoever read it: until its lease runs out nobody else sends it. */
export interface DueDelivery {
  readonly id: string
  readonly webhookId: WebhookId
  readonly accountId: AccountId
  readonly eventId: string
  readonly type: string
  readonly body: string
  /** This one included. */
  readonly attempts: number
  readonly firstTriedAt: Date
  readonly url: string
  readonly secret: string
}

export interface DeliveryResult {
  readonly id: string
  readonly state: DeliveryState
  readonly status: number | null
  readonly error: string | null
  /** Of one that is tried again. */
  readonly dueAt: Date | null
}

/** Events on their way to webhooks. */
export interface WebhookOutbox {
  /** Claims what is due: at most so many, and of one webhook at most so many with those that are under way. */
  claim(room: {
    readonly most: number
    readonly perWebhook: number
    readonly underWay: ReadonlyMap<WebhookId, number>
    readonly leaseMs: number
  }): Promise<readonly DueDelivery[]>
  finish(results: readonly DeliveryResult[]): Promise<void>
  /** Whether it has taken anything since. */
  hasDelivered(id: WebhookId, since: Date): Promise<boolean>
  /** Forgets what is long over. Answers how many events were given up since too many waited. */
  sweep(): Promise<number>
}

/** A call that the last process left open: answered, ringing, or asking its caller. */
export interface OpenCall {
  readonly call: CallRecord
  /** What it was being sold for, with what is held of that; null: it was not yet. */
  readonly sale: { readonly terms: SoldTerms; readonly hold: Hold } | null
  /** Its sale had begun: what it was rung for last had been answered, and the sides heard each other. */
  readonly isSold: boolean
  readonly callerDialog: DialogState | null
  readonly buyerDialog: DialogState | null
}

export interface RecoveryStore {
  /** Calls of this gateway with an `asked` or a `sold` record and no `ended` one, oldest first; the spool has been replayed before. */
  openCalls(): Promise<OpenCall[]>
}

/** Where SIP users were registered, over restarts. */
export interface RegistrationStore {
  load(): Promise<{ userId: SipUserId; bindings: readonly SipBinding[] }[]>
  /** Replaces each user's bindings; an empty list removes them. */
  save(changes: readonly { userId: SipUserId; bindings: readonly SipBinding[] }[]): Promise<void>
}

/** How a recording ended. */
export interface RecordingEnding {
  readonly durationMs: number
  readonly bytes: number
  readonly state: RecordingState
  readonly reason: string
}

/** What is kept of recordings beside their files. */
export interface RecordingStore {
  begun(recording: Pick<CallRecording, 'callId' | 'name' | 'startedAt'>): Promise<void>
  /** Also of one whose beginning could not be written down. An erased one stays that. */
  ended(recording: Pick<CallRecording, 'callId' | 'name' | 'startedAt'> & RecordingEnding): Promise<void>
  of(callIds: readonly CallId[]): Promise<CallRecording[]>
  /** Those that were never written to have ended. */
  underWay(): Promise<CallRecording[]>
  /** The oldest first; none that is erased or goes on. */
  startedBefore(moment: Date, limit: number): Promise<CallRecording[]>
  erased(callIds: readonly CallId[], at: Date): Promise<void>
  /** An append-only record. */
  heard(access: RecordingAccess): Promise<void>
}

/** Who has monitored which call. */
export interface MonitorStore {
  /** An append-only record. */
  note(note: MonitorNote): Promise<void>
  withoutEnd(): Promise<OpenMonitoring[]>
}

/** What shared counters say to a claim; a limit is named with its counter, money and callers are the buyer's. */
export type ReserveAnswer =
  | {
      readonly kind: 'ok'
      /** What the buyer has left after it; -1: not asked for, or it was there already. */
      readonly availableMicros: number
      /** Places left in each of its counters, in their order; -1 without a limit. Empty when it was there already. */
      readonly free: readonly number[]
    }
  | { readonly kind: 'concurrency' | 'cap'; readonly counter: string }
  | { readonly kind: 'frequency' | 'budget' | 'funds' | 'unknown' }

/**
 * How a claim goes on: it was answered; it is given back as if it had never been; its call is over; the ledger has what was
 * billed (`done`), or may still charge it, for a call sold by conversion (`keep`, from where `funds` says what is still held).
 */
export type ClaimEnd = 'answer' | 'release' | 'settle' | 'done' | 'keep' | 'funds'

/** What budgets count of a call that is over, and what of the balance it still holds, or takes. */
export interface Billed {
  readonly priceMicros: number
  readonly fundsMicros: number
}

/** An account's counters as the database has them. */
export interface AccountRebuilt {
  readonly balanceMicros: number
  /** Of the book: postings that are announced with it, or an older one, are in the balance. */
  readonly version: number
  readonly totals: readonly CounterTotals[]
  /** Calls in progress, of all gateways: not in the totals. */
  readonly claims: readonly { readonly claim: Claim; readonly state: ClaimState }[]
  /** What is held for calls that are over and may still be charged. */
  readonly kept: readonly { readonly id: HoldId; readonly fundsMicros: number }[]
  /** Who has called, calls in progress included. */
  readonly contacts: readonly (ContactClaim & {
    readonly id: string
    readonly atMs: number
    readonly isBilled: boolean
  })[]
}

/** Whether the counters have heard. `building`: not yet, somebody is rebuilding them from what may have been read before; they are to be told again. */
export type Heard = 'ok' | 'unknown' | 'building'

/**
 * The counters that several gateways share. Every question is one round trip and rejects when the answer is late. `unknown` says that the account's
 * counters are not there: they are to be rebuilt from the database.
 */
export interface SharedCounters {
  readonly isConnected: boolean
  onReady: () => void
  onLost: () => void
  /** Learns the epoch of what is counted: a new one begins when the store has lost its memory. */
  join(): Promise<{ readonly isNew: boolean; readonly ageMs: number }>
  /** All or nothing of the buyer's; a claim that is there already is not counted again. */
  reserve(claim: Claim): Promise<ReserveAnswer>
  reserveSeller(claim: Claim): Promise<ReserveAnswer>
  /** The same for what is taken already: nothing is judged. */
  adopt(claim: Claim, state: ClaimState): Promise<ReserveAnswer>
  adoptSeller(claim: Claim, state: ClaimState): Promise<ReserveAnswer>
  /** Of a claim that is not there it changes nothing, and `answer` and `settle` hear that it is `gone`: given back as of a dead process. */
  end(accountId: AccountId, id: HoldId, end: ClaimEnd, billed: Billed): Promise<Heard | 'gone'>
  /** Says that the process behind these claims lives. Answers with those that are not there. */
  renew(accountId: AccountId, ids: readonly HoldId[]): Promise<readonly HoldId[] | 'unknown'>
  /** Somebody else calls than was expected. */
  callsFrom(claim: Claim, contact: ContactClaim): Promise<'ok' | 'frequency' | 'unknown'>
  /** Money moved by something other than a call; once, however many say so. */
  adjust(accountId: AccountId, postingId: PostingId, version: number, micros: number): Promise<Heard>
  /** Reads and loads an account's counters, unless they are there or somebody else is at it (false). */
  rebuild(accountId: AccountId, read: () => Promise<AccountRebuilt>): Promise<boolean>
  close(): void
}

/** What an outside do-not-call list said of a number, and when. */
export interface KeptAnswer {
  readonly said: 'listed' | 'clear'
  readonly askedAtMs: number
}

/** What outside do-not-call lists have answered, shared by gateways. Every method rejects when there is no answer in time. */
export interface DncAnswers {
  /** One for each list; null: not known. */
  find(number: PhoneNumber, lists: readonly string[]): Promise<readonly (KeptAnswer | null)[]>
  keep(number: PhoneNumber, list: string, answer: KeptAnswer, ttlMs: number): Promise<void>
  close(): void
}

/** What gateways tell one another of their calls. */
export interface CallNews {
  /** Never waits: what cannot be told yet is kept, up to a limit, then the oldest is given up. */
  tell(news: string): void
  /** Hears all others, in the order of what they told; resolves when it has caught up with what was told before. Some may be heard twice. */
  listen(hear: (news: string) => void): Promise<void>
  readonly untold: number
  close(): void
}

/** A call as caps and budgets count it; several (`calls`, their prices summed) where they are too old for any but the totals. */
export interface UsedCall {
  readonly campaignId: CampaignId
  readonly targetId: TargetId | null
  readonly sellerId: AccountId
  readonly ani: PhoneNumber | null
  readonly awardedAtMs: number
  /** Paid by conversion: what it was expected to bring, or has. */
  readonly priceMicros: Micros
  /** It has ended, and lasted long enough to be paid for. */
  readonly isConverted: boolean
  readonly calls?: number
}

/** What an account's shared counters are rebuilt from. */
export interface AccountUsage {
  readonly balanceMicros: Micros
  /** Of the book, at the same moment. */
  readonly version: number
  readonly calls: readonly UsedCall[]
  readonly contacts: readonly (UsedCall & { readonly id: string })[]
  readonly open: readonly (UsedCall & {
    readonly holdId: HoldId
    readonly bidId: BidId | null
    readonly buyerId: AccountId
    readonly isAnswered: boolean
    /** The most it can cost; `priceMicros` is what budgets count. */
    readonly fundsMicros: Micros
  })[]
  readonly kept: readonly { readonly id: HoldId; readonly fundsMicros: Micros }[]
}

/** A call of before this start, as fraud counts it. */
export interface PastCall
  extends
    Pick<ArrivingCall, 'ani' | 'dnis' | 'trunkId' | 'sellerId' | 'numberId' | 'vertical' | 'trafficType'>,
    Omit<EndedCall, 'endedAtMs'> {
  readonly receivedAt: Date
  readonly endedAt: Date
}

/** A caller whose call an analyst has judged. */
export interface JudgedCaller {
  readonly ani: PhoneNumber
  readonly label: FraudLabel
}

/** What fraud keeps, and reads at a start. */
export interface FraudKeeper {
  /** One that is there already stays as it is. */
  addScores(scores: readonly FraudScore[]): Promise<void>
  /** In the order they were received. */
  pastCalls(since: Date): AsyncIterable<PastCall>
  /** Those that were judged since then, in the order they were. */
  judgedCallers(since: Date): Promise<readonly JudgedCaller[]>
  /** Deletes what is older. */
  prune(scoresBefore: Date, blocksBefore: Date): Promise<void>
}
