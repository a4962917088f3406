import { MediaUnavailable, type MediaSession } from '../../media/media-server.ts'
import { oppositeOf, type LegSide } from '../../model/call.ts'
import { systemRandom } from '../../model/random.ts'
import { isDialogGone } from './dialog-gone.ts'
import { backOffMs, MAX_GLARES } from './glare.ts'
import { mediaWarning } from '../headers/media-warning.ts'
import { sessionAnswer, sessionOffer } from './session-timer.ts'
import { ABILITIES, ALLOWED } from '../headers/sip-methods.ts'
import { reinvite, relayableStatus } from '../srf.ts'
import { isSipFailure, type LegDialog, type SipRequest, type SipResponse } from '../srf/srf-types.ts'
import { Waits } from './waits.ts'

/**
 * The offer/answer exchanges of an answered call (RFC 3261 §14, RFC 3311, RFC 3264 §8): one at a time through both legs and the
 * engine between them. Whoever asks meanwhile hears 491, and whose re-INVITE met one of the other side's is told so, too: each
 * backs off by its own clock (RFC 3261 §14.1), so that the two do not meet again.
 */
export class Renegotiation {
  readonly #media: MediaSession
  readonly #dialogOf: (side: LegSide) => LegDialog
  /** Each side's last description, letter by letter: the same again only refreshes the session (RFC 4028 §7.4). */
  readonly #said: Record<LegSide, string>
  readonly #sessionExpiresS: number
  /** Told of a side that knows nothing of its dialog any more. */
  readonly #onGone: (side: LegSide, dialog: LegDialog) => void
  /** Told of each offer of a side that has been agreed. */
  readonly #onAgreed: ((side: LegSide, offer: string) => void) | null
  #busy = false
  readonly #waits = new Waits()

  constructor(
    media: MediaSession,
    dialogOf: (side: LegSide) => LegDialog,
    sessionExpiresS: number,
    onGone: (side: LegSide, dialog: LegDialog) => void,
    onAgreed: ((side: LegSide, offer: string) => void) | null = null,
  ) {
    this.#onGone = onGone
    this.#onAgreed = onAgreed
    this.#sessionExpiresS = sessionExpiresS
    this.#media = media
    this.#dialogOf = dialogOf
    this.#said = { caller: dialogOf('caller').remote.sdp, buyer: dialogOf('buyer').remote.sdp }
  }

  /** The call is over: nobody is waited for, and nothing offered any more. */
  end(): void {
    this.#waits.end()
  }

  /** The answer in the next ACK of a dialog; null when it has none, or does not come while the call is up. */
  ackOf(dialog: LegDialog): Promise<string | null> {
    return this.#waits.ackOf(dialog)
  }

