import { UnacceptableMedia, type Sdp } from '../media-server.ts'

/**
 * The descriptions that one dialog of ours hears of the other end. All but o= and s= pass as they are; o= is one session's through the
 * whole dialog, whoever is behind it, and its version grows by one with each change and only then (RFC 3264 §8, RFC 8866 §5.2).
 */
export class PassedDescription {
  readonly #sessionId: number
  #version = 0
  /** `IN IP4 192.0.2.1`, as the first one said it. */
  #place: string | null = null
  /** All that follows the version in the last description. */
  #lastRest = ''

  /** `sessionId` names the session in o=, a random number. */
  constructor(sessionId: number) {
    this.#sessionId = sessionId
  }

  /** Throws UnacceptableMedia when there is no o= line. */
  write(description: Sdp): Sdp {
    const origin = ORIGIN.exec(description)
    if (origin === null) throw new UnacceptableMedia('the session description has no o= line')
    this.#place ??= origin[1]!
    const rest = description.slice(origin.index + origin[0].length).replace(NAME, 's=-')
    if (rest !== this.#lastRest) {
      this.#lastRest = rest
      this.#version++
    }
    return `v=0\r\no=- ${this.#sessionId} ${this.#version} ${this.#place}${rest}`
  }
}

/** `o=<username> <sess-id> <sess-version> <nettype> <addrtype> <unicast-address>` (RFC 8866 §5.2), up to the end of its line. */
const ORIGIN = /^o=\S+ \S+ \S+ (IN IP[46] \S+)[ \t]*(?=\r?$)/m
const NAME = /^s=.*?(?=\r?$)/m
