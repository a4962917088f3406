import type { Auction } from '../model/auction.ts'
import type { AccountId, CallId, PostingId, SipUserId } from '../model/ids.ts'
import type { MonitorNote, OpenMonitoring } from '../model/call-monitor.ts'
import type { CallRecord, CheckRecord, ConversionSale, DialogState, SoldTerms } from '../model/cdr.ts'
import type { DomainEvent } from '../model/events.ts'
import type { Hold, Posting } from '../model/ledger.ts'
import type { Micros } from '../model/money.ts'
import type { PhoneNumber } from '../model/phone-number.ts'
import type { CallRecording, RecordingAccess, RecordingState } from '../model/recording.ts'
import type { SipBinding } from '../model/sip-user.ts'
import type { TrackedEvent } from '../model/tracking.ts'

/** One line of the append-only compliance audit. */
export interface AuditRecord {
  readonly callId: CallId | null
  readonly number: PhoneNumber | null
  readonly at: Date
  readonly checks: readonly CheckRecord[]
}

/**
 * What the gateway writes down. Every record has an id of the gateway's making, so writing one twice changes nothing:
 * - `asked`: a call whose caller is about to be answered by us, before anything is sold, with the dialog that will be.
 * - `sold`: the call, its auction and award, and the hold: written when an award's INVITE goes out (dialogs null), and again
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
