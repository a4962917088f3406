import { UnacceptableMedia, type MediaSession } from '../media/media-server.ts'
import { oppositeOf, type EndReason, type HungUpBy, type LegSide } from '../model/call.ts'
import { answerOptions } from './in-dialog/answer-options.ts'
import type { CallerLeg } from './caller-leg.ts'
import { ENDED_BY_SERVER } from './ended-by-server.ts'
import { releaseRequests } from './in-dialog/held-requests.ts'
import type { HoldMusic } from './audio/hold-music.ts'
import type { Leg } from './leg.ts'
import { END_OF_MEDIA } from './audio/media-failure.ts'
import { passableReason, reasonHeader } from './headers/reason-header.ts'
import { RelayedKeys } from './in-dialog/relayed-keys.ts'
import { RelayedRequests } from './in-dialog/relayed-requests.ts'
import { Renegotiation } from './in-dialog/renegotiation.ts'
import { systemSchedule } from './start/schedule.ts'
import type { LegDialog, SipRequest, SipResponse } from './srf/srf-types.ts'

/** How an answered call ended, and when on the monotonic clock. */
export interface BridgeEnd {
  readonly reason: EndReason
  readonly hungUpBy: HungUpBy
  readonly atMonotonicMs: number
}

/** How long a call may be up, and why the exchange hangs up then. */
export interface LongestCall {
  readonly ms: number
  readonly reason: EndReason
}

export interface BridgeOptions {
  readonly caller: CallerLeg
  readonly buyer: Leg
  readonly media: MediaSession
  readonly longest: LongestCall
  /** Seconds; 0: no session timers (RFC 4028). */
  readonly sessionExpiresS: number
  readonly monotonicMs: () => number
  /** What sides on hold hear; null: what the holder sends. */
  readonly holdMusic: HoldMusic | null
  /** What a caller has said last who was answered before, and has acknowledged that; null: its 200 has just been sent. */
  readonly callerSaid?: string | null
  /** For the call's trace. */
  readonly note: (step: string, detail: string) => void
}

/** A side whose BYE does not end the call, since somebody else is about to take its place; and that BYE, when it has come. */
interface HeldPlace {
  readonly side: LegSide
  left: { readonly bye: SipRequest | null; readonly reason: string } | null
}

/** What a BYE of ours names as its cause, as if the INVITE had been refused; 200: it is over, and nothing was wrong. */
const CAUSES: Partial<Record<EndReason, number>> = { unacceptable_media: 488, media_insecure: 488, media_failed: 503 }

/**
 * Joins two answered legs and their media. Relays re-INVITE, UPDATE, INFO, MESSAGE, SUBSCRIBE and NOTIFY; a BYE, an RTP
 * timeout, the longest call or `hangUp` ends both sides, and `ended` resolves exactly once with the first cause.
 */
export class Bridge {
  readonly #options: BridgeOptions
  readonly #legs: Record<LegSide, Leg>
  #timer!: NodeJS.Timeout
  /** Its offers and answers. */
  readonly renegotiation: Renegotiation
  readonly #relayed: RelayedRequests
  readonly #keys: RelayedKeys | null
  #resolve!: (end: BridgeEnd) => void
  #ended = false
  #acknowledged = false
  /** The caller left the offer to us, and has not answered it. */
  #owesAnswer: boolean
  #held: HeldPlace | null = null
  #onRefer: ((side: LegSide, req: SipRequest, res: SipResponse) => void) | null = null
  readonly ended: Promise<BridgeEnd>
  #resolveAgreed!: () => void
  /** Resolves once both sides have said what they can hear, or it has ended before. */
  readonly agreed: Promise<void>

