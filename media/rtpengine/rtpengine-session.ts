import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { oppositeOf, type LegSide } from '../../model/call.ts'
import type { AudioTools } from '../audio-tools.ts'
import {
  MediaUnavailable,
  type MediaSession,
  type OfferedSecurity,
  type Sdp,
  type SessionStats,
} from '../media-server.ts'
import { sideKeysBetween } from '../key-ways.ts'
import { OWN_OFFER } from '../own-offer.ts'
import { carriesSpeech } from '../payload-types.ts'
import { readDescription } from '../sdp-reading.ts'
import { termsToOffer } from '../sdp.ts'
import { faceKind, keepPayloads, withCodecsOf, withDirection, type AudioSection } from './audio-section.ts'
import { CallFigures } from './call-figures.ts'
import { EngineTools, type EngineToolsParts } from './engine-tools.ts'
import { tellEngine } from './agreeing.ts'
import { Face } from './face.ts'
import { NgRefused } from './ng-client.ts'
import { asPolicyWants, checkPolicy, ordersFor, reoffered, type CodecPolicy } from './offered-codecs.ts'
import type { Path } from './path.ts'
import { Replacing, type Newcomer } from './replacing.ts'
import {
  checkAnswer,
  mayPause,
  noSpeech,
  OWN_SECTION,
  read,
  asTold,
  readTold,
  toAnswer,
  toOffer,
  withOneSpeech,
  withoutUnsaid,
  type Said,
  type Told,
} from './said.ts'
import type { SilenceLimits } from './silence-watch.ts'

export interface RtpengineSessionParts extends Omit<EngineToolsParts, 'allowDialling'> {
  readonly callerOffer: Said | null
  /** A new call at an rtpengine that takes this; tries each that is up. Rejects with MediaUnavailable when none does. */
  readonly open: <T>(first: (path: Path) => Promise<T>) => Promise<{ path: Path; first: T }>
  readonly queryIntervalMs: number
  readonly silence: SilenceLimits
  readonly codecs: CodecPolicy
  readonly onClosed: (session: RtpengineSession) => void
}

/**
 * The offers and answers of one call through rtpengine. rtpengine believes an offer at once; so it hears of a re-INVITE's only with its
 * answer, and a refused one changes nothing. What the other side is offered meanwhile is written here, from what rtpengine wrote before.
 */
