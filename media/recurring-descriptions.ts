import type { MediaDescription } from 'sdp-transform'
import { isPort, readPlace, type AudioPlace } from './audio-place.ts'
import type { Sdp } from './media-server.ts'
import type { Codec } from './payload-types.ts'
import { recurs } from './recurring-codecs.ts'
import type { StreamSecurity } from './sdp-security.ts'

/** What must be known of a description here; it may be more. */
interface OfPlace {
  readonly audio: AudioPlace & {
    readonly codecs: readonly Codec[]
    readonly source: MediaDescription
    readonly security: StreamSecurity
  }
}

/** Descriptions remembered, those of before and those since: carriers and phones say the same few, but for where they are. */
export const RECURRING_LIMIT = 500
/** A longer one is a browser's, and another every time. */
const MOST_CHARACTERS = 2_000

/**
 * One session-level address and one audio line, of plain lines: what is caught is the address, the session's attributes, the port, and
 * all that follows it. Who made it, its name and its times are not read; whatever else a description has makes it none of these.
 */
const PLAIN =
  /^v=0\r\no=[^\r\n]*\r\ns=[^\r\n]*\r\n(?:[iuep]=[^\r\n]*\r\n)*c=IN IP4 ([\d.]+)\r\n(?:b=[^\r\n]*\r\n)*t=[^\r\n]*\r\n((?:a=[^\r\n]*\r\n)*)m=audio (\d{1,5})( [^\r\n]*\r\n(?:[ab]=[^\r\n]*\r\n)*)$/

/**
 * Reads descriptions that differ from a former one in nothing but who makes them and where they are as that one was read: a twentieth of
 * the main thread's work under load was to read the same codecs again, and to work out what follows from them (OfCodecs).
 */
export class RecurringDescriptions<Description extends OfPlace> {
  #young = new Map<string, Description>()
  #old = new Map<string, Description>()

  /** As `readAnew` reads it, and throws. */
  read(text: Sdp, readAnew: (text: Sdp) => Description): Description {
    const [, ip, attributes, digits, rest] = (text.length <= MOST_CHARACTERS && PLAIN.exec(text)) || []
    const port = Number(digits)
    if (ip === undefined || !isPort(port) || String(port) !== digits) return readAnew(text)
    const key = `${attributes}${rest}`
    const known = this.#young.get(key) ?? this.#old.get(key)
    if (known === undefined) return this.#learn(key, readAnew(text))
    return { ...known, audio: { ...known.audio, ...readPlace(ip, port, undefined, false) } }
  }

  /** Keys are not kept, nor what tells of another place: that is never the same twice. */
  #learn(key: string, description: Description): Description {
    const { security, source, codecs } = description.audio
    // In the plain profile keys of a suite that we have not are left alone: they are keys all the same.
    if (security !== null || source.crypto !== undefined) return description
    if (source.rtcp !== undefined || source.candidates !== undefined) return description
    if (this.#young.size >= RECURRING_LIMIT) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(key, description)
    recurs(codecs)
    return description
  }
}
