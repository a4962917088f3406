import { isIPv6 } from 'node:net'
import type { MediaDescription } from 'sdp-transform'
import { withMatchingClocks } from './codec-policy.ts'
import { UnacceptableMedia, type Sdp } from './media-server.ts'
import { carriesSpeech, isSameCodec, type Codec } from './payload-types.ts'
import { OfCodecs } from './recurring-codecs.ts'
import type { AudioStream, Description, Direction, MediaLine } from './sdp-reading.ts'
import { PLAIN_PROFILE, PLAIN_PROTOCOL, type Profile } from './sdp-security.ts'

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
  const codecs = withMatchingClocks(offer.codecs)
  return { codecs, source: offer.source, direction: directionToOffer(offer), rtcpMux }
}

/**
 * One party's answer, as terms to answer the offerer: only codecs that were offered, under the numbers they were offered with, since
 * packets pass untouched (RFC 3264 §6.1). Throws UnacceptableMedia when no codec for speech is left.
 */
export function termsToAnswer(offer: AudioStream, answer: AudioStream): AudioTerms {
  const codecs = withMatchingClocks(
    answer.codecs.filter((codec) => offer.codecs.some((offered) => isSameCodec(codec, offered))),
  )
  if (!codecs.some(carriesSpeech))
    throw new UnacceptableMedia('the answer has no codec for speech in common with the offer', 305)
  return {
    codecs,
    source: answer.source,
    direction: answerDirection(offer, answer),
    rtcpMux: offer.rtcpMux,
  }
}

/** RFC 3264 §8.4: c=0.0.0.0 asks for silence as `a=sendonly` does, whatever its direction line says. */
export function directionToOffer(stream: AudioStream): Direction {
  return stream.heldByAddress ? direction(sends(stream.direction), false) : stream.direction
}

/** What to answer the offerer with, when the answerer has said this. */
export function answerDirection(offer: AudioStream, answer: AudioStream): Direction {
  return directionToAnswer(directionToOffer(offer), directionToOffer(answer))
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
  /** All that follows the version in our last description. */
  #lastRest = ''
  #lines: readonly MediaLine[] = [{ type: 'audio', protocol: PLAIN_PROTOCOL, payloads: '', mid: null }]
  #audioIndex = 0
  /** Until the other end has said that it does not. */
  #bundles = true

  /** `sessionId` names the session in o=, a random number. */
  constructor(sessionId: number) {
    this.#sessionId = sessionId
  }

  /** The other end of this dialog offered: our answer, and all after it, has its lines in its places. */
  follow(description: Description): void {
    this.#lines = description.lines
    this.#audioIndex = description.audioIndex
    this.#bundles = description.isBundled
  }

  /** Our description with these terms at this address; every line but the audio's is refused with port 0. */
  write(terms: AudioTerms, address: string, port: number, profile: Profile = PLAIN_PROFILE): Sdp {
    const mid = profile.isBundled ? (this.#lines[this.#audioIndex]!.mid ?? '0') : null
    const media = this.#lines.map((line, i) =>
      i === this.#audioIndex ? audioLines(terms, port, profile, mid) : refusal(line, profile.isBundled),
    )
    const group = mid !== null && this.#bundles ? [`a=group:BUNDLE ${mid}`] : []
    const session = ['t=0 0', ...group, ...profile.sessionLines, ''].join('\r\n')
    const family = isIPv6(address) ? 'IP6' : 'IP4'
    const rest = `IN ${family} ${address}\r\ns=-\r\nc=IN ${family} ${address}\r\n${session}${media.join('')}`
    if (rest !== this.#lastRest) {
      this.#lastRest = rest
      this.#version++
    }
    return `v=0\r\no=- ${this.#sessionId} ${this.#version} ${rest}`
  }
}

function refusal({ type, protocol, payloads, mid }: MediaLine, isNamed: boolean): string {
  const line = `m=${type} 0 ${protocol} ${payloads || '0'}\r\n`
  return isNamed && mid !== null ? `${line}a=mid:${mid}\r\n` : line
}

function audioLines(
  { codecs, source, direction: way, rtcpMux }: AudioTerms,
  port: number,
  profile: Profile,
  mid: string | null,
): string {
  const { payloads, lines } = attributes.of(codecs, codecs, () => attributesOf(codecs, source))
  let text = `m=audio ${port} ${profile.protocol} ${payloads}\r\n`
  if (mid !== null) text += `a=mid:${mid}\r\n`
  text += `${lines}a=${way}\r\n`
  if (rtcpMux) text += 'a=rtcp-mux\r\n'
  for (const line of profile.audioLines) text += `${line}\r\n`
  return text
}

interface Attributes {
  readonly payloads: string
  readonly lines: string
}

const attributes = new OfCodecs<Attributes>()

/** A list of what is kept, not of what is removed: an attribute nobody thought of cannot carry an address through. */
function attributesOf(codecs: readonly Codec[], source: MediaDescription): Attributes {
  const payloads = codecs.map((codec) => codec.payload)
  let lines = ''
  for (const { payload, codec, rate, encoding } of source.rtp) {
    if (!payloads.includes(payload)) continue
    const clock = rate === undefined ? '' : `/${rate}`
    lines += `a=rtpmap:${payload} ${codec}${clock}${encoding === undefined ? '' : `/${encoding}`}\r\n`
  }
  for (const { payload, config } of source.fmtp)
    if (payloads.includes(payload)) lines += `a=fmtp:${payload} ${config}\r\n`
  if (source.ptime !== undefined) lines += `a=ptime:${source.ptime}\r\n`
  if (source.maxptime !== undefined) lines += `a=maxptime:${source.maxptime}\r\n`
  return { payloads: payloads.join(' '), lines }
}
