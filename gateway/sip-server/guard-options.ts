import type { RateLimit } from './rate-bucket.ts'

/** What a source may do before it is limited, and what happens then. */
export interface GuardOptions {
  /** New requests outside dialogs, of a source nobody vouches for. Beyond it they are refused statelessly. */
  readonly requests: RateLimit
  /** The same of a trusted source, which is limited and never banned. */
  readonly trustedRequests: RateLimit
  /** Requests of every kind, retransmissions included: so many times the limits above, and they are dropped. */
  readonly hardFactor: number
  /** Messages that cannot be read: beyond it they are dropped instead of answered. */
  readonly malformed: RateLimit
  /** Refused credentials, and requests answered 403. */
  readonly failedAuthentications: RateLimit
  /** How long a first ban lasts; each further one twice as long as the one before. */
  readonly banMs: number
  readonly maxBanMs: number
  /** Sources remembered; past it the ones that have been quiet for longest are forgotten. */
  readonly maxSources: number
  /** Sources banned at a time; past it the oldest ban goes. */
  readonly maxBans: number
  /** User agents that nobody calls with, as they begin or contain, in lower case. */
  readonly scanners: readonly string[]
}

/** Tools that look for servers to break into, by the User-Agent they send. */
export const SCANNERS: readonly string[] = [
  'friendly-scanner',
  'friendly-request',
  'sipvicious',
  'sipcli',
  'sip-scan',
  'sipscan',
  'sundayddr',
  'vaxsipuseragent',
  'vaxipuseragent',
  'pplsip',
  'siparmyknife',
  'eyebeam-scan',
  'iwar',
  'sivus',
  'gulp',
]

export const DEFAULT_GUARD: GuardOptions = {
  requests: { perSecond: 200, burst: 400 },
  trustedRequests: { perSecond: 5_000, burst: 10_000 },
  hardFactor: 4,
  malformed: { perSecond: 5, burst: 20 },
  failedAuthentications: { perSecond: 0.2, burst: 20 },
  banMs: 60_000,
  maxBanMs: 3_600_000,
  maxSources: 20_000,
  maxBans: 10_000,
  scanners: SCANNERS,
}

/** Who may speak to the server at all. */
export interface Admission {
  /** Addresses and blocks of those we have an agreement with: limited, never banned, since a UDP source can be forged. */
  readonly trusted: readonly string[]
  /**
   * Methods that everybody else may begin with; the rest vanish unanswered. Null: whatever they like, and the application
   * says no. Requests inside dialogs, CANCEL of what was let in and ACK are not asked.
   */
  readonly strangersMay: readonly string[] | null
}

/** Why a source was banned, or a trusted one limited. */
export type Offence = 'requests' | 'malformed' | 'authentication' | 'scanner'

/** What the guard tells whoever runs the server; never for each message. */
export type GuardNotice =
  | {
      readonly kind: 'banned'
      readonly address: string
      readonly offence: Offence
      readonly forMs: number
      /** Bans that were not told, because too many came at once. */
      readonly untold: number
    }
  | { readonly kind: 'limited'; readonly host: string; readonly offence: Offence }

/** One source that is not listened to. */
export interface Ban {
  /** An address, or the /64 of an IPv6 one. */
  readonly address: string
  readonly offence: Offence
  /** Milliseconds left. */
  readonly leftMs: number
  /** How often it has been banned lately, this time included. */
  readonly times: number
  /** Messages and connections dropped since. */
  readonly dropped: number
}

/** What the guard has kept from the layers behind it, since the start. */
export interface GuardStats {
  readonly banned: number
  readonly bansTotal: number
  readonly droppedBanned: number
  readonly droppedFlood: number
  readonly droppedMalformed: number
  readonly droppedScanner: number
  readonly droppedUnknown: number
  readonly refusedFlood: number
}
