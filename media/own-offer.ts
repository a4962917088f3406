import { carriesSpeech } from './payload-types.ts'
import { readDescription, type Description } from './sdp-reading.ts'

/** What we offer a target when the caller has offered nothing yet: G.711, which every phone has, and key presses (RFC 4733). */
export const OWN_OFFER: Description = readDescription(
  [
    'v=0',
    'o=- 0 0 IN IP4 127.0.0.1',
    's=-',
    'c=IN IP4 127.0.0.1',
    't=0 0',
    'm=audio 9 RTP/AVP 0 8 101',
    'a=rtpmap:0 PCMU/8000',
    'a=rtpmap:8 PCMA/8000',
    'a=rtpmap:101 telephone-event/8000',
    'a=fmtp:101 0-15',
    '',
  ].join('\r\n'),
)

/**
 * The description with its first codec for speech only. A party may send any codec it has answered with (RFC 3264 §6.1), and packets
 * pass untouched: offering the other side just one leaves it no other to choose.
 */
export function withOneSpeechCodec(description: Description): Description {
  const { audio } = description
  const speech = audio.codecs.find(carriesSpeech)
  return withCodecs(description, (codec) => codec === speech || !carriesSpeech(codec))
}

/** The description with those of its codecs that pass. */
export function withCodecs(
  description: Description,
  passes: (codec: Description['audio']['codecs'][number]) => boolean,
): Description {
  const { audio } = description
  return { ...description, audio: { ...audio, codecs: audio.codecs.filter(passes) } }
}
