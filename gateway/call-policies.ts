import { RecordingLaw } from '../compliance/recording-law.ts'
import type { Settings } from '../config/settings.ts'
import type { VerstatPolicy } from '../model/stir.ts'
import type { HistoryPolicy } from './invitation/call-history.ts'
import type { CallerLegPolicies } from './caller-leg.ts'
import { MIN_SE } from './in-dialog/session-timer.ts'
import type { Redress } from './screening/analytics-refusal.ts'

/** Whose REFER is accepted: nobody's, a buyer's, or also the caller's side's. */
type TransferPolicy = 'off' | 'buyer' | 'both'

/** How recordings keep the law. */
export interface RecordingPolicies {
  readonly law: RecordingLaw
  /** The prompt both sides hear where the number has none; null: a beep. */
  readonly announcement: string | null
  readonly beepEveryMs: number
  /** Of agents at SIP addresses; null: nobody knows. */
  readonly buyerState: string | null
}

/** What the operator has decided about signalling that the RFCs leave to whoever runs a B2BUA. */
export interface CallPolicies extends CallerLegPolicies {
  /** Final statuses of a buyer that end the call, where its campaign does not say itself. */
  readonly stopCodes: readonly number[]
  readonly followRedirects: boolean
  /** Hosts and domains a redirect may lead to, besides the target's own. */
  readonly redirectHosts: readonly string[]
  /** Hosts and domains within our trust domain (RFC 3325 §3): withheld numbers are told there. */
  readonly trustedHosts: readonly string[]
  /** Headers of the caller that buyers see. */
  readonly passHeaders: readonly string[]
  readonly historyInfo: HistoryPolicy
  /** What a target is told of the caller's signature that does not say itself. */
  readonly verstat: VerstatPolicy
  readonly transfers: TransferPolicy
  /** Hosts and domains a transfer may lead to, besides the target's own. */
  readonly transferHosts: readonly string[]
  /** How numbers begin that a transfer may lead to. */
  readonly transferNumbers: readonly string[]
  /** Whether answered calls are recorded. */
  readonly recordsCalls: boolean
  /** Absent: recordings ask for nobody's consent, as in tests that have no law. */
  readonly recording?: RecordingPolicies
  /** Whether audio may go past us where trunk and target allow it: codecs in an order of ours are nobody's then. */
  readonly hasDirectMedia: boolean
  /** Whom callers may ask why analytics has refused them. */
  readonly redress: Redress
}

export function callPolicies({ telephony, drachtio, media, compliance }: Settings): CallPolicies {
  return {
    stopCodes: telephony.stopCodes,
    followRedirects: telephony.redirects === 'follow',
    redirectHosts: telephony.redirectHosts,
    trustedHosts: telephony.trustedHosts,
    passHeaders: telephony.passHeaders,
    historyInfo: telephony.historyInfo,
    verstat: telephony.stir.verstat,
    transfers: telephony.transfers,
    transferHosts: telephony.transferHosts,
    transferNumbers: telephony.transferNumbers,
    recordsCalls: media.record,
    recording: {
      law: new RecordingLaw(compliance.recording),
      announcement: compliance.recording.announcement,
      beepEveryMs: compliance.recording.beepEveryMs,
      buyerState: compliance.recording.buyerState,
    },
    hasDirectMedia: media.engine.includes('direct') && media.codecs.length === 0,
    redress: compliance.redress,
    answersCancelled: drachtio.host === null,
    reliableWhenSupported: telephony.reliableProvisionals === 'supported',
    sessionExpiresS: telephony.sessionExpiresMs && Math.max(MIN_SE, Math.round(telephony.sessionExpiresMs / 1000)),
  }
}
