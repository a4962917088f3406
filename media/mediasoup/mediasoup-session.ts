import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { oppositeOf, type LegSide } from '../../model/call.ts'
import { NO_STATS } from '../../model/cdr.ts'
import { arrange } from '../codec-policy.ts'
import {
  MediaUnavailable,
  UnacceptableMedia,
  type MediaSession,
  type OfferedSecurity,
  type Sdp,
  type SessionStats,
} from '../media-server.ts'
import { OWN_OFFER, withCodecs, withOneSpeechCodec } from '../own-offer.ts'
import { carriesSpeech, isSameCodec, type Codec } from '../payload-types.ts'
import { readDescription, type AudioStream, type Description } from '../sdp-reading.ts'
import { termsToAnswer, termsToOffer, type AudioTerms } from '../sdp.ts'
import type { Leg } from './leg.ts'
import type { MediasoupWorker } from './mediasoup-api.ts'
import type { Rooms } from './rooms.ts'

/** What a leg is opened for: a browser, or a phone with keys or without; inside: another session of ours. */
export interface LegRequest {
  readonly security: OfferedSecurity
  readonly inside?: boolean
}

export interface MediasoupSessionParts {
  readonly rooms: Rooms
  readonly callerOffer: Description | null
  readonly caller: Leg
  readonly codecs: readonly string[]
  readonly openLeg: (rooms: Rooms, request: LegRequest) => Promise<Leg>
  readonly onClosed: (session: MediasoupSession) => void
}

/** Who may take a side's place. */
interface Replacement {
  readonly side: LegSide
  readonly leg: Leg
  /** What we have offered it; null when it offers. */
  readonly offered: Description | null
  newcomer: Description | null
  answer: Description | null
}

