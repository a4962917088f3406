import type { MediaSession } from '../../media/media-server.ts'
import type { EndReason } from '../../model/call.ts'
import { answerOptions } from '../in-dialog/answer-options.ts'
import type { CallerLeg } from '../caller-leg.ts'
import { ENDED_BY_SERVER } from '../ended-by-server.ts'
import { releaseRequests } from '../in-dialog/held-requests.ts'
import { infoDigit } from '../in-dialog/info-digits.ts'
import type { SipDialog, SipRequest, SipResponse } from '../srf/srf-types.ts'

interface WaitingCallerOptions {
  /** It has been accepted. */
  readonly leg: CallerLeg
  readonly media: MediaSession
  /** Whether somebody has answered the call, and is about to be joined with it: then it offers nothing. */
  readonly isTaken: () => boolean
  /** It has hung up, or the server has; or nothing can be heard of it. */
  readonly onLeft: (why: EndReason) => void
}

/** Means something to whoever it will be joined with, who is not there yet. */
const FOR_THE_OTHER = ['message', 'notify', 'subscribe', 'publish'] as const

/**
 * A caller whom we have answered before anybody was rung for it: its dialog is ours alone until `joined`. It may press keys, hold,
 * move its audio and hang up meanwhile, as in any call.
 */
export class WaitingCaller {
  readonly since = new Date()
  readonly #options: WaitingCallerOptions
  readonly #dialog: SipDialog
  readonly #listening: (() => void)[] = []
  readonly #acknowledged = Promise.withResolvers<void>()
  #said: string
  /** It left the offer to us, and its answer to that still stands. */
  #isAnswerer: boolean

  constructor(options: WaitingCallerOptions) {
    this.#options = options
    const { leg } = options
    this.#dialog = leg.dialog!
    this.#said = leg.offer ?? ''
    this.#isAnswerer = leg.offer === null
    const onLeft = (_bye: SipRequest, reason: string): void =>
      options.onLeft(ENDED_BY_SERVER[reason] ?? 'caller_hung_up')
    this.#dialog.on('destroy', onLeft)
    this.#listening.push(() => this.#dialog.off('destroy', onLeft))
    this.#on('ack', (ack) => void this.#onAck(ack))
    this.#on('info', (info, res) => this.#onInfo(info, res))
    for (const event of ['modify', 'update']) this.#on(event, (req, res) => void this.#onOffer(req, res))
    this.#on('options', (_req, res) => answerOptions(res, true))
    this.#on('refer', (_req, res) => res.send(603))
    for (const event of FOR_THE_OTHER) this.#on(event, (_req, res) => res.send(480))
    releaseRequests(this.#dialog)
    if (!this.#dialog.connected) options.onLeft('caller_hung_up') // Before anybody listened.
  }

  /**
   * Resolves with its ACK, and what that brings; never, when it leaves before. Until then nobody has proved to be there, and audio would go to
   * wherever a forged INVITE says.
   */
  get acknowledged(): Promise<void> {
    return this.#acknowledged.promise
  }

  /** Its description: of its INVITE, or its ACK, or what it has offered since. */
  get said(): string {
    return this.#said
  }

  /** What it has answered to our offer; null when what is agreed is its own. */
  get answer(): string | null {
    return this.#isAnswerer ? this.#said : null
  }

  /** Somebody else listens to its dialog from now on. */
  joined(): void {
    for (const stop of this.#listening.splice(0)) stop()
  }

  #on(event: string, listener: (req: SipRequest, res: SipResponse) => void): void {
    this.#dialog.on(event, listener)
    this.#listening.push(() => this.#dialog.off(event, listener))
  }

  async #onAck({ body }: SipRequest): Promise<void> {
    const { leg, media, onLeft } = this.#options
    if (leg.offer !== null || this.#said !== '') return this.#acknowledged.resolve()
    try {
      await media.answerFrom('caller', body ?? '')
      this.#said = body ?? ''
      leg.heardAnswer(this.#said)
      this.#acknowledged.resolve()
    } catch {
      onLeft('unacceptable_media')
    }
  }

  #onInfo(info: SipRequest, res: SipResponse): void {
    const digit = infoDigit(info)
    if (digit !== null) this.#options.media.tools?.digitFrom('caller', digit)
    res.send(digit === null ? 415 : 200)
  }

  async #onOffer(req: SipRequest, res: SipResponse): Promise<void> {
    const { leg, isTaken } = this.#options
    if (isTaken()) return res.send(491) // RFC 3261 §14.1: it is sent again.
    const offer = await leg.onReoffer(req, res)
    if (offer === null) return
    this.#said = offer
    this.#isAnswerer = false
  }
}
