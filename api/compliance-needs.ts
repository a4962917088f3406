import type { AuditStore } from '../compliance/needs.ts'
import type { ScreeningRequest } from '../compliance/screening-request.ts'
import type { AuditBlock, AuditLine } from '../model/audit.ts'
import type { Consent } from '../model/consent.ts'
import type { DncEntry, DncList } from '../model/dnc.ts'
import type { FraudAction, FraudFeedback, FraudScore } from '../model/fraud.ts'
import type { AccountId, CallId, ConsentId } from '../model/ids.ts'
import type { PhoneNumber } from '../model/phone-number.ts'
import type { ReassignedAnswer } from '../model/reassigned-number.ts'
import type { ImportMode, ImportOutcome } from '../model/suppression-list.ts'
import type { Page, PageRequest } from './page.ts'

// What is stored of compliance and fraud; api/needs.ts has all of it.

/** One version of a compliance rule, and who made it. */
export interface RuleVersion {
  readonly deed: 'created' | 'changed' | 'deleted'
  readonly at: Date
  readonly version: number
  readonly changedBy: string
  /** As its row was. */
  readonly rule: Readonly<Record<string, unknown>>
}

/** A call of the past, for a rule to be tried on. What is not kept with a call (its consent) is absent. */
export interface ScreenedCall {
  readonly id: CallId
  readonly isAnswered: boolean
  readonly request: ScreeningRequest
}

/** One line of the audit, the block it is sealed in, and all lines of that block. */
export interface AuditEntry {
  readonly line: AuditLine
  /** Null: it is not sealed yet. */
  readonly block: AuditBlock | null
  readonly beside: readonly AuditLine[]
}

export interface AuditReader extends Pick<AuditStore, 'blocksAfter' | 'linesBetween'> {
  ofCall(callId: CallId): Promise<readonly AuditEntry[]>
  /** The lines of calls received from `from` up to and without `until`. */
  export(from: Date, until: Date): AsyncIterable<AuditLine>
}

export interface DncStore {
  /** Adds numbers to a list; those already there are left as they are. Returns how many are new. */
  add(list: DncList, numbers: readonly PhoneNumber[], reason: string): Promise<number>
  remove(list: DncList, number: PhoneNumber): Promise<boolean>
  find(number: PhoneNumber): Promise<readonly DncEntry[]>
  list(list: DncList | null, page: PageRequest): Promise<Page<DncEntry>>
}

export interface ImportOptions {
  readonly mode: ImportMode
  /** Of when the numbers are; null: as it was. */
  readonly versionDate: Date | null
  /** A replacement may leave less than half of the numbers. */
  readonly mayShrink: boolean
  readonly doneBy: string
}

/** How far an import has come: bytes of the file, and lines in it. */
export interface ImportProgress {
  readonly bytes: number
  readonly lines: number
}

/** One change of a list's numbers, as its history has it. */
export interface ListImport extends Omit<ImportOutcome, 'invalidShown'> {
  readonly at: Date
  readonly revision: number
  readonly mode: ImportMode
  readonly versionDate: Date | null
  readonly doneBy: string
}

/** A consent's first version, and what it is known again by: the hash of what the consumer said and when. */
export interface NewConsent {
  readonly consent: Consent
  readonly fingerprint: string
}

/** Consents, of which every version is kept. */
export interface ConsentStore {
  /** Keeps those that are new, all or none; answers with the ids of those kept. */
  add(consents: readonly NewConsent[]): Promise<ReadonlySet<ConsentId>>
  /** Keeps the next version of each, all or none. Throws VersionMismatch when one has had it already. */
  change(next: readonly Consent[]): Promise<void>
  /** As it is now. */
  find(id: ConsentId): Promise<Consent | null>
  /** Its versions, oldest first; empty when there is none. */
  history(id: ConsentId): Promise<readonly Consent[]>
  /** The latest of a number's, as they are now, newest first. */
  ofNumber(number: PhoneNumber, limit: number): Promise<readonly Consent[]>
  /** Forgets some of those that ended before then; answers how many, 0 once there are none. */
  forgetEnded(before: Date): Promise<number>
  list(page: PageRequest): Promise<Page<Consent>>
}

/** What the Reassigned Numbers Database has answered. */
export interface ReassignedStore {
  /** How many of them are new. */
  add(answers: readonly ReassignedAnswer[]): Promise<number>
  /** The latest first. */
  find(number: PhoneNumber): Promise<readonly ReassignedAnswer[]>
  hasAny(): Promise<boolean>
}

export interface FraudScoreFilter {
  readonly sellerId?: AccountId
  readonly action?: FraudAction
  readonly minScore?: number
  readonly since?: Date
  readonly until?: Date
}

/** Of the calls a rule spoke of, how many analysts called fraud and how many clean. */
export interface LabelledRule {
  readonly rule: string
  readonly fraud: number
  readonly clean: number
}

/** Calls that were scored, and what analysts say of them. */
export interface FraudScores {
  findScore(id: CallId): Promise<FraudScore | null>
  /** Newest first. */
  listScores(page: PageRequest, filter: FraudScoreFilter): Promise<Page<FraudScore>>
  addFeedback(feedback: Omit<FraudFeedback, 'at'>): Promise<FraudFeedback>
  /** Newest first. */
  feedbackOf(id: CallId): Promise<readonly FraudFeedback[]>
  labelledRules(): Promise<readonly LabelledRule[]>
}