  constructor(options: BridgeOptions) {
    this.#options = options
    const { caller, buyer, media, callerSaid = null } = options
    const callerLeg = caller.leg()
    this.#acknowledged = callerSaid !== null
    this.#owesAnswer = caller.offer === null && callerSaid === null
    this.ended = new Promise((resolve) => (this.#resolve = resolve))
    this.agreed = new Promise((resolve) => (this.#resolveAgreed = resolve))
    if (!this.#owesAnswer) this.#resolveAgreed()
    this.endAfter(options.longest)
    this.#legs = { caller: callerLeg, buyer }
    const dialogOf = (side: LegSide): LegDialog => this.#legs[side].dialog
    const onGone = (side: LegSide, dialog: LegDialog): void => this.#dialogGone(side, dialog)
    const { holdMusic } = options
    const onAgreed = holdMusic ? (side: LegSide, offer: string) => holdMusic.agreed(side, offer) : null
    this.renegotiation = new Renegotiation(media, dialogOf, options.sessionExpiresS, onGone, onAgreed)
    const { note, monotonicMs: nowMs } = options
    const { tools } = media
    this.#keys = tools && new RelayedKeys({ tools, dialogOf, onGone, note, nowMs, schedule: systemSchedule })
    this.#relayed = new RelayedRequests(dialogOf, onGone, this.#keys)
    this.#watch('caller', callerLeg.dialog)
    this.#watch('buyer', buyer.dialog)
    if (callerSaid === null) callerLeg.dialog.once('ack', (ack: SipRequest) => void this.#onFirstAck(ack))
    else this.renegotiation.replaced('caller', callerSaid)
    // A caller whose ACK never came is silent too: the record names the cause, not the symptom.
    media.once('rtpTimeout', () => this.hangUp(this.#acknowledged ? 'rtp_timeout' : 'ack_timeout', 'exchange'))
    media.once('failed', (_reason, kind = 'lost') => this.hangUp(END_OF_MEDIA[kind], 'exchange'))
    media.established()
    if (callerSaid !== null && media.callerHeardOtherwise) void this.renegotiation.offerAgain('caller')
  }

  /** Ends both legs for a reason of ours. Idempotent: the first cause stands. */
  hangUp(reason: EndReason, by: HungUpBy): void {
    const headers = { Reason: reasonHeader(CAUSES[reason] ?? 200, reason.replaceAll('_', ' ')) } // RFC 3326
    this.#finish({ reason, hungUpBy: by, atMonotonicMs: this.#options.monotonicMs() })
    for (const leg of Object.values(this.#legs)) void leg.hangUp({ ...headers })
  }

  /** It may be up for so long from now on, whatever was said before. */
  endAfter({ ms, reason }: LongestCall): void {
    clearTimeout(this.#timer)
    if (!this.#ended) this.#timer = setTimeout(() => this.hangUp(reason, 'exchange'), ms)
  }

  /** Whether the caller has acknowledged our 200: until then nobody has proved to be there, since a UDP source can be forged. */
  get isAcknowledged(): boolean {
    return this.#acknowledged
  }

  /** Whether both sides have said what they can hear: until then nobody can take a place. */
  get isAgreed(): boolean {
    return !this.#owesAnswer
  }

  get isEnded(): boolean {
    return this.#ended
  }

  legOf(side: LegSide): Leg {
    return this.#legs[side]
  }

  /** Who is asked about transfers; without it each is declined. */
  onRefer(handler: (side: LegSide, req: SipRequest, res: SipResponse) => void): void {
    this.#onRefer = handler
  }

  /** A side may leave before its successor has come. Call the result when nobody will: if the side has left, the call ends. */
  holdPlace(side: LegSide): () => void {
    const held: HeldPlace = { side, left: null }
    this.#held = held
    return () => {
      if (this.#held !== held) return
      this.#held = null
      if (held.left) this.#legEnded(side, held.left.bye, held.left.reason)
    }
  }

  /** Somebody else takes a side's place, whose media is joined already, and has said this. */
  replace(side: LegSide, leg: Leg, description: string): void {
    this.#held = null
    this.#legs[side] = leg
    this.#options.holdMusic?.replaced(side)
    this.#keys?.replaced(side)
    this.renegotiation.replaced(side, description)
    this.#watch(side, leg.dialog)
  }

  #finish(end: BridgeEnd): void {
    if (this.#ended) return
    this.#ended = true
    clearTimeout(this.#timer)
    this.renegotiation.end()
    this.#keys?.end()
    this.#resolve(end)
    this.#resolveAgreed()
  }

  #watch(side: LegSide, dialog: LegDialog): void {
    if (!dialog.connected) return this.#legEnded(side, null, '') // It hung up before we were built.
    const isCurrent = (): boolean => this.#legs[side].dialog === dialog // Else somebody has taken its place.
    const renegotiate = (req: SipRequest, res: SipResponse): void => {
      if (isCurrent()) void this.renegotiation.handle(side, req, res)
      else res.send(481)
    }
    dialog.on('destroy', (bye: SipRequest, reason: string) => {
      if (isCurrent()) this.#left(side, bye, reason)
    })
    dialog.on('modify', renegotiate)
    dialog.on('update', renegotiate)
    dialog.on('refer', (req: SipRequest, res: SipResponse) => {
      if (isCurrent() && this.#onRefer) this.#onRefer(side, req, res)
      else res.send(603)
    })
    dialog.on('options', (_req: SipRequest, res: SipResponse) => answerOptions(res, true))
    this.#relayed.watch(side, dialog)
    // A buyer's wait for the caller's ACK: what overtook our 200 there would find no dialog, and its 481 would end the call.
    if (side === 'caller' || this.#acknowledged) releaseRequests(dialog)
  }

  /** The caller left the offer to us: its ACK brings the answer, without which nobody would hear anything. */
  async #onFirstAck(ack: SipRequest): Promise<void> {
    this.#acknowledged = true
    releaseRequests(this.#legs.buyer.dialog)
    if (this.#options.caller.offer !== null) {
      if (this.#options.media.callerHeardOtherwise) void this.renegotiation.offerAgain('caller')
      return
    }
    try {
      if (!ack.body) throw new UnacceptableMedia('the ACK brought no answer to our offer')
      await this.renegotiation.firstAnswer(ack.body)
      this.#owesAnswer = false
      this.#resolveAgreed()
    } catch {
      this.hangUp('unacceptable_media', 'exchange')
    }
  }

  #left(side: LegSide, bye: SipRequest | null, reason: string): void {
    if (this.#held?.side === side) this.#held.left = { bye, reason }
    else this.#legEnded(side, bye, reason)
  }

  /** This side says that it knows no such call, or nothing at all: it has left without a BYE. It gets one, as RFC 3261 §12.2.1.2 has it. */
  #dialogGone(side: LegSide, dialog: LegDialog): void {
    if (this.#ended || this.#legs[side].dialog !== dialog) return
    void this.#legs[side].hangUp()
    this.#left(side, null, '')
  }

  #legEnded(side: LegSide, bye: SipRequest | null, reason: string): void {
    const atMonotonicMs = this.#options.monotonicMs()
    const byServer = ENDED_BY_SERVER[reason]
    if (byServer) this.#finish({ reason: byServer, hungUpBy: 'exchange', atMonotonicMs })
    else this.#finish({ reason: side === 'caller' ? 'caller_hung_up' : 'buyer_hung_up', hungUpBy: side, atMonotonicMs })
    const said = passableReason(bye?.get('Reason'))
    void this.#legs[oppositeOf(side)].hangUp(said ? { Reason: said } : {})
  }
}
