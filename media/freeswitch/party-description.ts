import { systemRandom } from '../../model/random.ts'
import { UnacceptableMedia, type Sdp } from '../media-server.ts'
import { DescriptionWriter } from '../sdp.ts'
import type { Description } from '../sdp-reading.ts'
import { expands } from './event-socket-text.ts'

/** 48 bits: unguessable enough, and exact in every SDP library that reads numbers as doubles. */
export function newDescriptionWriter(): DescriptionWriter {
  return new DescriptionWriter(Buffer.from(systemRandom.bytes(6)).readUIntBE(0, 6))
}

/**
 * A party's description as FreeSWITCH is told of it: its one audio stream, without what else the party wrote. FreeSWITCH keeps it in
 * channel variables, so that one with an expansion in it is refused.
 */
export class PartyDescription {
  readonly #writer = newDescriptionWriter()

  /** The same text as long as the party says the same. Throws UnacceptableMedia. */
  write({ audio }: Description): Sdp {
    const { codecs, source, direction, address, rtpPort, rtcpMux } = audio
    const text = this.#writer.write({ codecs, source, direction, rtcpMux }, address, rtpPort)
    if (expands(text)) throw new UnacceptableMedia('the session description contains a variable of the media server')
    return text
  }
}
