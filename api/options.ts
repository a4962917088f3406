import type { KeyObject } from 'node:crypto'
import type { AchOriginator } from '../accounts/ach-file.ts'
import type { BankVault } from '../accounts/bank-vault.ts'
import type { PaySchedule } from '../accounts/pay-sellers.ts'
import type { Micros } from '../model/money.ts'
import type { Compliance } from '../compliance/compliance.ts'
import type { ClickTerms, IssuedClickToken } from '../model/click-token.ts'
import type { Clock } from '../model/clock.ts'
import type { EventBus } from '../model/events.ts'
import type { FraudLabel } from '../model/fraud.ts'
import type { Reachability } from '../model/reachability.ts'
import type { AccountId, SipUserId, SuppressionListId, TargetId, TrunkId } from '../model/ids.ts'
import type { PhoneNumber } from '../model/phone-number.ts'
import type { TrunkRegistration } from '../model/trunk-registration.ts'
import type { DigestSecret, SipBinding } from '../model/sip-user.ts'
import type { BidderDesk } from './bidder-desk.ts'
import type { AudioStudio } from './call-audio.ts'
import type { PaymentProvider } from './payment-provider.ts'
import type { HoursAnswer, HoursQuestion } from './hours.ts'
import type { SipBans } from './sip-ban-list.ts'
import type {
  Balances,
  Health,
  LiveBidding,
  LiveCalls,
  Monitoring,
  Pings,
  Outcomes,
  Qualities,
  Recordings,
  SipTraces,
  Stores,
  Tracking,
} from './needs.ts'

/** What the numbering plan says of a text: whether it is a phone number, its E.164 form, and where it may be. */
export interface PhoneAnswer {
  readonly valid: boolean
  readonly e164: string | null
  readonly country: string | null
  readonly states: readonly string[]
  readonly timezones: readonly string[]
  readonly reason?: string
}

export interface ApiTimeouts {
  /** The longest a request may take to arrive, and its headers; slower ones are somebody holding sockets open. */
  readonly requestMs: number
  readonly headersMs: number
  /** How long requests under way may go on after `close`. */
  readonly closeMs: number
}

interface ApiSettings {
  readonly host: string
  /** 0 picks a free one. */
  readonly port: number
  /** The longest JSON body taken; beyond it the answer is 413. */
  readonly bodyLimitBytes: number
  readonly tokenExpirySeconds: number
  readonly refreshTokenExpirySeconds: number
  /** Requests to each auth endpoint, per minute and source address. */
  readonly loginPerMinute: number
  /** So many days after its end a buyer may dispute a call. */
  readonly disputeDays: number
  readonly wsMaxClients: number
  /** A WebSocket client with more than this unsent is dropped. */
  readonly wsBufferBytes: number
  /** What pages of browsers are told, and how freely. */
  readonly webrtc: {
    /** Null: at the host the page came from, on one of these ports. */
    readonly sipUrl: string | null
    readonly wsPort: number | null
    readonly wssPort: number | null
    readonly stun: readonly string[]
    readonly turnUrls: readonly string[]
    readonly turnSecret: string | null
    readonly turnTtlMs: number
    readonly tokensPerMinute: number
  }
  /** The longest body of `POST /dnc/import`; 20 MB unless set. */
  readonly importLimitBytes?: number
}

/** The pair access tokens are signed with (RS256): PKCS #8 and SPKI, in PEM. */
export interface SigningKeys {
  readonly privateKeyPem: string
  readonly publicKeyPem: string
}

