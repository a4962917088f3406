import type { EventEmitter } from 'node:events'
import type { CallId } from '../model/ids.ts'
import type { LegSide } from '../model/call.ts'
import type { MonitorMode } from '../model/call-monitor.ts'
import type { MediaStats } from '../model/cdr.ts'
import type { AudioTools } from './audio-tools.ts'
import type { Monitor } from './monitor.ts'

/** A session description (RFC 8866), as it travels in a SIP body. */
export type Sdp = string

/**
 * How a target is offered its audio: as plain RTP; with keys it may use or leave (RFC 8643); with keys it must use (RFC 4568); as a
 * browser has it (RFC 5764 over ICE).
 */
export type OfferedSecurity = 'none' | 'if-it-can' | 'sdes' | 'webrtc'

/** `lost`: the engine, or its part that had the session, is gone. `insecure`: a side's audio could not be secured as agreed. */
export type MediaFailure = 'lost' | 'insecure'

export interface SessionStats {
  readonly caller: MediaStats
  readonly buyer: MediaStats
}

/**
 * The audio of one call. The order of use is that of a B2BUA: `offerToBuyer` for each target rung, `answerFromBuyer` with
 * the SDP of its 183 or 200, and after the answer `reoffer`/`reanswer` for each re-INVITE relayed. Where the caller made no
 * offer, `answerFromBuyer` brings ours to it, and `answerFrom('caller')` takes its answer. `close` is idempotent.
 *
 * Emits `rtpTimeout` once when a side that should be sending has been silent for the engine's limit (not while on hold), and `failed` when
 * its audio is gone for good; again at `established` where that was before it, since whoever listens then may not have listened before.
 */
export interface MediaSession extends EventEmitter<{
  rtpTimeout: [side: LegSide]
  failed: [reason: string, kind?: MediaFailure]
}> {
  /**
   * A fresh offer for one target: its own address and port, so that answers of an earlier target cannot leak in. `told` is the answer
   * that the caller has had already, with an earlier target's 18x: the first one it gets is the one it keeps (RFC 3261 §13.2.1). So
   * this target is offered only what that answer names (and G.711's other law, if the engine does not mind which), and `answerFromBuyer` says the same again, letter by letter. `security`
   * (default `none`) is for engines that can it: what their capabilities do not name they are not asked for.
   */
  offerToBuyer(told: Sdp | null, security?: OfferedSecurity): Promise<Sdp>
  /**
   * The buyer's description → the answer for the caller, or our offer to it if it made none (`answerFrom` takes its answer).
   * A 183 may bring one and the 200 another; the last holds.
   */
  answerFromBuyer(answer: Sdp): Promise<Sdp>
  /** A re-INVITE's offer from one side → the offer to send to the other. */
  reoffer(from: LegSide, offer: Sdp): Promise<Sdp>
  /** The answer to it, from the other side → the answer for the side that asked. */
  reanswer(from: LegSide, answer: Sdp): Promise<Sdp>
  /** An offer of this side that we answer by ourselves, from what the other side has said last (RFC 3311, before the answer). */
  renew(side: LegSide, offer: Sdp): Promise<Sdp>
  /** An offer of ours to this side of what is agreed now, for a re-INVITE that came without one (RFC 3261 §14.2). */
  offerTo(side: LegSide): Promise<Sdp>
  /** The side's answer to an offer of ours. Throws UnacceptableMedia when it leaves no codec in common. */
  answerFrom(side: LegSide, answer: Sdp): Promise<void>
  /**
   * An offer for somebody who is to take this side's place: at an address and port of its own, while the side goes on. From now on
   * until it is taken or dropped, silence is no timeout. One at a time. `inside`: it is another session of this engine's.
   */
  offerReplacement(side: LegSide, where?: 'inside'): Promise<Sdp>
  /** Its answer: it is this side from now on. The other side is then to be offered what is agreed (`offerTo`). */
  takeReplacement(answer: Sdp): Promise<void>
  /**
   * What to offer the other side before a newcomer takes this side's place: `description` is the newcomer's own offer, or its answer
   * to `offerReplacement`, which is then not taken at once.
   */
  introduceReplacement(side: LegSide, description: Sdp, where?: 'inside'): Promise<Sdp>
  /** The other side's answer to that → the answer for the newcomer. Throws UnacceptableMedia when they have no codec in common. */
  answerReplacement(answer: Sdp): Promise<Sdp>
  /** The newcomer so introduced and answered is this side from now on. */
  seatReplacement(): Promise<void>
  /** Nobody took the place; does nothing when there is none to drop. */
  dropReplacement(): void
  /** Both legs are answered: from now on silence is a timeout. */
  established(): void
  /** The audio goes past us: nothing is counted, and what `stats` and `close` tell is no figure. */
  readonly isDirect?: boolean
  /** Prompts, digits and recording; null on an engine that passes audio on and no more. */
  readonly tools: AudioTools | null
  /** Lets somebody else hear this answered call, and speak in it; on engines with the capability `monitor`. */
  monitor?(mode: MonitorMode): Promise<Monitor>
  /** The caller has been told another direction than the buyer answered with: it is to be offered what is agreed (`offerTo`). */
  readonly callerHeardOtherwise: boolean
  stats(): Promise<SessionStats>
  close(): Promise<SessionStats>
}