export class RtpengineSession
  extends EventEmitter<{ rtpTimeout: [side: LegSide]; failed: [reason: string] }>
  implements MediaSession
{
  readonly #parts: RtpengineSessionParts
  readonly #tools: EngineTools
  #path: Path | null = null
  readonly #faces: Record<LegSide, Face> = { caller: new Face(), buyer: new Face() }
  readonly #said: Record<LegSide, Said | null> = { caller: null, buyer: null }
  #told: Told | null = null
  #callerHeardOtherwise = false
  /** rtpengine has our offer to this buyer, and no answer to it. */
  #firstAnswerDue = false
  #pending: { readonly from: LegSide; readonly offer: Said } | null = null
  readonly #replacing: Replacing
  #flowing = false
  #established = false
  #lostWhy: string | null = null
  readonly #figures: CallFigures
  #closing: Promise<SessionStats> | null = null
  /** Its end is where the next turn begins; it never rejects. */
  #line: Promise<unknown> = Promise.resolve()

  constructor(parts: RtpengineSessionParts) {
    super()
    this.#parts = parts
    this.#figures = new CallFigures(parts.silence)
    this.#tools = new EngineTools({ ...parts, allowDialling: () => this.#allowDialling() })
    const { callerOffer, codecs, open } = parts
    const [faces, said] = [this.#faces, this.#said]
    this.#replacing = new Replacing({ faces, said, codecs, open, isClosed: () => this.#closing !== null })
    if (!callerOffer) return
    this.#said.caller = callerOffer
    this.#faces.caller.kind = faceKind(callerOffer.section)
    this.#faces.caller.writer.follow(callerOffer.description, callerOffer.text)
  }

  get tools(): AudioTools {
    return this.#tools.tools
  }

  /** Whether its audio is at this engine, or that of somebody who is to take a side's place. */
  isAt(engine: Path['engine']): boolean {
    return this.#path?.engine === engine || this.#replacing.newcomer?.path.engine === engine
  }

  async offerToBuyer(told: Sdp | null, security: OfferedSecurity = 'none'): Promise<Sdp> {
    this.#assertOpen()
    const buyer = new Face(security)
    const before = told === null ? null : readTold(told)
    // As it is now: the caller may make another offer while we wait, to which what it was told is no answer.
    const offer = asTold(before, this.#said.caller?.section ?? OWN_SECTION)
    const { direction } = termsToOffer((this.#said.caller?.description ?? OWN_OFFER).audio, false)
    const codecs = told === null ? ordersFor(this.#said.caller, buyer.kind, this.#parts.codecs) : undefined
    const ring = async (path: Path): Promise<AudioSection> => {
      const section = await path.offer('caller', offer, buyer.kind, codecs)
      await path.block() // Until it answers, a target is not heard; it knows nothing of its port yet.
      return section
    }
    const section = await this.#inTurn(() => this.#ring(before, ring))
    this.#faces.buyer = buyer
    this.#firstAnswerDue = true
    return buyer.offer(withDirection(asPolicyWants(buyer.written(section), this.#parts.codecs), direction))
  }

  /** Rings at the path the caller sends to already, where it has been told one; else at a fresh one. */
  async #ring(told: Told | null, ring: (path: Path) => Promise<AudioSection>): Promise<AudioSection> {
    this.#assertOpen()
    this.#callerHeardOtherwise = false
    this.#told = told
    const former = this.#path
    let section: AudioSection
    if (told !== null && former) {
      await former.block()
      const endFormer = former.changeBuyer()
      section = await ring(former)
      await endFormer()
      await this.#tools.begunAnew()
    } else {
      const opened = await this.#parts.open(ring)
      section = opened.first
      this.#path = opened.path
      this.#tools.left()
      void former?.delete()
    }
    if (this.#closing) throw await this.#closedMeanwhile()
    return section
  }

  async answerFromBuyer(answer: Sdp): Promise<Sdp> {
    const path = this.#open()
    const { caller, buyer } = this.#faces
    const said = read(answer, buyer.offered)
    checkAnswer(buyer.offered!, said.description)
    const callerSaid = this.#said.caller
    if (callerSaid) {
      const text = await this.#agree(path, 'caller', callerSaid, said)
      if (!this.#told) return text
      const { direction } = caller.agreed ? readDescription(text).audio : said.description.audio
      this.#callerHeardOtherwise = direction !== this.#told.description.audio.direction
      return this.#told.text
    }
    const section = await path.answer('caller', withOneSpeech(said), caller.kind)
    this.#firstAnswerDue = false
    this.#said.buyer = said
    buyer.agreed = said.section
    caller.agreed = keepPayloads(said.section, withOneSpeech(said).payloads)
    caller.written(section)
    return this.offerTo('caller')
  }

  get callerHeardOtherwise(): boolean {
    return this.#callerHeardOtherwise
  }

  async renew(side: LegSide, offer: Sdp): Promise<Sdp> {
    const path = this.#open()
    const otherSaid = this.#said[oppositeOf(side)]
    assert(otherSaid !== null, 'an offer is answered by ourselves once the other side has spoken')
    const text = await this.#agree(path, side, read(offer), otherSaid)
    if (side === 'caller') this.#callerHeardOtherwise = false
    return text
  }

  // oxlint-disable-next-line require-await -- the interface is for engines that must ask; here a throw becomes a rejection.
  async reoffer(from: LegSide, offer: Sdp): Promise<Sdp> {
    this.#open()
    const said = read(offer)
    checkPolicy(said, this.#parts.codecs)
    const { direction } = termsToOffer(said.description.audio, false)
    const to = this.#faces[oppositeOf(from)]
    this.#pending = { from, offer: said }
    const codecs = reoffered(said, this.#told ? null : to.agreed, this.#parts.codecs)
    return to.offer(withDirection(withCodecsOf(to.section!, codecs), direction))
  }

  async reanswer(_from: LegSide, answer: Sdp): Promise<Sdp> {
    const path = this.#open()
    const pending = this.#pending
    assert(pending !== null, 'an answer follows an offer')
    const { offered } = this.#faces[oppositeOf(pending.from)]
    const said = read(answer, offered)
    checkAnswer(offered!, said.description)
    const text = await this.#agree(path, pending.from, pending.offer, said)
    this.#pending = null
    return text
  }

  // oxlint-disable-next-line require-await -- as for reoffer.
  async offerTo(side: LegSide): Promise<Sdp> {
    this.#open()
    const face = this.#faces[side]
    const otherSaid = this.#said[oppositeOf(side)]
    assert(face.section && otherSaid, 'an offer of ours follows a description of the other side')
    return face.offer(withDirection(withCodecsOf(face.section, face.agreed ?? otherSaid.section), toOffer(otherSaid)))
  }

  async answerFrom(side: LegSide, answer: Sdp): Promise<void> {
    const path = this.#open()
    const { offered } = this.#faces[side]
    const said = read(answer, offered)
    const otherSaid = this.#said[oppositeOf(side)]
    assert(offered && otherSaid, 'an answer follows an offer of ours')
    checkAnswer(offered, said.description)
    this.#faces[side].kind = faceKind(said.section)
    await this.#agree(path, oppositeOf(side), otherSaid, said)
  }

  async offerReplacement(side: LegSide): Promise<Sdp> {
    this.#open()
    return this.#replacing.offer(side)
  }

  async takeReplacement(answer: Sdp): Promise<void> {
    this.#open()
    const { newcomer, said } = await this.#replacing.take(answer)
    await this.#changeHands(newcomer, said)
  }

  async #changeHands({ side, path, face, other }: Newcomer, said: Said): Promise<void> {
    const staying = oppositeOf(side)
    const figures = await this.#path?.delete()
    if (figures) this.#figures.movedOn(staying, figures)
    this.#replacing.seated()
    this.#path = path
    this.#faces[side] = face
    this.#said[side] = said
    if (other) this.#faces[staying].written(other)
    await this.#tools.agreed(path, true)
    this.#tellKeys()
    this.#figures.silence.restart()
  }

  async introduceReplacement(side: LegSide, description: Sdp): Promise<Sdp> {
    this.#open()
    return this.#replacing.introduce(side, description)
  }

  async answerReplacement(answer: Sdp): Promise<Sdp> {
    this.#open()
    return this.#replacing.answer(answer)
  }

  async seatReplacement(): Promise<void> {
    this.#open()
    const { newcomer } = this.#replacing
    assert(newcomer?.said && newcomer.answer, 'a newcomer is answered before it is seated')
    const { side, said, answer } = newcomer
    await this.#changeHands(newcomer, said)
    this.#said[oppositeOf(side)] = answer
    this.#tellKeys()
    this.#faces[oppositeOf(side)].agreed = answer.section
    this.#flowing = toAnswer(said, answer) === 'sendrecv'
  }

  dropReplacement(): void {
    this.#replacing.drop()
  }

  established(): void {
    // The engine may have died while the answer was written down, when nobody listened yet.
    if (this.#lostWhy !== null) return void this.emit('failed', this.#lostWhy)
    if (this.#established || this.#closing) return
    this.#established = true
    this.#figures.watch(this.#parts.queryIntervalMs, () => void this.lookUp())
  }

  /** Asks the engine for the call: one that it has forgotten is lost; silence is counted. */
  async lookUp(): Promise<void> {
    if (this.#closing || this.#lostWhy !== null) return
    const path = this.#path
    try {
      const now = await this.stats()
      if (path !== this.#path) return
      const isDue = this.#flowing && this.#replacing.newcomer === null
      const silent = this.#figures.silence.judge(now, isDue, (side) => mayPause(this.#said[side]))
      if (silent) this.emit('rtpTimeout', silent)
    } catch (error) {
      // The engine that does not answer is judged by its pings.
      if (error instanceof NgRefused && path === this.#path)
        this.lost(`the rtpengine has forgotten the call: ${error.message}`)
    }
  }

  async stats(): Promise<SessionStats> {
    if (this.#closing) return this.#closing
    return this.#figures.whole(this.#path ? await this.#path.stats() : null)
  }

  close(): Promise<SessionStats> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** The engine is gone, and this call's audio with it. */
  lost(reason: string): void {
    if (this.#lostWhy !== null || this.#closing) return
    this.#lostWhy = reason
    this.#figures.stopWatching()
    this.#tools.end(reason, 'engine_lost')
    this.emit('failed', reason)
  }

  async #close(): Promise<SessionStats> {
    this.#figures.stopWatching()
    this.dropReplacement()
    this.#tools.end('the media session is closed', 'call_ended')
    this.#parts.onClosed(this)
    return this.#figures.whole((await this.#path?.delete()) ?? null)
  }

  /** The answer has come to `asker`'s offer → the answer for it. */
  #agree(path: Path, asker: LegSide, offer: Said, answer: Said): Promise<Sdp> {
    return this.#inTurn(() => this.#agreeNow(path, asker, offer, answer))
  }

  async #agreeNow(path: Path, asker: LegSide, offer: Said, answer: Said): Promise<Sdp> {
    const answerer = oppositeOf(asker)
    const [from, to] = [this.#faces[asker], this.#faces[answerer]]
    from.kind = faceKind(offer.section)
    to.kind = faceKind(answer.section)
    const isFirst = this.#firstAnswerDue && asker === 'caller' && offer === this.#said.caller
    const section = isFirst
      ? from.written(await path.answer(asker, answer.section, from.kind))
      : await this.#tell(path, asker, offer, answer)
    this.#firstAnswerDue = false
    const direction = toAnswer(offer, answer)
    const answered = withDirection(withoutUnsaid(section, offer), direction)
    from.writer.follow(offer.description, offer.text)
    const text = from.writer.write(answered)
    if (!readDescription(text).audio.codecs.some(carriesSpeech)) throw noSpeech()
    await this.#tools.agreed(path, isFirst) // Before it is unblocked: who is kept apart is not heard for a moment.
    await path.unblock()
    this.#said[asker] = offer
    this.#said[answerer] = answer
    this.#tellKeys()
    from.agreed = answered
    to.agreed = answer.section
    this.#flowing = direction === 'sendrecv'
    this.#figures.silence.restart()
    return text
  }

  /** How each side has its keys, by what they have said. Those of which it knows nothing reach it all the same: it ignores them (RFC 3550 §5.1). */
  #tellKeys(): void {
    const { caller, buyer } = this.#said
    if (caller && buyer) this.#tools.tools.agreed(sideKeysBetween(caller.audio, buyer.audio))
  }

  /** All of an offer and its answer → what the asker is to be answered. */
  async #tell(path: Path, asker: LegSide, offer: Said, answer: Said): Promise<AudioSection> {
    const [faces, told] = [this.#faces, this.#told]
    const written = await tellEngine({ ...this.#parts, path, faces, told }, asker, offer, answer)
    faces[oppositeOf(asker)].written(written[oppositeOf(asker)])
    return faces[asker].written(written[asker])
  }

  /** rtpengine must be told with an offer and its answer; the parties need not. */
  async #allowDialling(): Promise<void> {
    await this.#inTurn(async () => {
      const path = this.#open()
      const { caller, buyer } = this.#said
      assert(caller && buyer, 'keys are pressed for sides that have been agreed')
      if (path.injectsDigits) return
      path.injectDigits()
      await this.#tell(path, 'caller', caller, buyer)
    })
  }

  /** One after the other: rtpengine is to hear of an offer and its answer without another between them. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#line.then(work)
    this.#line = turn.catch(() => {})
    return turn
  }

  #assertOpen(): void {
    if (this.#closing !== null) throw new MediaUnavailable('the media session is closed')
    if (this.#lostWhy !== null) throw new MediaUnavailable(this.#lostWhy)
  }

  #open(): Path {
    this.#assertOpen()
    assert(this.#path !== null, 'a buyer is offered something before it answers')
    return this.#path
  }

  async #closedMeanwhile(): Promise<MediaUnavailable> {
    await this.#path?.delete()
    return new MediaUnavailable('the media session is closed')
  }
}