/** The part of a pino logger the API speaks to. */
export interface Log {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** How sellers are paid by ACH. */
export interface PayoutOptions {
  /** Null: no key to seal bank account numbers with. */
  readonly vault: BankVault | null
  /** Null: no bank to send files to. */
  readonly originator: AchOriginator | null
  readonly minimumMicros: Micros
  readonly schedule: PaySchedule
  readonly isPrenoted: boolean
  /** Where payouts are while the bank has them. */
  readonly clearingId: AccountId
}

export interface ApiOptions {
  readonly stores: Stores
  readonly liveCalls: LiveCalls
  readonly monitoring: Monitoring
  readonly sipTraces: SipTraces
  readonly quality: Qualities
  readonly outcomes: Outcomes
  readonly balances: Balances
  readonly pings: Pings
  readonly bidders: BidderDesk
  readonly liveBidding: LiveBidding
  readonly tracking: Tracking
  /** Whether a URL of a customer may lead to this host, as far as can be said before it is looked up. */
  readonly mayCall: (hostname: string) => boolean
  /** Whether a target or trunk answers. */
  readonly reachOf: (id: TargetId | TrunkId) => Reachability
  /** How it stands with an outbound trunk that registers; null for all others. */
  readonly registrationOf: (id: TrunkId) => TrunkRegistration | null
  readonly events: EventBus
  readonly health: Health
  /** Absent when the SIP server is not the embedded one. */
  readonly sipBans?: SipBans
  /** Null or absent: nobody looks for fraud. */
  readonly fraud?: { label(caller: PhoneNumber, label: FraudLabel): void } | null
  readonly judgeHours: (question: HoursQuestion) => HoursAnswer
  readonly compliance: Pick<Compliance, 'tryRule' | 'ruleCount' | 'suppression' | 'consentRoom'>
  /** Resolves when this gateway screens by what was committed of a list of numbers before. */
  readonly listLoaded: (id: SuppressionListId) => Promise<void>
  /** There are answers about reassigned numbers: calls are judged by them from now on. */
  readonly reassignedKept: () => Promise<void>
  /** Public keys the audit may be sealed with: this gateway's, and those put beside it. */
  readonly auditKeys: () => readonly KeyObject[]
  readonly validatePhone: (text: string) => PhoneAnswer
  /** The settings in force, secrets masked. */
  readonly effectiveConfig: () => object
  readonly renderMetrics: () => Promise<{ contentType: string; body: string }>
  readonly resolveZip: (zip: string) => { lat: number; lon: number; city: string; state: string } | null
  readonly house: { readonly operatorId: AccountId; readonly externalId: AccountId }
  readonly payouts: PayoutOptions
  /** Who takes buyers' deposits; null: nobody. */
  readonly payments: PaymentProvider | null
  readonly settings: ApiSettings
  /** In place of a minute, ten seconds and three: for tests. */
  readonly timeouts?: Partial<ApiTimeouts>
  readonly keys: SigningKeys
  readonly passwords: {
    hash(password: string): Promise<string>
    verify(password: string, hash: string): Promise<boolean>
  }
  /** What the API knows of SIP: our realm, how a password for it is kept, and who is registered. */
  readonly sip: {
    readonly realm: string
    digestOf(username: string, password: string): DigestSecret
    /** The username of a URI that is an address of record here; null for any other. */
    usernameIn(uri: string): string | null
    /** Whose SIP user has this username. */
    ownerOf(username: string): AccountId | null
    /** Whether a URI leads to the carrier of an outbound trunk: nobody’s target. */
    isCarrier(uri: string): boolean
    /** Where this user can be reached now. */
    bindingsOf(id: SipUserId): readonly SipBinding[]
  }
  readonly clickTokens: {
    /** The seller whose number this is. */
    ownerOf(number: PhoneNumber): AccountId | null
    /** What a page's visitor calls with; null: there are the most already. */
    issue(terms: ClickTerms): IssuedClickToken | null
  }
  readonly audio: AudioStudio
  readonly recordings: Recordings
  readonly apiKeys: { generate(): { secret: string; hash: string }; hash(secret: string): string }
  readonly version: string
  /** Told of every answered request, for the metrics: the route as declared, not the path. */
  readonly onRequest?: (request: { method: string; route: string; status: number; seconds: number }) => void
  readonly log: Log
  readonly clock: Clock
  /** Demo mode only: the page at `/` signs in by itself, as this user. Never set by `npm start`. */
  readonly demoLogin?: { readonly email: string }
}