/** What an engine can do with a call's audio beyond passing plain RTP on; `capabilities` of a server names those it has. */
export const MEDIA_CAPABILITIES = [
  /** A side may be a browser: ICE, DTLS-SRTP, rtcp-mux (RFC 8834, 8839, 5764). */
  'webrtc',
  /** A side may bring SRTP keys in its description (RFC 4568). */
  'sdes',
  /** The two sides need no codec in common, as far as the engine knows both. */
  'transcode',
  /** One side may speak G.711 µ-law (PCMU) and the other A-law (PCMA): the only two codecs that some engines put in one another's place. */
  'transcode-g711',
  /** Sessions have `tools`: prompts, digits, recording. */
  'tools',
  /** A side can be taken by somebody else (`offerReplacement`). */
  'replace',
  /** Somebody else can hear a call and speak in it (`monitor`). */
  'monitor',
] as const
export type MediaCapability = (typeof MEDIA_CAPABILITIES)[number]

export interface SessionRequest {
  readonly callId: CallId
  /** Null: the caller leaves the offer to us. */
  readonly callerOffer: Sdp | null
}

/** One engine that moves audio: the in-process relay, rtpengine, FreeSWITCH, mediasoup, or none at all. */
export interface MediaServer {
  readonly name: string
  readonly capabilities: ReadonlySet<MediaCapability>
  /** Its calls' audio goes from one end to the other, past us: for calls alone where whoever it concerns allows that. */
  readonly isDirect?: boolean
  /** Whether a new session may be asked of it now: one that is down is passed over, and tried again when it says it is back. */
  readonly isUp: boolean
  /** Throws UnacceptableMedia when the offer cannot be served (no audio, unreadable); MediaUnavailable when the engine is full or down. */
  createSession(request: SessionRequest): Promise<MediaSession>
  /** Sessions now open: what `/health` and the drain look at. */
  readonly sessionCount: number
  close(): Promise<void>
}

/** What a Warning header says of media (RFC 3261 §20.43): protocol, kind of media, format, multicast, anything else. */
export type MediaWarning = 301 | 302 | 304 | 305 | 330 | 399

/** The offer cannot be served by anyone: the caller hears 488 with this Warning (RFC 3261 §21.4.26, §20.43). */
export class UnacceptableMedia extends Error {
  override readonly name = 'UnacceptableMedia'
  readonly warning: MediaWarning

  constructor(message: string, warning: MediaWarning = 399) {
    super(message)
    this.warning = warning
  }
}

/** The engine cannot take the session now: the caller hears 503. */
export class MediaUnavailable extends Error {
  override readonly name = 'MediaUnavailable'
}