/** The offers and answers of one call through mediasoup, and which of its legs hears which. */
export class MediasoupSession
  extends EventEmitter<{ rtpTimeout: [side: LegSide]; failed: [reason: string] }>
  implements MediaSession
{
  readonly tools = null
  readonly #parts: MediasoupSessionParts
  readonly #legs: Record<LegSide, Leg | null>
  #callerOffer: Description | null
  readonly #described: Record<LegSide, Description | null> = { caller: null, buyer: null }
  #agreedCodecs: readonly Codec[] | null = null
  #told: { readonly text: Sdp; readonly description: Description } | null = null
  #callerHeardOtherwise = false
  #pending: { readonly from: LegSide; readonly offer: Description } | null = null
  #replacement: Replacement | null = null
  #established = false
  #flowing = false
  #timedOut = false
  #lostWhy: string | null = null
  #closing: Promise<SessionStats> | null = null
  /** Its end is where the next change begins; it never rejects. */
  #line: Promise<unknown> = Promise.resolve()

  constructor(parts: MediasoupSessionParts) {
    super()
    this.#parts = parts
    this.#callerOffer = parts.callerOffer
    this.#legs = { caller: null, buyer: null }
    this.#seat('caller', parts.caller)
  }

  isIn(worker: MediasoupWorker): boolean {
    return this.#parts.rooms.isIn(worker)
  }

  get callerHeardOtherwise(): boolean {
    return this.#callerHeardOtherwise
  }

  async offerToBuyer(told: Sdp | null, security: OfferedSecurity = 'none'): Promise<Sdp> {
    this.#assertOpen()
    const asTold = told === null ? null : { text: told, description: withOneSpeechCodec(readDescription(told)) }
    // As it is now: the caller may make another offer while we wait, to which what it was told is no answer.
    const { audio } = only(this.#callerOffer ?? this.#ownOffer, asTold?.description.audio.codecs)
    return this.#inTurn(async () => {
      this.#assertOpen()
      const leg = await this.#open({ security })
      this.#told = asTold
      this.#callerHeardOtherwise = false
      void this.#legs.buyer?.close()
      this.#seat('buyer', leg)
      return leg.offer(termsToOffer(audio, audio.rtcpMux))
    })
  }

  async answerFromBuyer(answer: Sdp): Promise<Sdp> {
    this.#assertOpen()
    const description = this.#read(answer)
    const told = this.#told
    const callerOffer = this.#callerOffer
    if (callerOffer && told) {
      const { direction } = await this.#agree('caller', only(callerOffer, told.description.audio.codecs), description)
      this.#callerHeardOtherwise = direction !== told.description.audio.direction
      return told.text
    }
    if (callerOffer) return this.#answer('caller', callerOffer, description)
    this.#leg('buyer').check(description.audio)
    termsToAnswer(this.#ownOffer.audio, description.audio)
    this.#described.buyer = withOneSpeechCodec(description)
    return this.offerTo('caller')
  }

  async renew(side: LegSide, offer: Sdp): Promise<Sdp> {
    this.#assertOpen()
    const description = this.#readOffer(offer)
    this.#leg(side).check(description.audio)
    const answer = await this.#answer(side, description, this.#standing(oppositeOf(side)))
    if (side === 'caller') {
      this.#callerOffer = description
      this.#callerHeardOtherwise = false
    }
    return answer
  }

  // oxlint-disable-next-line require-await -- the interface is for engines that must ask; here a throw becomes a rejection.
  async offerTo(side: LegSide): Promise<Sdp> {
    this.#assertOpen()
    const leg = this.#leg(side)
    return leg.offer(termsToOffer(this.#standing(oppositeOf(side)).audio, leg.mux))
  }

  async answerFrom(side: LegSide, answer: Sdp): Promise<void> {
    this.#assertOpen()
    await this.#agree(oppositeOf(side), this.#standing(oppositeOf(side)), this.#read(answer))
  }

  // oxlint-disable-next-line require-await -- as for offerTo.
  async reoffer(from: LegSide, offer: Sdp): Promise<Sdp> {
    this.#assertOpen()
    const description = this.#readOffer(offer)
    this.#leg(from).check(description.audio)
    const to = this.#leg(oppositeOf(from))
    const text = to.offer(termsToOffer(description.audio, description.audio.rtcpMux || to.mux))
    // The old media goes on until the answer: a re-INVITE may be refused, and then nothing has changed.
    this.#pending = { from, offer: description }
    return text
  }

  /** Whose answer it is, the pending offer tells. */
  async reanswer(_from: LegSide, answer: Sdp): Promise<Sdp> {
    this.#assertOpen()
    const pending = this.#pending
    assert(pending !== null, 'an answer follows an offer')
    const text = await this.#answer(pending.from, pending.offer, this.#read(answer))
    this.#pending = null
    return text
  }

  async offerReplacement(side: LegSide, where?: 'inside'): Promise<Sdp> {
    this.#assertOpen()
    const described = this.#described[oppositeOf(side)]
    assert(described !== null, 'a side is replaced after both have spoken')
    // Whoever held the other side is going: the newcomer is asked to talk, and the other side is offered that afterwards.
    const audio: AudioStream = { ...described.audio, direction: 'sendrecv', heldByAddress: false, rtcpMux: false }
    const { leg } = await this.#makeRoom(
      side,
      { ...described, audio },
      { security: 'none', inside: where === 'inside' },
    )
    return leg.offer(termsToOffer(audio, false))
  }

  async takeReplacement(answer: Sdp): Promise<void> {
    this.#assertOpen()
    const room = this.#replacement
    assert(room?.offered, 'a place is offered before it is taken')
    const description = this.#read(answer)
    room.leg.check(description.audio)
    termsToAnswer(room.offered.audio, description.audio)
    this.#changeHands(room)
    const audio = { ...room.offered.audio, rtcpMux: this.#leg(oppositeOf(room.side)).mux }
    await this.#agree(oppositeOf(room.side), { ...room.offered, audio }, description)
  }

  async introduceReplacement(side: LegSide, description: Sdp, where?: 'inside'): Promise<Sdp> {
    this.#assertOpen()
    const newcomer = this.#readOffer(description)
    const security = newcomer.audio.security?.kind === 'dtls' ? 'webrtc' : 'none'
    const isOffered = this.#replacement?.side === side
    const room = isOffered
      ? this.#replacement!
      : await this.#makeRoom(side, null, { security, inside: where === 'inside' })
    room.leg.check(newcomer.audio)
    room.newcomer = newcomer
    const to = this.#leg(oppositeOf(side))
    return to.offer(termsToOffer(newcomer.audio, newcomer.audio.rtcpMux || to.mux))
  }

  async answerReplacement(answer: Sdp): Promise<Sdp> {
    this.#assertOpen()
    const room = this.#replacement
    assert(room?.newcomer, 'a newcomer is introduced before it is answered')
    const description = this.#read(answer)
    this.#leg(oppositeOf(room.side)).check(description.audio)
    const terms = termsToAnswer(room.newcomer.audio, description.audio)
    room.answer = description
    await room.leg.settle(room.newcomer.audio, room.offered !== null)
    return room.leg.answer(room.newcomer, terms)
  }

  async seatReplacement(): Promise<void> {
    this.#assertOpen()
    const room = this.#replacement
    assert(room?.newcomer && room.answer, 'a newcomer is answered before it is seated')
    this.#changeHands(room)
    await this.#agree(room.side, room.newcomer, room.answer)
  }

  dropReplacement(): void {
    if (this.#replacement === null || this.#closing !== null) return
    void this.#replacement.leg.close()
    this.#replacement = null
    this.#watch()
  }

  established(): void {
    // A worker may have died while the answer was written down, when nobody listened yet.
    if (this.#lostWhy !== null) return void this.emit('failed', this.#lostWhy)
    this.#established = true
    this.#watch()
  }

  async stats(): Promise<SessionStats> {
    if (this.#closing !== null) return this.#closing
    const { caller, buyer } = this.#legs
    const [ofCaller, ofBuyer] = await Promise.all([caller?.stats() ?? NO_STATS, buyer?.stats() ?? NO_STATS])
    return { caller: ofCaller, buyer: ofBuyer }
  }

  close(): Promise<SessionStats> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** What carries the audio is gone, and the audio with it. */
  lost(reason: string): void {
    if (this.#lostWhy !== null || this.#closing !== null) return
    this.#lostWhy = reason
    this.emit('failed', reason)
  }

  async #close(): Promise<SessionStats> {
    this.#parts.onClosed(this)
    const { caller, buyer } = this.#legs
    void this.#replacement?.leg.close()
    const [ofCaller, ofBuyer] = await Promise.all([caller?.close() ?? NO_STATS, buyer?.close() ?? NO_STATS])
    this.#parts.rooms.close()
    return { caller: ofCaller, buyer: ofBuyer }
  }

  async #open(request: LegRequest): Promise<Leg> {
    const leg = await this.#parts.openLeg(this.#parts.rooms, request)
    if (this.#closing === null) return leg
    void leg.close()
    throw new MediaUnavailable('the media session is closed')
  }

  #seat(side: LegSide, leg: Leg): void {
    this.#legs[side] = leg
    const onSilent = (): void => this.#silent(side, leg)
    const onFailed = (reason: string): void => {
      if (this.#legs[side] === leg) this.lost(`the ${side}: ${reason}`)
    }
    leg.onSilent = onSilent
    leg.onFailed = onFailed
  }

  #silent(side: LegSide, leg: Leg): void {
    if (this.#timedOut || this.#closing !== null || this.#legs[side] !== leg) return
    this.#timedOut = true
    this.emit('rtpTimeout', side)
  }

  async #makeRoom(side: LegSide, offered: Description | null, request: LegRequest): Promise<Replacement> {
    const leg = await this.#open(request)
    void this.#replacement?.leg.close()
    this.#replacement = { side, leg, offered, newcomer: null, answer: null }
    this.#watch()
    return this.#replacement
  }

  #changeHands({ side, leg }: Replacement): void {
    this.#replacement = null
    void this.#legs[side]?.close()
    this.#seat(side, leg)
  }

  async #answer(asker: LegSide, offer: Description, answer: Description): Promise<Sdp> {
    const terms = await this.#agree(asker, offer, answer)
    return this.#leg(asker).answer(offer, terms)
  }

  /** The answer has come to `asker`'s offer: once mediasoup knows, both descriptions hold. */
  #agree(asker: LegSide, offer: Description, answer: Description): Promise<AudioTerms> {
    return this.#inTurn(() => this.#agreeNow(asker, offer, answer))
  }

  async #agreeNow(asker: LegSide, offer: Description, answer: Description): Promise<AudioTerms> {
    this.#assertOpen()
    const answerer = oppositeOf(asker)
    const [from, to] = [this.#leg(asker), this.#leg(answerer)]
    from.check(offer.audio)
    to.check(answer.audio)
    const terms = termsToAnswer(offer.audio, answer.audio)
    const moved = terms.codecs.find((codec) => this.#parts.rooms.codecs.payloadOf(codec) !== codec.payload)
    if (moved && (from.hearsInside || to.hearsInside))
      throw new UnacceptableMedia(`the payload type of ${moved.name} is another than the call began with`, 305)
    await to.settle(answer.audio, true)
    await from.settle(offer.audio, false)
    this.#flowing = terms.direction === 'sendrecv'
    // Waited for: whoever is told of this answer may send at once, and must not be met by the former agreement.
    const codecs = terms.codecs.toSorted((a, b) => Number(carriesSpeech(b)) - Number(carriesSpeech(a)))
    await Promise.all([
      from.attend(answer.audio, codecs, this.#isWatched),
      to.attend(offer.audio, codecs, this.#isWatched),
    ])
    await Promise.all([from.end.hear(to.end, codecs), to.end.hear(from.end, codecs)])
    this.#described[asker] = offer
    this.#described[answerer] = answer
    this.#agreedCodecs = terms.codecs
    return terms
  }

  get #ownOffer(): Description {
    return arrange(OWN_OFFER, this.#parts.codecs)
  }

  /** A side's last description, with the codecs that are agreed. */
  #standing(side: LegSide): Description {
    const described = this.#described[side]
    assert(described !== null, 'an offer of ours follows a description of the other side')
    const kept = this.#agreedCodecs ? only(described, this.#agreedCodecs) : described
    return { ...kept, audio: { ...kept.audio, rtcpMux: this.#leg(side).mux } }
  }

  #readOffer(text: Sdp): Description {
    return arrange(this.#read(text), this.#parts.codecs)
  }

  #read(text: Sdp): Description {
    const description = readDescription(text)
    const { caller, buyer } = this.#legs
    const isBrowsers = description.audio.security?.kind === 'dtls' || caller?.hearsInside || buyer?.hearsInside
    return carried(description, this.#parts.rooms, isBrowsers)
  }

  #watch(): void {
    for (const leg of [this.#legs.caller, this.#legs.buyer]) leg?.watch(this.#isWatched)
  }

  get #isWatched(): boolean {
    return this.#established && this.#flowing && this.#replacement === null
  }

  #leg(side: LegSide): Leg {
    const leg = this.#legs[side]
    assert(leg !== null, 'a buyer is offered something before it answers')
    return leg
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#line.then(work)
    this.#line = turn.catch(() => {})
    return turn
  }

  #assertOpen(): void {
    if (this.#closing !== null) throw new MediaUnavailable('the media session is closed')
    if (this.#lostWhy !== null) throw new MediaUnavailable(this.#lostWhy)
  }
}

/**
 * What mediasoup can carry of it; `untranslated`: only under the payload types that it has inside. Throws UnacceptableMedia when that is no
 * speech.
 */
export function carried(description: Description, { codecs }: Rooms, untranslated = false): Description {
  const inside = new Set<number>()
  const kept = withCodecs(description, (codec) => {
    const payload = codecs.payloadOf(codec)
    if (payload === null || inside.has(payload) || (untranslated && payload !== codec.payload)) return false
    inside.add(payload) // One of each: two Opus under two numbers would be one inside.
    return true
  })
  if (!kept.audio.codecs.some(carriesSpeech))
    throw new UnacceptableMedia('the audio is offered without a codec for speech', 305)
  return kept
}

function only(description: Description, codecs: readonly Codec[] | undefined): Description {
  if (codecs === undefined) return description
  return withCodecs(description, (codec) => codecs.some((one) => isSameCodec(one, codec)))
}
