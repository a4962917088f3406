import { EventEmitter } from 'node:events'
import { oppositeOf, type LegSide } from '../../model/call.ts'
import { NO_STATS } from '../../model/cdr.ts'
import {
  MediaUnavailable,
  UnacceptableMedia,
  type MediaFailure,
  type MediaSession,
  type Sdp,
  type SessionStats,
} from '../media-server.ts'
import { readDescription } from '../sdp-reading.ts'
import { termsToAnswer, termsToOffer } from '../sdp.ts'
import { randomSessionId } from '../session-id.ts'
import { PassedDescription } from './passed-description.ts'

const NO_FIGURES: SessionStats = { caller: NO_STATS, buyer: NO_STATS }

/** A call whose two ends send to one another: each hears what the other has said, and we know nothing of the audio. */
export class DirectSession
  extends EventEmitter<{ rtpTimeout: [side: LegSide]; failed: [reason: string, kind?: MediaFailure] }>
  implements MediaSession
{
  readonly isDirect = true
  readonly tools = null
  readonly #onClosed: () => void
  /** What each side hears of the other. */
  readonly #heard = { caller: newDialog(), buyer: newDialog() }
  /** What each side has said last. */
  readonly #said: { caller: Sdp; buyer: Sdp | null }
  /** The answer of an earlier target that the caller has had. */
  #told: Sdp | null = null
  #callerHeardOtherwise = false
  /** An offer of one side that the other has not answered yet. */
  #pending: Sdp | null = null
  #closed = false

  /** Throws UnacceptableMedia when the offer has no audio, or none that anybody could answer. */
  constructor(callerOffer: Sdp, onClosed: () => void) {
    super()
    termsToOffer(readDescription(callerOffer).audio, false) // Refused now rather than when a buyer is about to be rung.
    this.#said = { caller: callerOffer, buyer: null }
    this.#onClosed = onClosed
  }

  get callerHeardOtherwise(): boolean {
    return this.#callerHeardOtherwise
  }

  // oxlint-disable-next-line require-await -- a throw is to be a rejection, here and below.
  async offerToBuyer(told: Sdp | null): Promise<Sdp> {
    this.#assertOpen()
    this.#told = told
    this.#said.buyer = null
    this.#heard.buyer = newDialog()
    return this.#heard.buyer.write(this.#said.caller)
  }

  /**
   * Where the caller has had another target's answer, that one stands in this dialog (RFC 3261 §13.2.1): it is offered this one's as
   * soon as it has acknowledged ours, and until then it sends where nobody listens any more.
   */
  // oxlint-disable-next-line require-await
  async answerFromBuyer(answer: Sdp): Promise<Sdp> {
    this.#assertOpen()
    termsToAnswer(readDescription(this.#said.caller).audio, readDescription(answer).audio)
    this.#said.buyer = answer
    this.#callerHeardOtherwise = this.#told !== null
    return this.#told ?? this.#heard.caller.write(answer)
  }

  // oxlint-disable-next-line require-await
  async reoffer(from: LegSide, offer: Sdp): Promise<Sdp> {
    this.#assertOpen()
    termsToOffer(readDescription(offer).audio, false)
    this.#pending = offer
    return this.#heard[oppositeOf(from)].write(offer)
  }

  // oxlint-disable-next-line require-await
  async reanswer(from: LegSide, answer: Sdp): Promise<Sdp> {
    this.#assertOpen()
    readDescription(answer)
    if (this.#pending !== null) this.#said[from] = this.#pending
    this.#pending = null
    this.#said[oppositeOf(from)] = answer
    return this.#heard[from].write(answer)
  }

  /** Only the other end could answer, and it has not been asked. */
  renew(): Promise<Sdp> {
    return Promise.reject(new UnacceptableMedia('audio that goes past us cannot be renewed before the answer'))
  }

  // oxlint-disable-next-line require-await
  async offerTo(side: LegSide): Promise<Sdp> {
    this.#assertOpen()
    const said = this.#said[oppositeOf(side)]
    if (said === null) throw new MediaUnavailable('the other side has said nothing yet')
    return this.#heard[side].write(said)
  }

  // oxlint-disable-next-line require-await
  async answerFrom(side: LegSide, answer: Sdp): Promise<void> {
    this.#assertOpen()
    readDescription(answer)
    this.#said[side] = answer
  }

  offerReplacement(): Promise<Sdp> {
    return cannotReplace()
  }

  takeReplacement(): Promise<void> {
    return cannotReplace()
  }

  introduceReplacement(): Promise<Sdp> {
    return cannotReplace()
  }

  answerReplacement(): Promise<Sdp> {
    return cannotReplace()
  }

  seatReplacement(): Promise<void> {
    return cannotReplace()
  }

  dropReplacement(): void {}

  /** Silence is not heard here: the session timer and the longest call are what ends a call both ends of which are gone. */
  established(): void {}

  stats(): Promise<SessionStats> {
    return Promise.resolve(NO_FIGURES)
  }

  close(): Promise<SessionStats> {
    if (!this.#closed) this.#onClosed()
    this.#closed = true
    return Promise.resolve(NO_FIGURES)
  }

  #assertOpen(): void {
    if (this.#closed) throw new MediaUnavailable('the media session is closed')
  }
}

function newDialog(): PassedDescription {
  return new PassedDescription(randomSessionId())
}

function cannotReplace(): Promise<never> {
  return Promise.reject(new MediaUnavailable('a side whose audio goes past us cannot be replaced'))
}
