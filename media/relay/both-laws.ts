import { arrangeCodecs } from '../codec-policy.ts'
import { carriesSpeech, findStaticCodec, isSameCodec, type Codec } from '../payload-types.ts'
import type { AudioStream } from '../sdp-reading.ts'
import { termsToAnswer, termsToOffer, type AudioTerms } from '../sdp.ts'
import { TRANSCODE, type Law } from './g711.ts'
import { rtpPayloadEnd, rtpPayloadStart } from './rtp-packet.ts'

/** G.711 under its own numbers (RFC 3551 §6): the two codecs that the relay puts in one another's place. */
const CODEC: Readonly<Record<Law, Codec>> = { u: findStaticCodec(0)!, a: findStaticCodec(8)! }

/** What to offer one party of what the other has said: beside a law of G.711 also the other one, which we translate; last, for it costs. */
export function offerInBothLaws(stream: AudioStream, rtcpMux: boolean, policy: readonly string[]): AudioTerms {
  const added = addedLaw(stream.codecs, policy)
  return termsToOffer(added === null ? stream : withCodec(stream, CODEC[added]), rtcpMux)
}

/** What to answer the offerer: the law that we added is told it as the one it has. Throws UnacceptableMedia as `termsToAnswer` does. */
export function answerInItsLaw(offer: AudioStream, answer: AudioStream, policy: readonly string[]): AudioTerms {
  const added = addedLaw(offer.codecs, policy)
  if (added === null || !has(answer.codecs, CODEC[added])) return termsToAnswer(offer, answer)
  const own = CODEC[other(added)]
  return termsToAnswer(offer, has(answer.codecs, own) ? answer : withCodec(answer, own))
}

/** Which law of this party's packets must be translated: one that the other party has not, while it has the other. Null: none. */
export function lawToTranslate(opposite: readonly Codec[]): Law | null {
  if (has(opposite, CODEC.u) === has(opposite, CODEC.a)) return null
  return has(opposite, CODEC.u) ? 'a' : 'u'
}

/** The same codec, or one that we would put in its place. */
export function isInterchangeable(a: Codec, b: Codec): boolean {
  return isSameCodec(a, b) || (isG711(a) && isG711(b))
}

/** The payload type of packets in this law. */
export function payloadOf(law: Law): number {
  return CODEC[law].payload
}

/** Puts a packet of this law into the other one, where it lies. A byte is a sample in both, so nothing else of it changes. */
export function translate(packet: Uint8Array, law: Law): void {
  const table = TRANSCODE[law]
  const end = rtpPayloadEnd(packet)
  for (let i = rtpPayloadStart(packet); i < end; i++) packet[i] = table[packet[i]!]!
  packet[1] = (packet[1]! & 0x80) | CODEC[other(law)].payload
}

/** None for redundancy (RFC 2198): packets within packets would have to be translated. */
function addedLaw(codecs: readonly Codec[], policy: readonly string[]): Law | null {
  const missing = lawToTranslate(codecs)
  if (missing === null || codecs.some(({ name }) => name.toLowerCase() === 'red')) return null
  const { payload } = CODEC[missing]
  const isOurs = policy.length === 0 || arrangeCodecs([CODEC[missing]], policy).length > 0
  return isOurs && !codecs.some((codec) => codec.payload === payload) ? missing : null
}

function withCodec(stream: AudioStream, codec: Codec): AudioStream {
  const { source } = stream
  const codecs = stream.codecs.toSpliced(stream.codecs.findLastIndex(carriesSpeech) + 1, 0, codec)
  const map = { payload: codec.payload, codec: codec.name, rate: codec.hertz }
  return {
    ...stream,
    codecs,
    source: { ...source, rtp: [...source.rtp.filter(({ payload }) => payload !== codec.payload), map] },
  }
}

function other(law: Law): Law {
  return law === 'u' ? 'a' : 'u'
}

function has(codecs: readonly Codec[], codec: Codec): boolean {
  return codecs.some((one) => isSameCodec(one, codec))
}

function isG711(codec: Codec): boolean {
  return isSameCodec(codec, CODEC.u) || isSameCodec(codec, CODEC.a)
}
