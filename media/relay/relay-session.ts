import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { oppositeOf, type LegSide } from '../../model/call.ts'
import {
  MediaUnavailable,
  type MediaFailure,
  type MediaSession,
  type OfferedSecurity,
  type Sdp,
} from '../media-server.ts'
import { arrange, readOffer } from '../codec-policy.ts'
import { OWN_OFFER, withCodecs, withOneSpeechCodec } from '../own-offer.ts'
import { isSameCodec, type Codec } from '../payload-types.ts'
import { isInterchangeable } from './both-laws.ts'
import type { Face } from './face.ts'
import type { FormatTerms } from './format-terms.ts'
import { NO_LEG_STATS, type RelayReply, type RelayStats } from './relay-messages.ts'
import { RelayTools, type ToolShed } from './relay-tools.ts'
import type { RelayThread } from './relay-thread.ts'
import { checkReachable, remoteParty } from './remote-party.ts'
import { SessionFaces, type SessionFacesParts } from './session-faces.ts'
import { sideKeys } from '../key-ways.ts'
import type { AudioTerms } from '../sdp.ts'
import { readDescription, type AudioStream, type Description } from '../sdp-reading.ts'
import type { Profile } from '../sdp-security.ts'

/** Who may take a side's place. */
interface Replacement {
  readonly side: LegSide
  readonly face: Face
  /** What we have offered it; null when it offers. */
  readonly offered: Description | null
  /** What it has said, and what the other side has said to that. */
  newcomer: Description | null
  answer: Description | null
}

interface SessionParts extends SessionFacesParts {
  /** Null: the caller leaves the offer to us. */
  readonly callerOffer: Description | null
  readonly requireAddress: boolean
  /** Codecs for speech that may be offered, best first; none: any, as they are offered. */
  readonly codecs: readonly string[]
  /** By the same. */
  readonly formats: FormatTerms
  readonly shed: ToolShed
  /** Told once, when the session is closed or lost. */
  readonly onClosed: (session: RelaySession, stats: RelayStats | null) => void
}

