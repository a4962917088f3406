import { isIP } from 'node:net'
import { UnacceptableMedia } from '../media-server.ts'
import { jitterClock, type Codec } from '../payload-types.ts'
import { OfCodecs } from '../recurring-codecs.ts'
import { lawToTranslate } from './both-laws.ts'
import type { CodecTerms, LegSecurity, RemoteParty } from './relay-messages.ts'
import { NO_FORMATS, partyFormats } from './party-formats.ts'
import type { AudioStream } from '../sdp-reading.ts'

const texts = new OfCodecs<string>()

/** What a relay thread must know of a party, from its description and, for payload types it may send, the opposite one. */
export function remoteParty(
  stream: AudioStream,
  opposite: AudioStream,
  rtcpMux: boolean,
  security: LegSecurity | null,
): RemoteParty {
  const codecs = texts.of(stream.codecs, opposite.codecs, () =>
    JSON.stringify(codecTerms(stream.codecs, opposite.codecs)),
  )
  return partyOf(stream, codecs, rtcpMux, security)
}

/** The same of a party whose packets the tools have nothing to do with. */
export function remotePartyWithoutTools(
  stream: AudioStream,
  opposite: AudioStream,
  rtcpMux: boolean,
  security: LegSecurity | null,
): RemoteParty {
  const terms = { ...codecTerms(stream.codecs, opposite.codecs), formats: NO_FORMATS }
  return partyOf(stream, JSON.stringify(terms), rtcpMux, security)
}

function partyOf(stream: AudioStream, codecs: string, rtcpMux: boolean, security: LegSecurity | null): RemoteParty {
  const receives = !stream.heldByAddress
  return {
    rtp: { address: knownAddress(stream.address), port: stream.rtpPort, receives },
    rtcp: { address: knownAddress(stream.rtcpAddress), port: stream.rtcpPort, receives },
    rtcpMux,
    codecs,
    security,
  }
}

function codecTerms(own: readonly Codec[], opposite: readonly Codec[]): CodecTerms {
  const clockRates = new Map<number, number>()
  const codecNames = new Map<number, string>()
  for (const codec of [...own, ...opposite]) {
    clockRates.set(codec.payload, jitterClock(codec))
    codecNames.set(codec.payload, codec.name)
  }
  return {
    clockRates: [...clockRates],
    codecNames: [...codecNames],
    translated: lawToTranslate(opposite),
    formats: partyFormats(own, opposite),
  }
}

/** A host name is not looked up in the way of media: such a party is sent to where its packets come from. */
function knownAddress(address: string): string | null {
  return isIP(address) === 0 ? null : address
}

/** Throws UnacceptableMedia when a socket bound to `bind` could never reach this party. */
export function checkReachable(stream: AudioStream, bind: string, requireAddress: boolean): void {
  // Where a browser is, ICE finds out.
  if (stream.heldByAddress || stream.security?.kind === 'dtls') return
  const family = isIP(stream.address)
  if (family === 0) {
    if (requireAddress)
      throw new UnacceptableMedia('the description names a host, and this relay is set to trust IP addresses only')
  } else if (family !== isIP(bind)) {
    throw new UnacceptableMedia(`the audio is to be sent over IPv${family}, and this leg is on IPv${isIP(bind)}`, 301)
  }
}
