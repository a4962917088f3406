import { MediaUnavailable, UnacceptableMedia } from '../../media/media-server.ts'
import { oppositeOf } from '../../model/call.ts'
import { newAttempt } from '../attempt.ts'
import { CallerLeg } from '../caller-leg.ts'
import { hopsLeft } from '../headers/hops.ts'
import { mediaWarning } from '../headers/media-warning.ts'
import type { Seat } from '../parties.ts'
import type { ExchangeParts } from '../parts.ts'
import { NotIntroduced } from '../in-dialog/renegotiation.ts'
import { readReplaces } from './replaces.ts'
import { whyNotEntitled } from './replacing-rights.ts'
import { tooBrief } from '../in-dialog/session-timer.ts'
import { uriOf } from '../headers/sip-fields.ts'
import type { SipRequest, SipResponse } from '../srf/srf-types.ts'

/**
 * Answers an INVITE that is to replace a dialog of ours (RFC 3891 §3): no new call, but somebody else in that one. False when it
 * names none of ours: then it is judged like any other INVITE.
 */
export function takeOver(req: SipRequest, res: SipResponse, parts: ExchangeParts): boolean {
  if (!req.has('Replaces')) return false
  const replaces = req.has('Join') ? null : readReplaces(req.get('Replaces') ?? '')
  const named = replaces && parts.ownDialogs.find(replaces)
  if (!named) return false
  const refused = whyRefused(req, named, replaces.isEarlyOnly, parts)
  if (refused !== null || named === 'ended') {
    const { status, headers } = refused ?? DECLINED
    res.send(status, { headers })
    return true
  }
  void new TakeOver(named, new CallerLeg(parts.signaling, req, res, parts.policies), parts).run()
  return true
}

const DECLINED = { status: 603, headers: {} }

function whyRefused(req: SipRequest, named: Seat | 'ended', isEarlyOnly: boolean, parts: ExchangeParts) {
  if (hopsLeft(req.get('Max-Forwards')) < 0) return { status: 483, headers: {} }
  if (named === 'ended') return DECLINED
  const notEntitled = whyNotEntitled(req, named, parts)
  if (notEntitled) return notEntitled
  if (isEarlyOnly) return { status: 486, headers: {} } // It is answered.
  if (named.parties.bridge.isEnded) return DECLINED
  if (named.side === 'caller' && parts.policies.transfers !== 'both') return DECLINED
  const brief = tooBrief(req.get('Session-Expires'))
  return brief && { status: 422, headers: brief }
}

/** One newcomer on its way to somebody's place. */
class TakeOver {
  readonly #seat: Seat
  readonly #newcomer: CallerLeg
  readonly #parts: ExchangeParts

  constructor(seat: Seat, newcomer: CallerLeg, parts: ExchangeParts) {
    this.#seat = seat
    this.#newcomer = newcomer
    this.#parts = parts
  }

  async run(): Promise<void> {
    const { parties, side } = this.#seat
    const { call, bridge } = parties
    const newcomer = this.#newcomer
    newcomer.nameCall(call.id)
    const finish = parties.begin()
    if (typeof finish === 'number') return newcomer.refuse(finish, undefined, {})
    call.note('replacing', `somebody else is to take the ${side}’s place`)
    const giveUpPlace = bridge.holdPlace(side)
    try {
      if (newcomer.offer === null) await this.#withoutOffer()
      else await this.#withOffer(newcomer.offer)
    } catch (error) {
      call.note('not replaced', error instanceof Error ? error.message : String(error))
      call.media!.dropReplacement()
      newcomer.refuse(statusOf(error), undefined, mediaWarning(error))
      void newcomer.hangUp()
      if (isBug(error)) this.#parts.log.error({ callId: call.id, error }, 'replacing a dialog met a bug')
    } finally {
      giveUpPlace() // Once it is taken there is none to give up.
      finish()
    }
  }

  async #withOffer(offer: string): Promise<void> {
    const { parties, side } = this.#seat
    const introduction = await parties.bridge.renegotiation.introduce(side, offer)
    try {
      this.#throwIfGone()
      if (!(await this.#newcomer.accept(introduction.answer))) throw new NotIntroduced(487)
      await parties.takeStats(side)
      await introduction.seat()
    } catch (error) {
      introduction.withdraw()
      throw error
    }
    this.#sit(offer)
  }

  /** It leaves the offer to us: its answer comes with the ACK (RFC 3261 §13.2.1). */
  async #withoutOffer(): Promise<void> {
    const { parties, side } = this.#seat
    const media = parties.call.media!
    const offer = await media.offerReplacement(side)
    this.#throwIfGone()
    if (!(await this.#newcomer.accept(offer))) throw new NotIntroduced(487)
    const answer = await parties.bridge.renegotiation.ackOf(this.#newcomer.leg().dialog)
    if (answer === null) throw new UnacceptableMedia('the ACK brought no answer to our offer')
    await parties.takeStats(side)
    await media.takeReplacement(answer)
    this.#sit(answer)
    void parties.bridge.renegotiation.offerAgain(oppositeOf(side))
  }

  #sit(description: string): void {
    const { parties, side } = this.#seat
    const { award, target } = parties.call.soldAttempt!
    const leg = this.#newcomer.leg()
    const uri = uriOf(this.#newcomer.header('From') ?? '')
    const attempt = newAttempt(award, { target, uri }, side)
    attempt.sipCallIds.push(leg.dialog.sip.callId)
    const isKnownByAddress = parties.isKnownByAddress(side)
    void parties.seat({ side, attempt, leg, description, isKnownByAddress }).hangUp()
  }

  #throwIfGone(): void {
    if (this.#newcomer.gone.aborted) throw new NotIntroduced(487)
    if (this.#seat.parties.bridge.isEnded) throw new NotIntroduced(603)
  }
}

/** The other side may say 500 by itself. */
function isBug(error: unknown): boolean {
  return !(error instanceof NotIntroduced) && statusOf(error) === 500
}

function statusOf(error: unknown): number {
  if (error instanceof NotIntroduced) return error.status
  if (error instanceof UnacceptableMedia) return 488
  return error instanceof MediaUnavailable ? 503 : 500
}
