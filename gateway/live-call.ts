import type { Recording } from '../media/audio-tools.ts'
import type { ScreeningRequest } from '../compliance/screening-request.ts'
import type { MediaFailure, MediaServer, MediaSession } from '../media/media-server.ts'
import type { Verification } from '../compliance/stir/verify.ts'
import type { CallNeeds } from '../media/call-needs.ts'
import type { Account } from '../model/account.ts'
import type { Auction, Award } from '../model/auction.ts'
import type { GivenConsent } from '../model/consent.ts'
import type { CallOutcome, CallState, EndReason, HungUpBy, LegSide } from '../model/call.ts'
import type { CheckRecord, LegRecord, MediaStats, SoldTerms, TraceStep } from '../model/cdr.ts'
import type { Exclusion } from '../model/exclusion.ts'
import type { DomainEvent } from '../model/events.ts'
import type { NonBidCode } from '../model/bid.ts'
import type { AwardId, CallId, TrunkId } from '../model/ids.ts'
import type { BilledMinutes } from '../model/per-minute.ts'
import type { AuctionRequest } from '../routing/route-call.ts'
import type { PhoneNumber } from '../model/phone-number.ts'
import type { Place, ZipPlace } from '../model/places.ts'
import { Refusal } from '../model/refusal.ts'
import type { DialledNumber, Target, Trunk } from '../model/trunk.ts'
import type { Bridge, BridgeEnd } from './bridge.ts'
import type { CallerLeg } from './caller-leg.ts'
import type { Round } from './bidders/round.ts'
import { END_OF_MEDIA } from './audio/media-failure.ts'
import type { OpenPing } from './pings/open-pings.ts'
import type { OwnRingback } from './audio/own-ringback.ts'
import { reasonHeader } from './headers/reason-header.ts'
import { meaningOf } from './refusals.ts'
import type { Taken } from './taken.ts'
import type { WaitingCaller } from './menu/waiting-caller.ts'

/** A leg while it lives: what becomes its LegRecord. */
export interface BuyerAttempt {
  /** The buyer's, but for whoever a caller's side has transferred its part of the call to. */
  readonly side: LegSide
  readonly award: Award
  readonly target: Target
  readonly uri: string
  sipCallId: string
  readonly sipCallIds: string[]
  readonly trunkId: TrunkId | null
  readonly invitedAt: Date
  ringingAt: Date | null
  answeredAt: Date | null
  endedAt: Date | null
  sipStatus: number | null
  media: MediaStats | null
  /** What it came to by the minute, where somebody is paid so. */
  minutes?: BilledMinutes
}

/** An auction as it was handed to the writer, and the award that was then taken for its winner. */
export interface WrittenAuction {
  readonly auction: Auction
  readonly winnerId: AwardId | null
}

/** A call notes so many steps of its story; what either side makes happen again and again is not noted for ever. */
export const MAX_NOTES = 200

/** Seller-side and place facts a call has once it is identified. */
export interface CallFacts {
  readonly trunk: Trunk
  readonly seller: Account
  readonly number: DialledNumber | null
  readonly ani: PhoneNumber | null
  readonly dnis: string
  readonly places: readonly Place[]
  readonly zip: ZipPlace | null
  /** The caller has typed that ZIP code when it was asked. */
  readonly isZipTyped?: boolean
  /** Placed from a page with a click-to-call token, which is for this call alone: its caller transfers nobody. */
  readonly isByClick: boolean
  /** When a transfer's consumer was called, ms since the epoch; null when the seller does not say. */
  readonly originatedAtMs: number | null
}

/**
 * One call while it lives: its caller leg, what each step found out, and how it ended. Its steps fill it; `cdr.ts` reads
 * it. It makes no decision of its own.
 */
export class Call {
  readonly id: CallId
  readonly caller: CallerLeg
  readonly receivedAt: Date
  readonly receivedMonotonicMs: number
  readonly #monotonicMs: () => number

