import { parse, type MediaDescription, type SessionDescription } from 'sdp-transform'
import { isPort, readPlace, type AudioPlace } from './audio-place.ts'
import { UnacceptableMedia, type Sdp } from './media-server.ts'
import { findStaticCodec, type Codec } from './payload-types.ts'
import { RecurringDescriptions } from './recurring-descriptions.ts'
import { readSecurity, textOf, type StreamSecurity } from './sdp-security.ts'

/** A longer description is refused unread. */
export const SDP_LIMIT_BYTES = 65_536
/** More lines than any phone or browser sends: each is held against all that there could be, which takes some 10 µs. */
export const SDP_LINES_LIMIT = 1_000
/** A longer line is no phone's or browser's; the time that some take to read grows with their square. */
export const SDP_LINE_LIMIT = 4_096
/** More m= lines than any phone or browser sends. */
export const SDP_MEDIA_LIMIT = 32

const CR = 13
const LF = 10

export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive'

/** An m= line as it must be kept in its place (RFC 3264 §6), whatever becomes of it. */
export interface MediaLine {
  readonly type: string
  readonly protocol: string
  readonly payloads: string
  /** Its name in a bundle (a=mid, RFC 5888), if it has one. */
  readonly mid: string | null
}

/** The one audio stream of a description that a call is made of. */
export interface AudioStream extends AudioPlace {
  /** In order of preference. */
  readonly codecs: readonly Codec[]
  /** a=rtpmap, a=fmtp, a=ptime and the like as they were read; their values for kept payloads are passed on. */
  readonly source: MediaDescription
  readonly direction: Direction
  readonly rtcpMux: boolean
  readonly protocol: string
  readonly security: StreamSecurity
}

const recurring = new RecurringDescriptions<Description>()

/** A description, read: its lines in order and the audio line that will be used. */
export interface Description {
  readonly lines: readonly MediaLine[]
  readonly audioIndex: number
  readonly audio: AudioStream
  /** The audio is in a BUNDLE group (RFC 9143). */
  readonly isBundled: boolean
}

/**
 * Reads an offer or answer (RFC 8866) and chooses its first audio stream that is secured in a way we know, else its first plain one.
 * Throws UnacceptableMedia, with a sentence for the Warning header and the trace, when there is none or the text is unreadable.
 */
export function readDescription(text: Sdp): Description {
  if (Buffer.byteLength(text) > SDP_LIMIT_BYTES) {
    throw new UnacceptableMedia(`the session description is longer than ${SDP_LIMIT_BYTES} bytes`)
  }
  if (text.includes('\0')) throw unreadable('it contains a null byte')
  checkLines(text)
  return recurring.read(text, readWhole)
}

function readWhole(text: Sdp): Description {
  const session = parse(text)
  if (session.version !== 0) throw unreadable('it does not begin with v=0')
  if (session.media.length > SDP_MEDIA_LIMIT) throw unreadable(`it has more than ${SDP_MEDIA_LIMIT} m= lines`)
  if (session.media.some((media) => typeof media.type !== 'string'))
    throw unreadable('one of its m= lines is malformed')
  const { media, security } = chooseAudio(session)
  const audioIndex = session.media.indexOf(media)
  const { mid } = readLine(media)
  const isBundled =
    mid !== null &&
    (session.groups ?? []).some(({ type, mids }) => type === 'BUNDLE' && textOf(mids).split(' ').includes(mid))
  return { lines: session.media.map(readLine), audioIndex, audio: readAudio(session, media, security), isBundled }
}

function checkLines(text: Sdp): void {
  let lines = 0
  let start = 0
  // What ends a line in the parser: CR, LF, or both.
  for (let at = 0; at <= text.length; at++) {
    const code = text.charCodeAt(at)
    if (code !== CR && code !== LF && at < text.length) continue
    if (at - start > SDP_LINE_LIMIT) throw unreadable(`one of its lines is longer than ${SDP_LINE_LIMIT} characters`)
    if (at > start && ++lines > SDP_LINES_LIMIT) throw unreadable(`it has more than ${SDP_LINES_LIMIT} lines`)
    start = at + 1
  }
}

function unreadable(why: string): UnacceptableMedia {
  return new UnacceptableMedia(`the session description is unreadable: ${why}`)
}

function readLine(media: MediaDescription): MediaLine {
  const mid = media.mid === undefined ? null : textOf(media.mid)
  return { type: media.type, protocol: textOf(media.protocol), payloads: textOf(media.payloads), mid }
}

interface ChosenAudio {
  readonly media: MediaDescription
  readonly security: StreamSecurity
}

function chooseAudio(session: SessionDescription): ChosenAudio {
  const audio = session.media.filter((line) => line.type === 'audio')
  if (audio.length === 0) throw new UnacceptableMedia('the session description has no audio', 304)
  const open = audio.filter((line) => line.port !== 0)
  if (open.length === 0) throw new UnacceptableMedia('the audio stream is refused (port 0)', 304)
  let plain: ChosenAudio | null = null
  const reasons: string[] = []
  for (const media of open) {
    const read = readSecurity(session, media)
    if (typeof read === 'string') reasons.push(read)
    else if (read.security !== null) return { media, security: read.security }
    else plain ??= { media, security: null }
  }
  if (plain) return plain
  throw new UnacceptableMedia(`the audio cannot be carried as it is offered: ${reasons.join('; ')}`, 302)
}

function readAudio(session: SessionDescription, media: MediaDescription, security: StreamSecurity): AudioStream {
  const connection = media.connection ?? session.connection
  if (connection === undefined) throw unreadable('its audio has no c= line')
  if (!isPort(media.port)) throw unreadable('the port of its audio is not a port')
  return {
    codecs: readCodecs(media),
    // As it was read: of what it says of places nothing is used.
    source: media,
    direction: media.direction ?? session.direction ?? 'sendrecv',
    ...readPlace(connection.ip, media.port, media.rtcp, security?.kind === 'dtls'),
    rtcpMux: media.rtcpMux !== undefined,
    protocol: textOf(media.protocol).toUpperCase(),
    security,
  }
}

function readCodecs(media: MediaDescription): Codec[] {
  const codecs: Codec[] = []
  for (const token of textOf(media.payloads).split(/\s+/)) {
    const payload = Number(token)
    if (!/^\d{1,3}$/.test(token) || payload > 127)
      throw unreadable('its audio lists something that is not a payload type')
    const codec = readRtpmap(media, payload) ?? findStaticCodec(payload)
    // A dynamic number without a=rtpmap names nothing: nobody could play it.
    if (codec !== null && !codecs.some((known) => known.payload === payload)) codecs.push(codec)
  }
  return codecs
}

function readRtpmap(media: MediaDescription, payload: number): Codec | null {
  const map = media.rtp.find((rtp) => rtp.payload === payload)
  if (map === undefined) return null
  const hertz = map.rate ?? findStaticCodec(payload)?.hertz ?? 8000
  const channels = map.encoding ?? 1
  if (!(hertz > 0 && hertz <= 1_000_000) || !(channels > 0 && channels < 256)) return null
  return { payload, name: textOf(map.codec), hertz, channels }
}