/** The offers and answers of one relayed call; its packets are in a relay thread. */
export class RelaySession
  extends EventEmitter<{ rtpTimeout: [side: LegSide]; failed: [reason: string, kind?: MediaFailure] }>
  implements MediaSession
{
  readonly tools: RelayTools
  readonly id: number
  readonly thread: RelayThread
  readonly #parts: SessionParts
  /** What targets are offered, and answer. */
  #callerOffer: Description | null
  readonly #faces: SessionFaces
  /** The answer an earlier target gave the caller, with the one codec for speech that every later target must have. */
  #told: { readonly text: Sdp; readonly description: Description } | null = null
  #callerHeardOtherwise = false
  #replacement: Replacement | null = null
  #pending: { readonly from: LegSide; readonly offer: Description } | null = null
  /** What each side has said last, and the codecs agreed from it: what `offerTo` offers the other. */
  readonly #described: Record<LegSide, Description | null> = { caller: null, buyer: null }
  #agreedCodecs: readonly Codec[] | null = null
  #established = false
  /** Both sides send and receive: the only state in which silence means anything. */
  #flowing = false
  #timedOut = false
  #lost: readonly [reason: string, kind: MediaFailure] | null = null
  #closing: Promise<RelayStats> | null = null

  constructor(parts: SessionParts) {
    super()
    this.id = parts.id
    this.thread = parts.thread
    this.#parts = parts
    this.tools = new RelayTools(parts.shed, (order) => parts.thread.notify({ kind: 'tool', session: parts.id, order }))
    this.#callerOffer = parts.callerOffer
    this.#faces = new SessionFaces(parts)
    if (parts.callerOffer) {
      const caller = this.#faces.of('caller')
      caller.mux = parts.callerOffer.audio.rtcpMux
      caller.writer.follow(parts.callerOffer)
    }
  }

  async offerToBuyer(told: Sdp | null, security: OfferedSecurity = 'none'): Promise<Sdp> {
    this.#assertOpen()
    this.#told = told === null ? null : { text: told, description: withOneSpeechCodec(readDescription(told)) }
    this.#callerHeardOtherwise = false
    // As it is now: the caller may make another offer while we wait, to which what it was told is no answer.
    const { audio } = this.#asTold(this.#callerOffer ?? this.#ownOffer)
    const buyer = await this.#faces.nextBuyer()
    buyer.security.wish(security)
    await buyer.security.prepareFor(security)
    return this.#offer(buyer, this.#termsToOffer('buyer', audio, audio.rtcpMux))
  }

  async answerFromBuyer(answer: Sdp): Promise<Sdp> {
    this.#assertOpen()
    const callerOffer = this.#callerOffer
    const description = readDescription(answer)
    if (callerOffer && this.#told) return this.#answerAsTold(this.#told, callerOffer, description)
    if (callerOffer) return this.#answer('caller', callerOffer, description)
    this.#checkReachable('buyer', description.audio)
    this.#termsToAnswer(this.#ownOffer.audio, description.audio)
    this.#described.buyer = withOneSpeechCodec(description)
    return this.offerTo('caller')
  }

  get #ownOffer(): Description {
    return arrange(OWN_OFFER, this.#parts.codecs)
  }

  get callerHeardOtherwise(): boolean {
    return this.#callerHeardOtherwise
  }

  /** What is left of a description by the answer that the caller has had already. */
  #asTold(description: Description): Description {
    if (this.#told === null) return description
    const { codecs } = this.#told.description.audio
    return withCodecs(description, (codec) => codecs.some((one) => isSameCodec(one, codec)))
  }

  async #answerAsTold(
    told: { text: Sdp; description: Description },
    offer: Description,
    answer: Description,
  ): Promise<Sdp> {
    const { direction } = await this.#agree('caller', this.#asTold(offer), answer)
    this.#callerHeardOtherwise = direction !== told.description.audio.direction
    return told.text
  }

  async renew(side: LegSide, offer: Sdp): Promise<Sdp> {
    this.#assertOpen()
    const description = readOffer(offer, this.#parts.codecs)
    this.#checkReachable(side, description.audio)
    await this.#faces.of(side).security.prepareFor(description.audio.security)
    const answer = await this.#answer(side, description, this.#standing(oppositeOf(side)))
    if (side === 'caller') {
      this.#callerOffer = description
      this.#callerHeardOtherwise = false
    }
    return answer
  }

  // oxlint-disable-next-line require-await -- as for reoffer.
  async offerTo(side: LegSide): Promise<Sdp> {
    this.#assertOpen()
    const face = this.#faces.of(side)
    return this.#offer(face, this.#termsToOffer(side, this.#standing(oppositeOf(side)).audio, face.mux))
  }

  async answerFrom(side: LegSide, answer: Sdp): Promise<void> {
    this.#assertOpen()
    await this.#agree(oppositeOf(side), this.#standing(oppositeOf(side)), readDescription(answer))
  }

  /** A side's last description, with the codecs that are agreed. */
  #standing(side: LegSide): Description {
    const described = this.#described[side]
    assert(described !== null, 'an offer of ours follows a description of the other side')
    const agreed = this.#agreedCodecs
    const kept = agreed
      ? withCodecs(described, (codec) => agreed.some((one) => isInterchangeable(one, codec)))
      : described
    return { ...kept, audio: { ...kept.audio, rtcpMux: this.#faces.of(side).mux } }
  }

  // oxlint-disable-next-line require-await -- the interface is for engines that must ask; here a throw becomes a rejection.
  async reoffer(from: LegSide, offer: Sdp): Promise<Sdp> {
    this.#assertOpen()
    const description = readOffer(offer, this.#parts.codecs)
    this.#checkReachable(from, description.audio)
    await this.#faces.of(from).security.prepareFor(description.audio.security)
    const to = this.#faces.of(oppositeOf(from))
    // Once shared, a port stays shared: RFC 5761 §5.1.1 would have later offers ask for it again.
    const mux = description.audio.rtcpMux || to.mux
    const text = this.#offer(to, this.#termsToOffer(oppositeOf(from), description.audio, mux))
    // The old media goes on until the answer: a re-INVITE may be refused, and then nothing has changed.
    this.#pending = { from, offer: description }
    return text
  }

  /** Whose answer it is, the pending offer tells. */
  async reanswer(_from: LegSide, answer: Sdp): Promise<Sdp> {
    this.#assertOpen()
    const pending = this.#pending
    assert(pending !== null, 'an answer follows an offer')
    const text = await this.#answer(pending.from, pending.offer, readDescription(answer))
    this.#pending = null
    return text
  }

  async offerReplacement(side: LegSide, where?: 'inside'): Promise<Sdp> {
    this.#assertOpen()
    const described = this.#described[oppositeOf(side)]
    assert(described !== null, 'a side is replaced after both have spoken')
    // Whoever held the other side is going: the newcomer is asked to talk, and the other side is offered that afterwards.
    const audio: AudioStream = { ...described.audio, direction: 'sendrecv', heldByAddress: false, rtcpMux: false }
    const { face } = await this.#makeRoom(side, { ...described, audio }, where)
    return this.#offer(face, this.#termsToOffer(null, audio, false))
  }

  async #makeRoom(side: LegSide, offered: Description | null, where?: 'inside'): Promise<Replacement> {
    const face = await this.#faces.openSpare(side, where)
    this.#replacement = { side, face, offered, newcomer: null, answer: null }
    this.#watch()
    return this.#replacement
  }

  async takeReplacement(answer: Sdp): Promise<void> {
    this.#assertOpen()
    const offered = this.#replacement?.offered
    assert(this.#replacement && offered, 'a place is offered before it is taken')
    const { side, face } = this.#replacement
    const description = readDescription(answer)
    checkReachable(description.audio, face.address.bind, this.#parts.requireAddress)
    this.#termsToAnswer(offered.audio, description.audio)
    await this.#changeHands(side, face)
    const audio = { ...offered.audio, rtcpMux: this.#faces.of(oppositeOf(side)).mux }
    await this.#agree(oppositeOf(side), { ...offered, audio }, description)
  }

  async #changeHands(side: LegSide, face: Face): Promise<void> {
    await this.#faces.seat(side, face)
    this.#replacement = null
  }

  async introduceReplacement(side: LegSide, description: Sdp, where?: 'inside'): Promise<Sdp> {
    this.#assertOpen()
    const newcomer = readOffer(description, this.#parts.codecs)
    const isOffered = this.#replacement?.side === side
    const room = isOffered ? this.#replacement! : await this.#makeRoom(side, null, where)
    checkReachable(newcomer.audio, room.face.address.bind, this.#parts.requireAddress)
    await room.face.security.prepareFor(newcomer.audio.security)
    room.newcomer = newcomer
    const to = this.#faces.of(oppositeOf(side))
    return this.#offer(to, this.#termsToOffer(oppositeOf(side), newcomer.audio, newcomer.audio.rtcpMux || to.mux))
  }

  // oxlint-disable-next-line require-await -- as for reoffer.
  async answerReplacement(answer: Sdp): Promise<Sdp> {
    this.#assertOpen()
    const room = this.#replacement
    assert(room?.newcomer, 'a newcomer is introduced before it is answered')
    const description = readDescription(answer)
    this.#checkReachable(oppositeOf(room.side), description.audio)
    const terms = this.#termsToAnswer(room.newcomer.audio, description.audio)
    room.answer = description
    room.face.writer.follow(room.newcomer)
    room.face.security.agree(room.newcomer.audio, false)
    return this.#write(room.face, terms, room.face.security.profileToAnswer(room.face.address.told, room.face.port))
  }

  async seatReplacement(): Promise<void> {
    this.#assertOpen()
    const { side, face, newcomer, answer } = this.#replacement ?? {}
    assert(side && face && newcomer && answer, 'a newcomer is answered before it is seated')
    await this.#changeHands(side, face)
    await this.#agree(side, newcomer, answer)
  }

  dropReplacement(): void {
    if (this.#replacement === null || this.#closing !== null) return
    this.#replacement = null
    this.thread.notify({ kind: 'drop-spare', session: this.id })
    this.#watch()
  }

  established(): void {
    // The thread may have died while the answer was written down, when nobody listened yet.
    if (this.#lost !== null) return void this.emit('failed', ...this.#lost)
    this.#established = true
    this.#watch()
  }

  #watch(): void {
    this.thread.notify({ kind: 'watch', session: this.id, on: this.#isWatched })
  }

  async stats(): Promise<RelayStats> {
    if (this.#closing !== null) return this.#closing
    return statsOf(await this.thread.request({ kind: 'stats', session: this.id }))
  }

  close(): Promise<RelayStats> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** Called by the relay when this side has been silent for the limit. */
  silent(side: LegSide): void {
    if (this.#timedOut || this.#closing !== null) return
    this.#timedOut = true
    this.emit('rtpTimeout', side)
  }

  /** Called by the relay when this side's audio cannot be secured as agreed: plain it must not be. */
  insecure(side: LegSide, reason: string): void {
    if (this.#lost !== null || this.#closing !== null) return
    this.#lost = [`the ${side}: ${reason}`, 'insecure']
    this.emit('failed', ...this.#lost)
  }

  /** Called by the relay when the thread of this session has died: its audio and its figures are gone. */
  lost(reason: string): void {
    if (this.#closing !== null) return
    this.#closing = Promise.resolve({ caller: NO_LEG_STATS, buyer: NO_LEG_STATS })
    this.tools.lost(reason)
    this.#lost = [reason, 'lost']
    this.#parts.onClosed(this, null)
    this.emit('failed', ...this.#lost)
  }

  async #close(): Promise<RelayStats> {
    let stats: RelayStats | null = null
    this.tools.end('the media session is closed')
    try {
      stats = statsOf(await this.thread.request({ kind: 'close', session: this.id }))
    } catch (error) {
      // A thread that is down has nothing left to close, and a call must be able to end without it.
      if (!(error instanceof MediaUnavailable)) throw error
    }
    this.#parts.onClosed(this, stats)
    return stats ?? { caller: NO_LEG_STATS, buyer: NO_LEG_STATS }
  }

  #offer(to: Face, terms: AudioTerms): Sdp {
    const rtcpMux = terms.rtcpMux || to.security.isBrowser
    to.muxOffered = rtcpMux
    return this.#write(to, { ...terms, rtcpMux }, to.security.profileToOffer(to.address.told, to.port))
  }

  #write({ writer, address, port }: Face, terms: AudioTerms, profile: Profile): Sdp {
    return writer.write(terms, address.told, port, profile)
  }

  async #answer(asker: LegSide, offer: Description, answer: Description): Promise<Sdp> {
    const terms = await this.#agree(asker, offer, answer)
    const face = this.#faces.of(asker)
    face.writer.follow(offer)
    return this.#write(face, terms, face.security.profileToAnswer(face.address.told, face.port))
  }

  /** The answer has come to `asker`'s offer: once the thread knows, both descriptions hold. */
  async #agree(asker: LegSide, offer: Description, answer: Description): Promise<AudioTerms> {
    const answerer = oppositeOf(asker)
    this.#checkReachable(answerer, answer.audio)
    const terms = this.#termsToAnswer(offer.audio, answer.audio)
    this.#faces.of(asker).mux = offer.audio.rtcpMux
    this.#faces.of(answerer).mux = this.#faces.of(answerer).muxOffered && answer.audio.rtcpMux
    this.#flowing = terms.direction === 'sendrecv'
    const caller = asker === 'caller' ? offer.audio : answer.audio
    const buyer = asker === 'caller' ? answer.audio : offer.audio
    const answered = this.#faces.of(answerer).security.agree(answer.audio, true)
    const asked = this.#faces.of(asker).security.agree(offer.audio, false)
    // Waited for: whoever is told of this answer may send at once, and must not be met by the former agreement.
    await this.thread.request({
      kind: 'agree',
      session: this.id,
      caller: remoteParty(caller, buyer, this.#faces.of('caller').mux, asker === 'caller' ? asked : answered),
      buyer: remoteParty(buyer, caller, this.#faces.of('buyer').mux, asker === 'caller' ? answered : asked),
      watch: this.#isWatched,
    })
    this.#described[asker] = offer
    this.#described[answerer] = answer
    this.#agreedCodecs = terms.codecs
    this.tools.agreed(sideKeys(caller, buyer))
    return terms
  }

  /** `to`: null for a newcomer, who has said nothing yet. */
  #termsToOffer(to: LegSide | null, stream: AudioStream, rtcpMux: boolean): AudioTerms {
    const known = to === null ? null : (this.#described[to]?.audio ?? null)
    return this.#parts.formats.toOffer(stream, rtcpMux, known)
  }

  #termsToAnswer(offer: AudioStream, answer: AudioStream): AudioTerms {
    return this.#parts.formats.toAnswer(offer, answer)
  }

  get #isWatched(): boolean {
    return this.#established && this.#flowing && this.#replacement === null
  }

  #checkReachable(side: LegSide, stream: AudioStream): void {
    checkReachable(stream, this.#faces.of(side).address.bind, this.#parts.requireAddress)
  }

  #assertOpen(): void {
    if (this.#closing !== null) throw new MediaUnavailable('the media session is closed')
  }
}

function statsOf(reply: RelayReply): RelayStats {
  assert(reply.kind === 'stats')
  return reply.stats
}
