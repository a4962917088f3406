import type { LegSide } from '../model/call.ts'
import type { DialogState } from '../model/cdr.ts'
import { MediaUnavailable, type MediaSession } from '../media/media-server.ts'
import { newAttempt } from './attempt.ts'
import type { Bridge } from './bridge.ts'
import { ring, type BuyerLeg } from './buyer-leg.ts'
import type { Invitation } from './invitation.ts'
import type { BuyerAttempt, Call } from './live-call.ts'
import { progressPhrase } from './progress-phrase.ts'
import type { ExchangeParts } from './parts.ts'
import { ReferProgress } from './refer-progress.ts'
import { readReferral, type Referral } from './referral.ts'
import { ringWays } from './ring-ways.ts'
import { relayableStatus, type SipRequest, type SipResponse } from './srf.ts'
import { transferTarget } from './transfer-target.ts'
import { uriOf } from './sip-fields.ts'
import { parseUri } from './sip-server/uri.ts'
import { writeSold } from './write-sold.ts'

/** A call is transferred so often; after that every further REFER is declined. */
const MAX_TRANSFERS = 10

/**
 * Transfers of one answered call (RFC 3515, RFC 5589): whoever refers is replaced by whom it refers to, once that one has answered.
 * Until then it may stay or leave. It is the same sale on the same award: the money runs on until the caller's end. When nobody
 * answers, the call is as it was, or over if the transferor has left.
 *
 * A referral with Replaces (attended) is passed on to the other end, which joins the consultation call (RFC 3891).
 */
export class Transfers {
  readonly #call: Call
  readonly #bridge: Bridge
  readonly #parts: ExchangeParts
  readonly #dialogs: Record<LegSide, { state(): DialogState }>
  #ongoing = false
  #count = 0

  constructor(call: Call, bridge: Bridge, buyer: BuyerLeg, parts: ExchangeParts) {
    this.#call = call
    this.#dialogs = { caller: call.caller, buyer }
    this.#bridge = bridge
    this.#parts = parts
  }

