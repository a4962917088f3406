import { oppositeOf, type LegSide } from '../../model/call.ts'
import { MediaUnavailable, type MediaSession } from '../../media/media-server.ts'
import { newAttempt } from '../attempt.ts'
import type { Bridge } from '../bridge.ts'
import { ring, type BuyerLeg } from '../buyer-leg.ts'
import type { Invitation } from '../invitation/invitation.ts'
import { joinCalls } from './join-calls.ts'
import type { BuyerAttempt, Call } from '../live-call.ts'
import type { Parties, Seat } from '../parties.ts'
import { progressPhrase } from '../invitation/progress-phrase.ts'
import type { ExchangeParts } from '../parts.ts'
import { ReferProgress } from './refer-progress.ts'
import { readReferral, type Referral } from './referral.ts'
import { mayJoin } from './replacing-rights.ts'
import { ringWays } from '../invitation/ring-ways.ts'
import { relayableStatus } from '../srf.ts'
import type { SipRequest, SipResponse } from '../srf/srf-types.ts'
import { transferTarget } from './transfer-target.ts'
import { uriOf } from '../headers/sip-fields.ts'
import { parseUri } from '../sip-server/uri.ts'

/**
 * Transfers of one answered call (RFC 3515, RFC 5589): whoever refers is replaced by whom it refers to, once that one has answered.
 * Until then it may stay or leave. When nobody answers, the call is as it was, or over if the transferor has left.
 *
 * A referral with Replaces (attended) that names a dialog of ours has the two calls joined; any other is passed on to the other end,
 * which joins the consultation call (RFC 3891).
 */
export class Transfers {
  readonly #call: Call
  readonly #bridge: Bridge
  readonly #parties: Parties
  readonly #parts: ExchangeParts

  constructor(parties: Parties, parts: ExchangeParts) {
    this.#parties = parties
    this.#call = parties.call
    this.#bridge = parties.bridge
    this.#parts = parts
  }

  listen(): void {
    this.#bridge.onRefer((side, req, res) => this.#asked(side, req, res))
  }

  #asked(side: LegSide, req: SipRequest, res: SipResponse): void {
    if (this.#bridge.isEnded) return res.send(481) // Its BYE and our own have crossed.
    const mayCaller = this.#parts.policies.transfers === 'both' && !this.#call.facts!.isByClick
    if (side === 'caller' && !mayCaller) return res.send(603)
    const referral = readReferral(req)
    if (typeof referral === 'number') return this.#decline(res, referral, 'the REFER cannot be followed')
    const { replaces } = referral
    const named = replaces && this.#parts.ownDialogs.find(replaces)
    if (named !== null) return this.#askedToJoin(side, referral, named, req, res)
    const { dialog } = this.#bridge.legOf(side)
    const ownHost = parseUri(uriOf(dialog.local.uri))?.host ?? ''
    const invitation = transferTarget(referral, this.#call.soldAttempt!.target, ownHost, this.#call, this.#parts)
    if (invitation === 480) return this.#decline(res, 480, 'the colleague is not registered')
    if (typeof invitation === 'number') return this.#decline(res, invitation, 'nobody is called there on our account')
    this.#follow(side, referral, res, (progress) => this.#transfer(side, referral, invitation, progress))
  }

  #askedToJoin(side: LegSide, referral: Referral, named: Seat | 'ended', req: SipRequest, res: SipResponse): void {
    if (named !== 'ended') {
      if (named.parties === this.#parties) return this.#decline(res, 603, 'a call is not joined with itself')
      if (!mayJoin(req, this.#parties.accountOf(side), named))
        return this.#decline(res, 403, 'the call to be joined is not the transferor’s')
    }
    this.#follow(side, referral, res, (progress) => this.#join(side, referral, named, progress))
  }

  #decline(res: SipResponse, status: number, why: string): void {
    this.#call.note('transfer refused', why)
    res.send(status)
  }

  /** Accepts the REFER and does what it asks for; whoever wants to hear of it, does. */
  #follow(
    side: LegSide,
    referral: Referral,
    res: SipResponse,
    work: (progress: ReferProgress | null) => Promise<void>,
  ): void {
    const isFirst = this.#parties.changes === 0
    const finish = this.#parties.begin()
    if (finish === 491) return res.send(491)
    if (finish === 603) return this.#decline(res, 603, 'transferred often enough')
    res.send(202, referral.wantsNotify ? {} : { headers: { 'Refer-Sub': 'false' } })
    const { dialog } = this.#bridge.legOf(side)
    const progress = referral.wantsNotify ? new ReferProgress(dialog, isFirst ? null : referral.id) : null
    void progress?.tell(100, 'Trying')
    work(progress)
      .catch((error: unknown) => {
        if (error instanceof MediaUnavailable) {
          // The call has ended meanwhile, or there is no port left: no bug of the transfer's.
          this.#call.note('transfer failed', error.message)
          return void progress?.tell(503, 'Service Unavailable')
        }
        this.#parts.log.error({ callId: this.#call.id, error }, 'a transfer met a bug')
        void progress?.tell(500, 'Server Internal Error')
      })
      .finally(finish)
  }

  /** RFC 5589 §7, where both calls are ours. What INVITE with Replaces would be answered, the transferor is told (RFC 3891 §3). */
  async #join(
    side: LegSide,
    { replaces }: Referral,
    named: Seat | 'ended',
    progress: ReferProgress | null,
  ): Promise<void> {
    this.#call.note('transfer', `asked by the ${side}, to join a call of its own`)
    const own: Seat = { parties: this.#parties, side, leg: this.#bridge.legOf(side) }
    const result = named === 'ended' ? 603 : replaces!.isEarlyOnly ? 486 : await joinCalls(own, named)
    if (typeof result === 'number') {
      this.#call.note('transfer failed', String(result))
      return void progress?.tell(result, 'Transfer failed')
    }
    await this.#tellDone(progress)
    for (const former of result.former) void former.hangUp()
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
    const attempt = newAttempt(call.soldAttempt!.award, invitation, side)
    let status = 503
    try {
      const sdp = await media.offerReplacement(side)
      const result = await this.#ring(attempt, invitation, sdp, progress)
      if (result.kind === 'answered') {
        if (await this.#takePlace(side, result.leg, result.sdp, media)) {
          const { leg, sdp: description } = result
          const isKnownByAddress = invitation.ways === undefined
          const former = this.#parties.seat({ side, attempt, leg, description, isKnownByAddress })
          void this.#bridge.renegotiation.offerAgain(oppositeOf(side))
          await this.#tellDone(progress)
          void former.hangUp()
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

  /** A transferor hears how its REFER came out before its BYE, unless it does not listen and the call is over meanwhile. */
  async #tellDone(progress: ReferProgress | null): Promise<void> {
    await Promise.race([progress?.tell(200, 'OK'), this.#bridge.ended])
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
  async #takePlace(side: LegSide, leg: BuyerLeg, sdp: string, media: MediaSession): Promise<boolean> {
    try {
      if (this.#bridge.isEnded) throw new Error('the call has ended')
      await this.#parties.takeStats(side)
      await media.takeReplacement(sdp)
      return true
    } catch {
      void leg.hangUp()
      return false
    }
  }
}