  /** Null until the trunk is known; without it there is no CDR. */
  facts: CallFacts | null = null
  state: CallState = 'received'
  checks: readonly CheckRecord[] = []
  /** Those of them that lists kept outside have brought. */
  fromOutside: readonly CheckRecord[] = []
  /** What it was screened by. */
  screenedBy: ScreeningRequest | null = null
  /** What its checks were made by; null until it is screened. */
  judgedBy: ScreeningRequest | null = null
  /** How long they waited for evidence from outside; null: not at all. */
  evidenceMs: number | null = null
  /** Whose bids its screening has taken out. */
  exclusions: readonly Exclusion[] | null = null
  /** The consumer's that are good for it; null: none is known. */
  consents: readonly GivenConsent[] | null = null
  auction: Auction | null = null
  attempts: BuyerAttempt[] = []
  /** Its audio, and the engine that moves it. */
  media: MediaSession | null = null
  engine: MediaServer | null = null
  /** What it asks of an engine whoever is rung. */
  callerNeeds: CallNeeds | null = null
  /** Engines that were full for it, or have lost it. */
  readonly enginesTried = new Set<MediaServer>()
  /** Its session is gone: nobody can be rung from there. */
  isMediaLost = false
  /** Somebody is being rung who has been told where its audio is. */
  isMediaOffered = false
  /** What the engine is making of a buyer's early answers and offers: its 200's answer waits for that. Does not reject. */
  earlyAnswers: Promise<void> | null = null
  callerMedia: MediaStats | null = null
  /** A caller we have answered by ourselves, to ask it something; it stays when the call has been sold. */
  waiting: WaitingCaller | null = null
  /** From here on the time counts that buyers may take: the INVITE, or when its caller has been asked. */
  setupFromMonotonicMs: number
  bridge: Bridge | null = null
  /** The sides do not hear each other yet: one of them is being played to. */
  isApart = false
  /** False while an answered call's sides are still to be joined: until then nobody pays. */
  isJoined = true
  recording: Recording | null = null
  /** Null: the caller hears what the buyers' networks send. */
  ringback: OwnRingback | null = null
  /** Set once an award has been answered and written down. */
  sold: SoldTerms | null = null
  soldAttempt: BuyerAttempt | null = null
  /** Who has taken a side's place by transfer: the leg that is up there now. */
  readonly transferredTo: Partial<Record<LegSide, BuyerAttempt>> = {}
  /** The places and the hold of the award being rung or answered, until they are given back or settled. */
  takenAward: Taken | null = null
  /** It is being rung, and that is to be written down unless its sale is before. */
  ringingWrite: NodeJS.Timeout | null = null
  auctionRequest: AuctionRequest | null = null
  /** Its auction has been open for bids on this very call. */
  wasOpen = false
  /** What bidders asked by HTTP have said of it; null: none was asked. */
  round: Round | null = null
  /** The open ping it was announced by, until its auction. */
  pinged: OpenPing | null = null
  /** What a ping has kept for this call, until it is taken or given back. */
  promised: { readonly award: Award; readonly taken: Taken } | null = null
  /** What the writer has of the auction; null: nothing, or not for certain. */
  auctionWritten: WrittenAuction | null = null
  /** Why each award that was tried did not take the call. */
  readonly lost = new Map<AwardId, NonBidCode>()
  /** The Q.850 causes of the last buyer's refusal, fit to be passed on; null when it gave none. */
  lastCauses: string | null = null

  ringingAt: Date | null = null
  answeredAt: Date | null = null
  answeredMonotonicMs: number | null = null
  aliveAt: Date | null = null
  endedAt: Date | null = null
  durationMs = 0
  billableMs = 0
  priceMicros = 0n
  payoutMicros = 0n

  outcome: CallOutcome | null = null
  endReason: EndReason | null = null
  hungUpBy: HungUpBy | null = null
  /** What must be given back at the end, newest first: the trunk's slot, the award's slots, its hold. */
  readonly releases: (() => void)[] = []
  readonly trace: TraceStep[] = []
  /** Announced, and not handed to the writer yet: they go with its next record. */
  events: DomainEvent[] = []
  error: unknown = null
  /** Overload: the refusal is counted by trunk and second, not written one by one. */
  countOnly = false
  readonly #gone = new AbortController()
  #goneWhy: EndReason | null = null

