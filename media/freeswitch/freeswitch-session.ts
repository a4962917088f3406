import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { oppositeOf, type LegSide } from '../../model/call.ts'
import { NO_STATS } from '../../model/cdr.ts'
import type { MediaStats } from '../../model/cdr.ts'
import { sideKeysBetween, type SideKeys } from '../key-ways.ts'
import { MediaUnavailable, type MediaSession, type Sdp, type SessionStats } from '../media-server.ts'
import { answerDirection, directionToOffer, type DescriptionWriter } from '../sdp.ts'
import { readDescription, type Description, type Direction } from '../sdp-reading.ts'
import type { MonitorMode } from '../../model/call-monitor.ts'
import { FreeSwitchMonitor } from './freeswitch-monitor.ts'
import { FreeSwitchTools } from './freeswitch-tools.ts'
import { Joint } from './joint.ts'
import type { FreeSwitchLeg } from './leg.ts'
import { newDescriptionWriter } from './party-description.ts'
import { SilenceWatch } from './silence-watch.ts'

/** So many monitor one call at a time. */
const MOST_MONITORS = 3

/** One party, and the channel that is our end of its audio. */
interface Party {
  readonly leg: FreeSwitchLeg
  /** What we say to it. */
  readonly writer: DescriptionWriter
  /** What it has said last. */
  said: Description | null
}

/** Who may take a side's place. */
interface Replacement {
  readonly side: LegSide
  readonly party: Party
  /** What the other side has said to the newcomer's description. */
  answer: Description | null
}

interface SessionParts {
  /** Null: the caller leaves the offer to us. */
  readonly callerOffer: Description | null
  readonly callerLeg: FreeSwitchLeg
  readonly promptsDir: string
  readonly recordingsDir: string
  readonly rtpTimeoutMs: number
  /** A channel for a party that has said this, or to which FreeSWITCH is to make the offer. */
  openLeg(said: Description | null): Promise<FreeSwitchLeg>
  /** Told once, when nothing is left of the session. */
  onClosed(session: FreeSwitchSession): void
}

/**
 * One call over FreeSWITCH: a channel for each party, which agree on codecs with FreeSWITCH and not with each other. Descriptions are
 * ours, with FreeSWITCH's address and codecs and the directions that the other side wants.
 */
