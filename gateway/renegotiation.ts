import { setTimeout as sleep } from 'node:timers/promises'
import type { MediaSession } from '../media/media-server.ts'
import type { LegSide } from '../model/call.ts'
import { systemRandom } from '../model/random.ts'
import { isDialogGone } from './dialog-gone.ts'
import { backOffMs, MAX_GLARES } from './glare.ts'
import { mediaWarning } from './media-warning.ts'
import { sessionAnswer, sessionOffer } from './session-timer.ts'
import { ABILITIES, ALLOWED } from './sip-methods.ts'
import { isSipFailure, reinvite, relayableStatus, type SipDialog, type SipRequest, type SipResponse } from './srf.ts'

/** How long we wait for the ACK that answers an offer of ours: 64·T1, when the server gives the 200 up too (RFC 3261 §13.3.1.4). */
const ACK_WAIT_MS = 32_000

/**
 * The offer/answer exchanges of an answered call (RFC 3261 §14, RFC 3311, RFC 3264 §8): one at a time through both legs and the
 * engine between them. Whoever asks meanwhile hears 491, and whose re-INVITE met one of the other side's is told so, too: each
 * backs off by its own clock (RFC 3261 §14.1), so that the two do not meet again.
 */
export class Renegotiation {
  readonly #media: MediaSession
  readonly #dialogOf: (side: LegSide) => SipDialog
  /** Each side's last description, letter by letter: the same again only refreshes the session (RFC 4028 §7.4). */
  readonly #said: Record<LegSide, string>
  readonly #sessionExpiresS: number
  /** Told of a side that knows nothing of its dialog any more. */
  readonly #onGone: (side: LegSide, dialog: SipDialog) => void
  #busy = false

  constructor(
    media: MediaSession,
    dialogOf: (side: LegSide) => SipDialog,
    sessionExpiresS: number,
    onGone: (side: LegSide, dialog: SipDialog) => void,
  ) {
    this.#onGone = onGone
    this.#sessionExpiresS = sessionExpiresS
    this.#media = media
    this.#dialogOf = dialogOf
    this.#said = { caller: dialogOf('caller').remote.sdp, buyer: dialogOf('buyer').remote.sdp }
  }

  /** A re-INVITE or an UPDATE of this side. */
  async handle(side: LegSide, req: SipRequest, res: SipResponse): Promise<void> {
    if (!req.body) return this.#withoutOffer(side, req, res)
    const dialog = this.#dialogOf(side)
    const headers = { ...sessionAnswer(req, this.#sessionExpiresS), ...ABILITIES }
    if (req.body === this.#said[side]) return res.send(200, { headers, body: dialog.local.sdp })
    if (this.#busy) return res.send(491)
    this.#busy = true
    const otherSide = side === 'caller' ? 'buyer' : 'caller'
    const other = this.#dialogOf(otherSide)
    try {
      const offer = await this.#media.reoffer(side, req.body)
      const theirs = await reinvite(other, offer, this.#session())
      const answer = await this.#media.reanswer(side, theirs)
      this.#said[side] = req.body
      this.#said[otherSide] = theirs
      dialog.local.sdp = answer
      res.send(200, { headers, body: answer })
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
    try {
      const dialog = this.#dialogOf(side)
      const offer = await this.#media.offerTo(side)
      dialog.local.sdp = offer
      const answered = ackOf(dialog)
      res.send(200, { headers, body: offer })
      const answer = await answered
      if (!answer) return
      await this.#media.answerFrom(side, answer)
      this.#said[side] = answer
    } catch {
      // An answer that cannot be used changes nothing: what was agreed before is agreed still.
      if (!res.finalResponseSent) res.send(488)
    } finally {
      this.#busy = false
    }
  }

  /** A re-INVITE of ours that did not speak of the session timer would end it (RFC 4028 §7.4). */
  #session(): Record<string, string> {
    const session = { ...sessionOffer(this.#sessionExpiresS), Allow: ALLOWED }
    return this.#sessionExpiresS === 0 ? session : { ...session, Supported: 'timer' }
  }

  /**
   * Offers a side what is agreed, as after the other side has changed. A re-INVITE that meets one of theirs is sent again later
   * (RFC 3261 §14.1). False when the side would not have it: then it goes on as it was.
   */
  async offerAgain(side: LegSide): Promise<boolean> {
    for (let glares = 0; glares <= MAX_GLARES; glares++) {
      if (glares > 0) await sleep(backOffMs(side === 'buyer', systemRandom))
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

/** The body of the next ACK in a dialog; null when it has none, or does not come. */
function ackOf(dialog: SipDialog): Promise<string | null> {
  return new Promise((resolve) => {
    const settle = (ack: SipRequest | null): void => {
      clearTimeout(timer)
      dialog.off('ack', settle)
      resolve(ack?.body || null)
    }
    const timer = setTimeout(() => settle(null), ACK_WAIT_MS)
    dialog.once('ack', settle)
    dialog.once('destroy', () => settle(null))
  })
}