  constructor(options: { id: CallId; caller: CallerLeg; receivedAt: Date; monotonicMs: () => number }) {
    this.id = options.id
    this.caller = options.caller
    this.receivedAt = options.receivedAt
    this.#monotonicMs = options.monotonicMs
    this.receivedMonotonicMs = options.monotonicMs()
    this.setupFromMonotonicMs = this.receivedMonotonicMs
    this.caller.once('cancelled', () => this.abandon('cancelled'))
  }

  /** What became of the signature it came with; null: nobody has looked, or not yet. */
  get signature(): Verification | null {
    return this.judgedBy?.signature ?? null
  }

  /** Aborted when the call will not go on though nobody has answered: every awaited step receives it. */
  get gone(): AbortSignal {
    return this.#gone.signal
  }

  /** Stops the call before it is answered: the caller gave up, or an operator or the drain will not wait. */
  abandon(why: EndReason): void {
    this.#goneWhy ??= why
    this.#gone.abort()
  }

  /** The connection to the SIP server is gone, and the caller's INVITE with it. A call that is answered goes on. */
  interrupt(): void {
    if (this.caller.lose()) this.abandon('interrupted')
  }

  /** A buyer has answered, and is asked, or joined: no place for offers of the caller's. */
  get isTaken(): boolean {
    const last = this.attempts.at(-1)
    return last !== undefined && last.answeredAt !== null && last.endedAt === null
  }

  /** Why the call was abandoned, and by whom; null when it was not. */
  get abandoned(): { readonly why: EndReason; readonly by: HungUpBy } | null {
    return this.#goneWhy && { why: this.#goneWhy, by: WHO_ENDED[this.#goneWhy] ?? 'exchange' }
  }

  /** An engine has lost this session, or could not secure its audio. Once there is a bridge, that one hears of it by itself. */
  mediaLost(session: MediaSession, reason: string, kind: MediaFailure = 'lost'): void {
    if (this.media !== session || this.bridge !== null) return
    this.isMediaLost = true
    this.note('media lost', reason)
    if (this.isMediaOffered || this.waiting) this.abandon(END_OF_MEDIA[kind])
  }