export class FreeSwitchSession
  extends EventEmitter<{ rtpTimeout: [side: LegSide]; failed: [reason: string] }>
  implements MediaSession
{
  readonly tools: FreeSwitchTools
  readonly #parts: SessionParts
  readonly #joint = new Joint()
  readonly #silence: SilenceWatch
  #callerOffer: Description | null
  #caller: Party
  #buyer: Party | null = null
  #told: Sdp | null = null
  #callerHeardOtherwise = false
  #pending: { readonly from: LegSide; readonly offer: Description } | null = null
  #replacement: Replacement | null = null
  readonly #monitors = new Set<FreeSwitchMonitor>()
  #monitorsToCome = 0
  #lostWhy: string | null = null
  #closing: Promise<SessionStats> | null = null

  constructor(parts: SessionParts) {
    super()
    this.#parts = parts
    this.#callerOffer = parts.callerOffer
    this.#caller = this.#party(parts.callerLeg, parts.callerOffer)
    if (parts.callerOffer !== null) this.#caller.writer.follow(parts.callerOffer)
    this.tools = new FreeSwitchTools({
      promptsDir: parts.promptsDir,
      recordingsDir: parts.recordingsDir,
      leg: (side) => this.#open(side).leg,
      joint: this.#joint,
      keys: () => this.#keys,
    })
    this.#silence = new SilenceWatch({
      limitMs: parts.rtpTimeoutMs,
      isFlowing: () => this.#isFlowing,
      packetsOf: async (side) => (await this.#open(side).leg.stats()).packetsReceived,
      onSilent: (side) => this.emit('rtpTimeout', side),
    })
  }

  async offerToBuyer(told: Sdp | null): Promise<Sdp> {
    this.#assertOpen()
    this.#told = told
    this.#callerHeardOtherwise = false
    const earlier = this.#buyer
    this.#buyer = null
    const [buyer] = await Promise.all([this.#openParty(null), earlier && this.#dismiss(earlier)])
    this.#buyer = buyer
    return this.#say(buyer, this.#callerOffer ? directionToOffer(this.#callerOffer.audio) : 'sendrecv')
  }

  async answerFromBuyer(answer: Sdp): Promise<Sdp> {
    this.#assertOpen()
    const buyer = this.#open('buyer')
    const description = readDescription(answer)
    await this.#hear(buyer, description)
    await this.#join()
    const callerOffer = this.#callerOffer
    if (callerOffer === null) return this.offerTo('caller')
    const way = answerDirection(callerOffer.audio, description.audio)
    if (this.#told === null) return this.#answer(this.#caller, callerOffer, way)
    this.#callerHeardOtherwise = way !== readDescription(this.#told).audio.direction
    return this.#told
  }

  get callerHeardOtherwise(): boolean {
    return this.#callerHeardOtherwise
  }

  // oxlint-disable-next-line require-await -- the interface is for engines that must ask; here a throw becomes a rejection.
  async reoffer(from: LegSide, offer: Sdp): Promise<Sdp> {
    this.#assertOpen()
    const description = readDescription(offer)
    // FreeSWITCH hears of it with the answer: a re-INVITE may be refused, and then nothing has changed.
    this.#pending = { from, offer: description }
    return this.#say(this.#open(oppositeOf(from)), directionToOffer(description.audio))
  }

  async reanswer(_from: LegSide, answer: Sdp): Promise<Sdp> {
    this.#assertOpen()
    const pending = this.#pending
    assert(pending !== null, 'an answer follows an offer')
    const description = readDescription(answer)
    const asker = this.#open(pending.from)
    await this.#hear(asker, pending.offer)
    await this.#hear(this.#open(oppositeOf(pending.from)), description)
    this.#pending = null
    return this.#answer(asker, pending.offer, answerDirection(pending.offer.audio, description.audio))
  }

  async renew(side: LegSide, offer: Sdp): Promise<Sdp> {
    this.#assertOpen()
    const description = readDescription(offer)
    const standing = this.#standing(oppositeOf(side))
    const party = this.#open(side)
    await this.#hear(party, description)
    if (side === 'caller') {
      this.#callerOffer = description
      this.#callerHeardOtherwise = false
    }
    return this.#answer(party, description, answerDirection(description.audio, standing.audio))
  }

  // oxlint-disable-next-line require-await -- as for reoffer.
  async offerTo(side: LegSide): Promise<Sdp> {
    this.#assertOpen()
    return this.#say(this.#open(side), directionToOffer(this.#standing(oppositeOf(side)).audio))
  }

  async answerFrom(side: LegSide, answer: Sdp): Promise<void> {
    this.#assertOpen()
    await this.#hear(this.#open(side), readDescription(answer))
    await this.#join()
  }

  async offerReplacement(side: LegSide): Promise<Sdp> {
    this.#assertOpen()
    const party = await this.#openParty(null)
    this.#replacement = { side, party, answer: null }
    return this.#say(party, 'sendrecv')
  }

  async takeReplacement(answer: Sdp): Promise<void> {
    this.#assertOpen()
    const room = this.#replacement
    assert(room !== null, 'a place is offered before it is taken')
    await this.#hear(room.party, readDescription(answer))
    await this.#seat(room)
  }

  async introduceReplacement(side: LegSide, description: Sdp): Promise<Sdp> {
    this.#assertOpen()
    const newcomer = readDescription(description)
    if (this.#replacement?.side === side) this.#replacement.party.said = newcomer
    else this.#replacement = { side, party: await this.#openParty(newcomer), answer: null }
    return this.#say(this.#open(oppositeOf(side)), directionToOffer(newcomer.audio))
  }

  // oxlint-disable-next-line require-await -- as for reoffer.
  async answerReplacement(answer: Sdp): Promise<Sdp> {
    this.#assertOpen()
    const room = this.#replacement
    assert(room?.party.said, 'a newcomer is introduced before it is answered')
    room.answer = readDescription(answer)
    return this.#answer(room.party, room.party.said, answerDirection(room.party.said.audio, room.answer.audio))
  }

  async seatReplacement(): Promise<void> {
    this.#assertOpen()
    const room = this.#replacement
    assert(room?.party.said && room.answer, 'a newcomer is answered before it is seated')
    await this.#hear(this.#open(oppositeOf(room.side)), room.answer)
    await this.#hear(room.party, room.party.said)
    await this.#seat(room)
  }

  dropReplacement(): void {
    const room = this.#replacement
    this.#replacement = null
    void room?.party.leg.close()
  }

  async monitor(mode: MonitorMode): Promise<FreeSwitchMonitor> {
    this.#assertOpen()
    this.#open('buyer')
    if (this.#monitors.size + this.#monitorsToCome >= MOST_MONITORS)
      throw new MediaUnavailable(`${MOST_MONITORS} monitor this call already`)
    this.#monitorsToCome++
    try {
      const { leg } = await this.#openParty(null)
      const monitor = new FreeSwitchMonitor({ leg, mode, buyerLeg: () => this.#open('buyer').leg })
      this.#monitors.add(monitor)
      void monitor.ended.then(() => this.#monitors.delete(monitor))
      return monitor
    } finally {
      this.#monitorsToCome--
    }
  }

  established(): void {
    // The channel may have gone while the answer was written down, when nobody listened yet.
    if (this.#lostWhy !== null) return void this.emit('failed', this.#lostWhy)
    this.#silence.start()
  }

  async stats(): Promise<SessionStats> {
    if (this.#closing !== null) return this.#closing
    const [caller, buyer] = await Promise.all([statsOf(this.#caller), statsOf(this.#buyer)])
    return { caller, buyer }
  }

  close(): Promise<SessionStats> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<SessionStats> {
    this.#silence.stop()
    const parties = [this.#caller, this.#buyer, this.#replacement?.party ?? null].filter((party) => party !== null)
    const monitors = Promise.all([...this.#monitors].map((monitor) => monitor.end('call_ended')))
    await this.tools.close(this.#lostWhy === null ? 'call_ended' : 'engine_lost')
    const [caller, buyer] = await Promise.all([statsOf(this.#caller), statsOf(this.#buyer)])
    // Every one of them, or FreeSWITCH keeps it. All at once: of one that is dead each is waited for in vain.
    const ended = Promise.all([monitors, ...parties.map((party) => party.leg.close())])
    const closed = ended.then(() => this.#parts.onClosed(this))
    // The record of a call whose FreeSWITCH has died waits for none of that.
    if (this.#lostWhy === null) await closed
    return { caller, buyer }
  }

  #lost(side: LegSide, cause: string): void {
    if (this.#closing !== null) return
    this.#lostWhy = `the ${side}'s channel of FreeSWITCH ended: ${cause}`
    void this.close()
    // FreeSWITCH may have a limit for silence of its own (rtp-timeout-sec).
    if (cause === 'MEDIA_TIMEOUT') this.emit('rtpTimeout', side)
    else this.emit('failed', this.#lostWhy)
  }

  async #openParty(said: Description | null): Promise<Party> {
    const leg = await this.#parts.openLeg(said)
    if (this.#closing !== null) {
      void leg.close() // Meanwhile: whoever closed us did not know of it.
      this.#assertOpen()
    }
    const party = this.#party(leg, said)
    if (said !== null) party.writer.follow(said)
    return party
  }

  #party(leg: FreeSwitchLeg, said: Description | null): Party {
    const sideOf = (): LegSide | null =>
      this.#caller.leg === leg ? 'caller' : this.#buyer?.leg === leg ? 'buyer' : null
    leg.on('gone', (cause) => {
      this.#joint.left(leg)
      const side = sideOf()
      if (side !== null) this.#lost(side, cause)
    })
    leg.on('digit', (digit, durationMs) => {
      const side = sideOf()
      if (side !== null) this.tools.pressed(side, digit, durationMs)
    })
    return { leg, writer: newDescriptionWriter(), said }
  }

  async #hear(party: Party, description: Description): Promise<void> {
    await party.leg.hear(description)
    party.said = description
  }

  /** Not before both have said where they are: FreeSWITCH may lose a bridge to a re-INVITE that comes with it. */
  async #join(): Promise<void> {
    const buyer = this.#buyer
    if (this.#caller.said !== null && buyer?.said) await this.#joint.join(this.#caller.leg, buyer.leg)
  }

  /** The newcomer is this side from now on. */
  async #seat({ side, party }: Replacement): Promise<void> {
    const former = this.#open(side)
    if (side === 'caller') this.#caller = party
    else this.#buyer = party
    this.#replacement = null
    await this.#dismiss(former)
    await this.#join()
  }

  async #dismiss(party: Party): Promise<void> {
    this.#joint.left(party.leg)
    await party.leg.close()
  }

  #say({ leg, writer }: Party, direction: Direction): Sdp {
    const { codecs, source, address, rtpPort, rtcpMux } = leg.local.audio
    return writer.write({ codecs, source, direction, rtcpMux }, address, rtpPort)
  }

  #answer(party: Party, offer: Description, direction: Direction): Sdp {
    party.writer.follow(offer)
    return this.#say(party, direction)
  }

  #standing(side: LegSide): Description {
    const { said } = this.#open(side)
    assert(said !== null, 'an offer of ours follows a description of the other side')
    return said
  }

  get #keys(): Record<LegSide, SideKeys> | null {
    const [caller, buyer] = [this.#caller.said, this.#buyer?.said]
    return caller && buyer && this.#closing === null ? sideKeysBetween(caller.audio, buyer.audio) : null
  }

  #open(side: LegSide): Party {
    this.#assertOpen()
    const party = side === 'caller' ? this.#caller : this.#buyer
    if (party === null) throw new MediaUnavailable(`the ${side} has no channel yet`)
    return party
  }

  /** Both send and receive: the only state in which silence means anything. */
  get #isFlowing(): boolean {
    const both = [this.#caller.said, this.#buyer?.said ?? null]
    return this.#replacement === null && both.every((said) => said && directionToOffer(said.audio) === 'sendrecv')
  }

  #assertOpen(): void {
    if (this.#closing !== null) throw new MediaUnavailable(this.#lostWhy ?? 'the media session is closed')
  }
}

async function statsOf(party: Party | null): Promise<MediaStats> {
  return party === null ? NO_STATS : party.leg.stats().catch(() => NO_STATS)
}