  listen(): void {
    if (this.#parts.policies.transfers === 'off') return
    this.#bridge.onRefer((side, req, res) => this.#asked(side, req, res))
  }

  #asked(side: LegSide, req: SipRequest, res: SipResponse): void {
    if (this.#bridge.isEnded) return res.send(481) // Its BYE and our own have crossed.
    if (side === 'caller' && this.#parts.policies.transfers !== 'both') return res.send(603)
    if (this.#ongoing || !this.#bridge.isAgreed) return res.send(491)
    const referral = readReferral(req)
    if (typeof referral === 'number') return this.#decline(res, referral, 'the REFER cannot be followed')
    if (this.#count >= MAX_TRANSFERS) return this.#decline(res, 603, 'transferred often enough')
    const { dialog } = this.#bridge.legOf(side)
    const ownHost = parseUri(uriOf(dialog.local.uri))?.host ?? ''
    const invitation = transferTarget(referral, this.#call.soldAttempt!.target, ownHost, this.#call, this.#parts)
    if (invitation === 480) return this.#decline(res, 480, 'the colleague is not registered')
    if (typeof invitation === 'number') return this.#decline(res, invitation, 'nobody is called there on our account')
    res.send(202, referral.wantsNotify ? {} : { headers: { 'Refer-Sub': 'false' } })
    const progress = referral.wantsNotify ? new ReferProgress(dialog, this.#count === 0 ? null : referral.id) : null
    this.#count++
    this.#ongoing = true
    this.#transfer(side, referral, invitation, progress)
      .catch((error: unknown) => {
        if (error instanceof MediaUnavailable) {
          // The call has ended meanwhile, or there is no port left: no bug of the transfer's.
          this.#call.note('transfer failed', error.message)
          return void progress?.tell(503, 'Service Unavailable')
        }
        this.#parts.log.error({ callId: this.#call.id, error }, 'a transfer met a bug')
        void progress?.tell(500, 'Server Internal Error')
      })
      .finally(() => (this.#ongoing = false))
  }

  #decline(res: SipResponse, status: number, why: string): void {
    this.#call.note('transfer refused', why)
    res.send(status)
  }

  async #transfer(
    side: LegSide,
    referral: Referral,
    invitation: Invitation,
    progress: ReferProgress | null,
  ): Promise<void> {
    const call = this.#call
    const media = call.media!
    const giveUpPlace = this.#bridge.holdPlace(side)
    call.note('transfer', `asked by the ${side}${referral.replaces ? ', to a call it has there' : ''}`)
    void progress?.tell(100, 'Trying')
    const attempt = newAttempt(call.soldAttempt!.award, invitation, side)
    let status = 503
    try {
      const sdp = await media.offerReplacement(side)
      const result = await this.#ring(attempt, invitation, sdp, progress)
      if (result.kind === 'answered') {
        if (await this.#join(side, attempt, result.leg, result.sdp, media)) {
          await this.#joined(side, attempt, result.leg, result.sdp, progress)
          return
        }
        status = 488
      } else if (result.kind === 'rejected') status = relayableStatus(result.status)
      else status = result.kind === 'no-answer' ? 480 : 487
    } finally {
      media.dropReplacement()
      giveUpPlace() // After a join there is no place to give up.
    }
    attempt.endedAt = new Date()
    attempt.sipStatus = status
    call.note('transfer failed', String(status))
    void progress?.tell(status, 'Transfer failed')
  }

  #ring(attempt: BuyerAttempt, invitation: Invitation, sdp: string, progress: ReferProgress | null) {
    const gone = new AbortController()
    void this.#bridge.ended.then(() => gone.abort())
    this.#call.attempts.push(attempt)
    const { signaling } = this.#parts
    const options = {
      ...invitation,
      sdp,
      ringTimeoutMs: invitation.target.ringTimeout * 1000,
      gone: gone.signal,
      goneReason: () => null,
      onInvite: (sipCallId: string) => void attempt.sipCallIds.push(sipCallId),
      onSent: (sipCallId: string) => (attempt.sipCallId = sipCallId),
      // The caller's side hears the newcomer once it has answered; there is nothing to renew before.
      onEarlyOffer: () => Promise.reject(new Error('not before the answer')),
      onProgress: (status: number) => {
        attempt.ringingAt ??= new Date()
        void progress?.tell(status, progressPhrase(status))
      },
    }
    return invitation.ways ? ringWays(signaling, invitation.ways, options) : ring(signaling, options)
  }

  /** The newcomer's media in the place of the transferor's. False when they have nothing in common, or the call is over. */
  async #join(side: LegSide, attempt: BuyerAttempt, leg: BuyerLeg, sdp: string, media: MediaSession): Promise<boolean> {
    const before = this.#legAttempt(side)
    try {
      if (this.#bridge.isEnded) throw new Error('the call has ended')
      const heard = (await media.stats())[side]
      if (before) before.media = heard
      else this.#call.callerMedia = heard
      await media.takeReplacement(sdp)
    } catch {
      void leg.hangUp()
      return false
    }
    attempt.sipStatus = 200
    attempt.sipCallId = leg.dialog.sip.callId // Of several phones, the one that answered.
    attempt.answeredAt = new Date()
    if (before) before.endedAt = attempt.answeredAt
    return true
  }

  async #joined(
    side: LegSide,
    attempt: BuyerAttempt,
    leg: BuyerLeg,
    sdp: string,
    progress: ReferProgress | null,
  ): Promise<void> {
    const call = this.#call
    const former = this.#bridge.legOf(side)
    this.#bridge.replace(side, leg, sdp)
    call.transferredTo[side] = attempt
    this.#dialogs[side] = leg
    call.note('transferred', `the ${side}’s side goes on elsewhere`)
    if (this.#bridge.isEnded) void leg.hangUp()
    // Only lets a restart after a crash say BYE to the right side; the sale is written down already.
    const dialogs = { caller: this.#dialogs.caller.state(), buyer: this.#dialogs.buyer.state() }
    void writeSold(call, dialogs, this.#parts).catch(() => {})
    await progress?.tell(200, 'OK')
    void former.hangUp()
  }

  /** The record of whoever is on this side now; the caller's own has no attempt. */
  #legAttempt(side: LegSide): BuyerAttempt | null {
    const { transferredTo, soldAttempt } = this.#call
    return transferredTo[side] ?? (side === 'buyer' ? soldAttempt : null)
  }
}