  /** Throws the Refusal of a call that was abandoned. */
  throwIfGone(): void {
    if (this.#goneWhy) throw new Refusal(this.#goneWhy, this.#goneWhy.replaceAll('_', ' '))
  }

  /** Notes a step of the decision with the time since the INVITE. */
  note(step: string, detail: string): void {
    if (this.trace.length >= MAX_NOTES && step !== 'ended') return
    const atMs = Math.round((this.#monotonicMs() - this.receivedMonotonicMs) * 1000) / 1000
    this.trace.push({ atMs, step, detail })
  }

  /** An award did not take the call. */
  lose(award: Award, code: NonBidCode): void {
    this.lost.set(award.id, code)
    this.round?.lost(award.bidId, code)
    if (code !== 'ring_failed') this.note('award skipped', `rank ${award.rank}: ${code}`)
  }

  /** The answered call is over. */
  ended(end: BridgeEnd): void {
    this.endedAt = new Date()
    this.durationMs = Math.max(0, Math.round(end.atMonotonicMs - (this.answeredMonotonicMs ?? end.atMonotonicMs)))
    this.outcome = 'answered'
    this.endReason = end.reason
    this.hungUpBy = end.hungUpBy
    this.note('ended', `${end.reason} after ${this.durationMs} ms`)
  }

  /** The call will not go on: tells the carrier, unless it has already gone. */
  refuse(refusal: Refusal): void {
    const meaning = meaningOf(refusal.reason)
    const status = refusal.status ?? meaning.status
    const headers: Record<string, string> = { ...refusal.headers }
    if (meaning.withReason) headers['Reason'] ??= reasonHeader(status, refusal.message)
    const retryAfter =
      meaning.retryAfterSeconds ?? (refusal.reason === 'trunk_limit' && this.facts?.trunk.retryAfterOnLimit ? 5 : null)
    if (retryAfter !== null) headers['Retry-After'] = String(retryAfter)
    if (this.waiting) this.#hangUp(status, refusal.reason, refusal.headers['Reason'])
    else this.caller.refuse(status, refusal.phrase ?? (meaning.withPhrase ? refusal.message : undefined), headers)
    this.endedAt = new Date()
    const byBuyer = refusal.reason === 'all_awards_failed' || refusal.reason === 'stop_code'
    this.outcome = byBuyer ? this.#outcomeOfFailure() : meaning.outcome
    this.endReason = refusal.reason
    this.hungUpBy = WHO_ENDED[refusal.reason] ?? 'exchange'
    this.note('refused', `${status} ${refusal.reason}: ${refusal.message}`)
  }

  /** A caller who has been answered hears the status in a BYE (RFC 3326), with what the buyer's network said beside it. */
  #hangUp(status: number, reason: EndReason, causes?: string): void {
    const said = reasonHeader(status, reason.replaceAll('_', ' '))
    // It may be its own BYE that ended the call.
    if (this.caller.dialog?.connected) void this.caller.hangUp({ Reason: causes ? `${said}, ${causes}` : said })
  }

  /** How a call whose awards all failed reads: by its last attempt, as a person would tell it. */
  #outcomeOfFailure(): CallOutcome {
    const last = this.attempts.at(-1)
    if (last?.sipStatus === 486 || last?.sipStatus === 600) return 'busy'
    if (last?.sipStatus === null || last?.sipStatus === 408 || last?.sipStatus === 480) return 'no_answer'
    // Somebody picked up, and did not take the call: as if nobody had.
    return last && this.lost.get(last.award.id) === 'not_accepted' ? 'no_answer' : 'failed'
  }

  /** A bug: the caller hears 500, the log hears everything. */
  crashed(error: unknown): void {
    this.error = error
    if (this.waiting && !this.bridge) this.#hangUp(500, 'internal_error')
    else this.caller.refuse(500, undefined, {})
    this.bridge?.hangUp('internal_error', 'exchange')
    this.endedAt = new Date()
    this.outcome = 'failed'
    this.endReason = 'internal_error'
    this.hungUpBy = 'exchange'
    this.note('crashed', error instanceof Error ? error.message : String(error))
  }

  legs(): LegRecord[] {
    const callerLeg: LegRecord = {
      side: 'caller',
      sipCallId: this.caller.sipCallId,
      sipCallIds: [this.caller.sipCallId],
      trunkId: null,
      awardId: null,
      bidId: null,
      targetId: null,
      uri: this.caller.requestUri,
      state: this.facts && stateOf(this.facts),
      ...(this.signature && { signature: this.signature.result }),
      invitedAt: this.receivedAt,
      ringingAt: this.ringingAt,
      answeredAt: this.waiting?.since ?? this.answeredAt,
      endedAt: this.endedAt,
      sipStatus: this.caller.finalStatus,
      media: this.callerMedia,
    }
    return [
      callerLeg,
      ...this.attempts.map(({ award, target, ...attempt }): LegRecord => ({
        awardId: award.id,
        bidId: award.bidId,
        targetId: target.id,
        ...attempt,
        sipCallIds: [...attempt.sipCallIds],
      })),
    ]
  }
}

/** The state of its ZIP, or the only one its number may be in. */
function stateOf({ zip, places }: CallFacts): string | null {
  if (zip) return zip.state
  const state = places[0]?.state ?? null
  return places.every((place) => place.state === state) ? state : null
}

const WHO_ENDED: Partial<Record<EndReason, HungUpBy>> = {
  cancelled: 'caller',
  caller_hung_up: 'caller',
  invite_expired: 'caller',
  operator_hung_up: 'operator',
}