  /** A re-INVITE or an UPDATE of this side. */
  async handle(side: LegSide, req: SipRequest, res: SipResponse): Promise<void> {
    if (this.#waits.isOver) return res.send(481)
    if (!req.body) return this.#withoutOffer(side, req, res)
    const dialog = this.#dialogOf(side)
    const headers = { ...sessionAnswer(req, this.#sessionExpiresS), ...ABILITIES }
    if (req.body === this.#said[side]) return res.send(200, { headers, body: dialog.local.sdp })
    if (this.#busy) return res.send(491)
    this.#busy = true
    const otherSide = oppositeOf(side)
    const other = this.#dialogOf(otherSide)
    try {
      const offer = await this.#media.reoffer(side, req.body)
      const theirs = await reinvite(other, offer, this.#session())
      const answer = await this.#media.reanswer(side, theirs)
      this.#said[side] = req.body
      this.#said[otherSide] = theirs
      dialog.local.sdp = answer
      res.send(200, { headers, body: answer })
      this.#onAgreed?.(side, req.body)
    } catch (error) {
      if (isSipFailure(error) && error.status >= 300) res.send(relayableStatus(error.status))
      else res.send(488, { headers: mediaWarning(error) })
      if (isSipFailure(error) && isDialogGone(error.status)) this.#onGone(otherSide, other)
    } finally {
      this.#busy = false
    }
  }

  /** A refresh, or a wish to hear our offer: then what is agreed is offered, and the answer comes with the ACK (§14.2). */
  async #withoutOffer(side: LegSide, req: SipRequest, res: SipResponse): Promise<void> {
    const headers = { ...sessionAnswer(req, this.#sessionExpiresS), ...ABILITIES }
    if (req.method !== 'INVITE') return res.send(200, { headers })
    if (this.#busy) return res.send(491)
    this.#busy = true
    let isNews = false
    try {
      const dialog = this.#dialogOf(side)
      const offer = await this.#media.offerTo(side)
      dialog.local.sdp = offer
      const answered = this.#waits.ackOf(dialog)
      res.send(200, { headers, body: offer })
      const answer = await answered
      if (!answer) return
      await this.#media.answerFrom(side, answer)
      isNews = this.#media.isDirect === true && answer !== this.#said[side]
      this.#said[side] = answer
    } catch {
      // An answer that cannot be used changes nothing: what was agreed before is agreed still.
      if (!res.finalResponseSent) res.send(488)
    } finally {
      this.#busy = false
    }
    // Nobody stands between the two: where this side listens now, the other must hear.
    if (isNews) void this.offerAgain(oppositeOf(side))
  }

  /** A re-INVITE of ours that did not speak of the session timer would end it (RFC 4028 §7.4). */
  #session(): Record<string, string> {
    const session = { ...sessionOffer(this.#sessionExpiresS), Allow: ALLOWED }
    return { ...session, Supported: this.#sessionExpiresS === 0 ? 'replaces' : 'timer, replaces' }
  }

  /**
   * Offers a side what is agreed, as after the other side has changed. A re-INVITE that meets one of theirs is sent again later
   * (RFC 3261 §14.1). False when the side would not have it: then it goes on as it was.
   */
  async offerAgain(side: LegSide): Promise<boolean> {
    for (let glares = 0; glares <= MAX_GLARES; glares++) {
      if (glares > 0) await this.#waits.sleep(backOffMs(side === 'buyer', systemRandom))
      if (this.#waits.isOver) return false
      if (this.#busy) continue
      this.#busy = true
      const dialog = this.#dialogOf(side)
      try {
        if (!dialog.connected) return false
        const answer = await reinvite(dialog, await this.#media.offerTo(side), this.#session())
        await this.#media.answerFrom(side, answer)
        this.#said[side] = answer
        return true
      } catch (error) {
        if (isSipFailure(error) && isDialogGone(error.status)) this.#onGone(side, dialog)
        if (!isSipFailure(error) || error.status !== 491) return false
      } finally {
        this.#busy = false
      }
    }
    return false
  }

  /**
   * Offers the other side what a newcomer has said who is about to take this side's place (RFC 5589 §7, RFC 3891 §3); sent again
   * later when it meets one of theirs. Resolves to the answer for the newcomer: until that one is seated, or has withdrawn, nobody
   * else renegotiates. Rejects with NotIntroduced; then the other side is offered again what it had, if it had agreed already.
   */
  async introduce(side: LegSide, description: string, where?: 'inside'): Promise<Introduction> {
    const otherSide = oppositeOf(side)
    for (let glares = 0; ; glares++) {
      if (glares > 0) await this.#waits.sleep(backOffMs(otherSide === 'buyer', systemRandom))
      const outcome = this.#waits.isOver
        ? 481
        : this.#busy
          ? 491
          : await this.#introduceOnce(side, otherSide, description, where)
      if (typeof outcome !== 'number') return outcome
      if (outcome === 491 && glares < MAX_GLARES) continue
      this.#media.dropReplacement()
      throw new NotIntroduced(outcome)
    }
  }

  async #introduceOnce(
    side: LegSide,
    otherSide: LegSide,
    description: string,
    where?: 'inside',
  ): Promise<Introduction | number> {
    this.#busy = true
    const dialog = this.#dialogOf(otherSide)
    let theirs: string | null = null
    const restore = (): void => {
      this.#busy = false
      if (theirs !== null) void this.offerAgain(otherSide)
    }
    try {
      if (!dialog.connected) throw new NotIntroduced(481)
      theirs = await reinvite(dialog, await this.#media.introduceReplacement(side, description, where), this.#session())
      const said = theirs
      const answer = await this.#media.answerReplacement(said)
      const seat = async (): Promise<void> => {
        await this.#media.seatReplacement()
        this.#said[side] = description
        this.#said[otherSide] = said
        this.#busy = false
      }
      const withdraw = (): void => {
        this.#media.dropReplacement()
        restore()
      }
      return { answer, seat, withdraw }
    } catch (error) {
      restore()
      if (error instanceof NotIntroduced) return error.status
      if (!isSipFailure(error)) {
        if (!dialog.connected) return 481 // Its side has hung up meanwhile.
        return error instanceof MediaUnavailable ? 503 : 488
      }
      if (!isDialogGone(error.status)) return relayableStatus(error.status)
      this.#onGone(otherSide, dialog)
      return 481
    }
  }

  /** Somebody else has taken this side's place, and said this. */
  replaced(side: LegSide, description: string): void {
    this.#said[side] = description
  }

  /** The caller's answer to our first offer, which its ACK brought. Rejects when it cannot be used. */
  async firstAnswer(answer: string): Promise<void> {
    await this.#media.answerFrom('caller', answer)
    this.#said.caller = answer
  }
}

/** Somebody who may take a side's place. */
export interface Introduction {
  /** What the newcomer is answered. */
  readonly answer: string
  /** It has the place. */
  seat(): Promise<void>
  /** It will not have it: the other side is offered again what it had. */
  withdraw(): void
}

/** The other side would not have the newcomer, or is not there; `status` says how. */
export class NotIntroduced extends Error {
  override readonly name = 'NotIntroduced'
  readonly status: number

  constructor(status: number) {
    super(`not introduced: ${status}`)
    this.status = status
  }
}
