import type { FraudAction } from './fraud.ts'
import type { CallOutcome, CallState, EndReason, HungUpBy, LegSide } from './call.ts'
import type {
  AccountId,
  AuctionId,
  AwardId,
  BidId,
  CallId,
  CampaignId,
  HoldId,
  NumberId,
  TargetId,
  TrunkId,
} from './ids.ts'
import type { Currency, Micros } from './money.ts'
import type { PhoneNumber } from './phone-number.ts'
import type { Hold } from './ledger.ts'
import type { BilledMinutes, MinuteTerms } from './per-minute.ts'
import type { ConversionPricing } from './tracking.ts'
import type { StirResult } from './stir.ts'
import type { Payout, TrafficType } from './trunk.ts'

/** What one direction of a leg's media did, as the engine counted it. */
export interface MediaStats {
  readonly packetsReceived: number
  readonly packetsLost: number
  readonly octetsReceived: number
  /** Interarrival jitter of RFC 3550 §6.4.1, at the end of the call. */
  readonly jitterMs: number
  /** Absent where the engine does not judge it, and in records of engines that did not yet. */
  readonly quality?: AudioQuality
}

/** Nothing came, or nobody counted. */
export const NO_STATS: MediaStats = { packetsReceived: 0, packetsLost: 0, octetsReceived: 0, jitterMs: 0 }

/**
 * What is wrong with a side's audio while the other side's is there: no packets of it come, or all that ever came was digital
 * silence.
 */
export type AudioFault = 'no_audio' | 'digital_silence'

/** How one side sounds where it arrives here: on its way to the other, not yet at the other's ear. */
export interface AudioQuality {
  readonly packetsOutOfOrder: number
  readonly packetsDuplicate: number
  readonly jitterMaxMs: number
  /** To this side's phone and back, the mean of what its RTCP tells; null when it sends none. */
  readonly roundTripMs: number | null
  /** Packets this side's phone says it has lost of what the other side sent, over the whole way; null when it says nothing. */
  readonly reportedLost: number | null
  /** Mean opinion score by the E-model (ITU-T G.107), 1 to 4.5: of the worst five seconds, and the mean. Null without audio. */
  readonly mosMin: number | null
  readonly mosMean: number | null
  readonly fault: AudioFault | null
  /** How long the fault lasted, at its longest; 0 without one. */
  readonly faultMs: number
}

/** Nothing was wrong, and nothing is known of the way. */
export const NO_QUALITY: AudioQuality = {
  packetsOutOfOrder: 0,
  packetsDuplicate: 0,
  jitterMaxMs: 0,
  roundTripMs: null,
  reportedLost: null,
  mosMin: null,
  mosMean: null,
  fault: null,
  faultMs: 0,
}

/** One INVITE to a target, or the caller's own. */
export interface LegRecord {
  readonly side: LegSide
  readonly sipCallId: string
  /** Of every INVITE it took: more than one where several phones of an agent were rung. */
  readonly sipCallIds: readonly string[]
  readonly awardId: AwardId | null
  readonly bidId: BidId | null
  readonly targetId: TargetId | null
  /** The outbound trunk it went through; null for one that went straight to its target, and for the caller's. */
  readonly trunkId: TrunkId | null
  readonly uri: string
  /** Two letters: where the caller was, as routing knew it. Null when it may have been in several states, or none. */
  readonly state?: string | null
  /** Of the caller’s: what became of the signature it came with. Absent: nobody has looked. */
  readonly signature?: StirResult
  readonly invitedAt: Date
  readonly ringingAt: Date | null
  readonly answeredAt: Date | null
  readonly endedAt: Date | null
  /** The final SIP status of the INVITE; null if none came. */
  readonly sipStatus: number | null
  readonly media: MediaStats | null
  /** Of the one that was sold: what it came to by the minute; absent where nobody is paid so. */
  readonly minutes?: BilledMinutes
}

