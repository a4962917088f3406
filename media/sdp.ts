import { isIPv6 } from 'node:net'
import { write, type MediaDescription, type SessionDescription } from 'sdp-transform'
import { UnacceptableMedia, type Sdp } from './media-server.ts'
import { carriesSpeech, isSameCodec, type Codec } from './payload-types.ts'
import type { AudioStream, Description, Direction, MediaLine } from './sdp-reading.ts'

/** What our description says of the audio: the other party's wishes, without anything that tells where that party is. */
export interface AudioTerms {
  readonly codecs: readonly Codec[]
  readonly source: MediaDescription
  readonly direction: Direction
  readonly rtcpMux: boolean
}

/** One party's offer, as terms to offer the other: every codec, in the offerer's order. Throws UnacceptableMedia when no codec carries speech. */
export function termsToOffer(offer: AudioStream, rtcpMux: boolean): AudioTerms {
  if (!offer.codecs.some(carriesSpeech))
    throw new UnacceptableMedia('the audio is offered without a codec for speech', 305)
  return { codecs: offer.codecs, source: offer.source, direction: directionToOffer(offer), rtcpMux }
}

/**
 * One party's answer, as terms to answer the offerer: only codecs that were offered, under the numbers they were offered with, since
 * packets pass untouched (RFC 3264 §6.1). Throws UnacceptableMedia when no codec for speech is left.
 */
export function termsToAnswer(offer: AudioStream, answer: AudioStream): AudioTerms {
  const codecs = answer.codecs.filter((codec) => offer.codecs.some((offered) => isSameCodec(codec, offered)))
  if (!codecs.some(carriesSpeech))
    throw new UnacceptableMedia('the answer has no codec for speech in common with the offer', 305)
  return {
    codecs,
    source: answer.source,
    direction: directionToAnswer(directionToOffer(offer), directionToOffer(answer)),
    rtcpMux: offer.rtcpMux,
  }
}

/** RFC 3264 §8.4: c=0.0.0.0 asks for silence as `a=sendonly` does, whatever its direction line says. */
function directionToOffer(stream: AudioStream): Direction {
  return stream.heldByAddress ? direction(sends(stream.direction), false) : stream.direction
}

/** RFC 3264 §6.1: an answer may not send what the offer will not receive, nor receive what it will not send. */
function directionToAnswer(offer: Direction, answer: Direction): Direction {
  return direction(sends(answer) && receives(offer), receives(answer) && sends(offer))
}

function sends(of: Direction): boolean {
  return of === 'sendrecv' || of === 'sendonly'
}

function receives(of: Direction): boolean {
  return of === 'sendrecv' || of === 'recvonly'
}

function direction(send: boolean, receive: boolean): Direction {
  if (send) return receive ? 'sendrecv' : 'sendonly'
  return receive ? 'recvonly' : 'inactive'
}

/**
 * Our side of one dialog's descriptions: its o= line, whose version grows by one with each change and only then (RFC 3264 §8), and its
 * m= lines, which keep their places (§6). Only our own address ever appears.
 */
export class DescriptionWriter {
  readonly #sessionId: number
  #version = 0
  #lastBody = ''
  #lines: readonly MediaLine[] = [{ type: 'audio', protocol: 'RTP/AVP', payloads: '' }]
  #audioIndex = 0

  /** `sessionId` names the session in o=, a random number. */
  constructor(sessionId: number) {
    this.#sessionId = sessionId
  }

  /** The other end of this dialog offered: our answer, and all after it, has its lines in its places. */
  follow(description: Description): void {
    this.#lines = description.lines
    this.#audioIndex = description.audioIndex
  }

  /** Our description with these terms at this address; every line but the audio's is refused with port 0. */
  write(terms: AudioTerms, address: string, port: number): Sdp {
    const media = this.#lines.map((line, i) => (i === this.#audioIndex ? writeAudio(terms, port) : refuse(line)))
    const body = this.#compose(media, address, this.#version)
    if (body !== this.#lastBody) {
      this.#version++
      this.#lastBody = this.#compose(media, address, this.#version)
    }
    return this.#lastBody
  }

  #compose(media: MediaDescription[], address: string, sessionVersion: number): Sdp {
    const ipVer = isIPv6(address) ? 6 : 4
    const session: SessionDescription = {
      version: 0,
      origin: { username: '-', sessionId: this.#sessionId, sessionVersion, netType: 'IN', ipVer, address },
      name: '-',
      connection: { version: ipVer, ip: address },
      timing: { start: 0, stop: 0 },
      media,
    }
    return write(session)
  }
}

function refuse(line: MediaLine): MediaDescription {
  return { type: line.type, port: 0, protocol: line.protocol, payloads: line.payloads || '0', rtp: [], fmtp: [] }
}

/** A list of what is kept, not of what is removed: an attribute nobody thought of cannot carry an address through. */
function writeAudio(terms: AudioTerms, port: number): MediaDescription {
  const { source } = terms
  const kept = new Set(terms.codecs.map((codec) => codec.payload))
  return {
    type: 'audio',
    port,
    protocol: 'RTP/AVP',
    payloads: terms.codecs.map((codec) => codec.payload).join(' '),
    rtp: source.rtp.filter((rtp) => kept.has(rtp.payload)),
    fmtp: source.fmtp.filter((fmtp) => kept.has(fmtp.payload)),
    ...(source.ptime !== undefined && { ptime: source.ptime }),
    ...(source.maxptime !== undefined && { maxptime: source.maxptime }),
    ...(terms.rtcpMux && { rtcpMux: 'rtcp-mux' }),
    direction: terms.direction,
  }
}