/** Enough of a SIP dialog (RFC 3261 §12) to send its BYE after a crash. */
export interface DialogState {
  readonly callId: string
  readonly localUri: string
  readonly localTag: string
  readonly remoteUri: string
  readonly remoteTag: string
  readonly remoteTarget: string
  readonly routeSet: readonly string[]
  readonly localCSeq: number
}

/** One check of screening: the rule that spoke, and what it said. */
export interface CheckRecord {
  readonly check: string
  readonly effect: 'allow' | 'block' | 'advisory'
  readonly rule: string
  readonly source: string
  readonly detail: string
  /** The edition of the rule: the date its row of the law's table is of, or the version number of an operator's; absent where there is but one. */
  readonly version?: string
  /** What the consumer's place was known by, where the check turned on it: `zip`, `npa-nxx`, … (compliance/place-evidence.ts). */
  readonly evidence?: string
  /** Of one that was asked outside: how long it took, ms. */
  readonly tookMs?: number
  /** Of fraud's check: 0 to 1, and what follows of it. */
  readonly score?: number
  readonly action?: FraudAction
}

/** One step of the decision, for `dce call show` and the API’s `trace`. */
export interface TraceStep {
  readonly atMs: number
  readonly step: string
  readonly detail: string
}

/** A call as it is kept: written whole each time it changes, the last writing at its end being the CDR. */
export interface CallRecord {
  readonly id: CallId
  readonly state: CallState
  readonly outcome: CallOutcome | null
  /** The caller; null when withheld or unreadable. */
  readonly ani: PhoneNumber | null
  /** What was dialled, E.164 when it is a number, else as received. */
  readonly dnis: string
  readonly trunkId: TrunkId
  readonly sellerId: AccountId
  readonly numberId: NumberId | null
  readonly buyerId: AccountId | null
  readonly campaignId: CampaignId | null
  readonly bidId: BidId | null
  readonly targetId: TargetId | null
  readonly auctionId: AuctionId | null
  readonly vertical: string | null
  readonly trafficType: TrafficType | null
  readonly receivedAt: Date
  readonly ringingAt: Date | null
  readonly answeredAt: Date | null
  /** The last time an answered call was known to be up; a crash ends it here. */
  readonly aliveAt: Date | null
  readonly endedAt: Date | null
  readonly durationMs: number
  readonly billableMs: number
  readonly currency: Currency
  /** What the buyer pays, once billed; 0 until then. */
  readonly priceMicros: Micros
  readonly payoutMicros: Micros
  /** The final status the caller's INVITE got; null while there is none. */
  readonly sipStatus: number | null
  readonly endReason: EndReason | null
  readonly hungUpBy: HungUpBy | null
  readonly legs: readonly LegRecord[]
  readonly checks: readonly CheckRecord[]
  readonly trace: readonly TraceStep[]
}

/** What settlement needs to know of the award that was answered: stored before the answer, so a restart can settle too. */
export interface SoldTerms {
  readonly awardId: AwardId
  readonly holdId: HoldId
  readonly buyerId: AccountId
  readonly sellerId: AccountId
  readonly campaignId: CampaignId
  readonly currency: Currency
  readonly priceMicros: Micros
  /** Seconds. */
  readonly billableAfter: number
  readonly payout: Payout
  /** Paid by what becomes of the call, and then `priceMicros` at the most; absent: `priceMicros` when it is billable. */
  readonly conversion?: ConversionPricing
  /** Paid by the minute, and then `priceMicros` at the most. */
  readonly minutes?: MinuteTerms
  /** By conversion: what the call was expected to bring, which is what it won its auction by. */
  readonly expectedMicros?: Micros
}

/** A billable call that is paid by what becomes of it: written down with its end, and so is what is held for it. */
export interface ConversionSale {
  readonly terms: SoldTerms
  readonly hold: Hold
  readonly endedAt: Date
  /** Reports received later do not count. */
  readonly until: Date
}
