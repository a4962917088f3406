import { UnacceptableMedia, type Sdp } from '../media-server.ts'
import { isEvents, offeringEvents } from '../key-ways.ts'
import { OWN_OFFER } from '../own-offer.ts'
import { carriesSpeech, isSameCodec, type Codec } from '../payload-types.ts'
import { readDescription, type AudioStream, type Description, type Direction } from '../sdp-reading.ts'
import { termsToAnswer, termsToOffer } from '../sdp.ts'
import { keepPayloads, readSection, withPayload, type AudioSection } from './audio-section.ts'

/** What a party has said of its audio: with key presses (RFC 4733) for the other side where it has none, which it is not told. */
export interface Said {
  readonly text: Sdp
  readonly description: Description
  readonly section: AudioSection
  /** As it was said. */
  readonly audio: AudioStream
}

/** Reads what a party says; `offered`: it answers to this. Throws UnacceptableMedia. */
export function read(text: Sdp, offered: Description | null = null): Said {
  const said = readDescription(text)
  const section = readSection(text, said.audioIndex)
  const { audio } = said
  const isAsked = offered === null || offered.audio.codecs.some(isEvents)
  const withEvents = isAsked ? offeringEvents(audio, offered?.audio ?? null) : audio
  if (withEvents === audio) return { text, description: said, section, audio }
  const { payload } = withEvents.codecs.at(-1)!
  const attributes = [`rtpmap:${payload} telephone-event/8000`, `fmtp:${payload} 0-15`]
  return {
    text,
    description: { ...said, audio: withEvents },
    section: withPayload(section, payload, attributes),
    audio,
  }
}

/** What we write to this party: no key presses that it knows nothing of. */
export function withoutUnsaid(section: AudioSection, { audio, description }: Said): AudioSection {
  if (audio === description.audio) return section
  const { payload } = description.audio.codecs.at(-1)!
  return keepPayloads(
    section,
    section.payloads.filter((one) => one !== payload),
  )
}

/** Our own offer, from nowhere yet: what is sent there is blocked until the caller has said where it is. */
export const OWN_SECTION: AudioSection = {
  protocol: 'RTP/AVP',
  port: 9,
  payloads: OWN_OFFER.audio.codecs.map(({ payload }) => payload),
  connection: 'IN IP4 127.0.0.1',
  attributes: [
    'rtpmap:0 PCMU/8000',
    'rtpmap:8 PCMA/8000',
    'rtpmap:101 telephone-event/8000',
    'fmtp:101 0-15',
    'sendrecv',
  ],
}

/** The answer an earlier target gave the caller, and the codecs that every later target must have: one for speech. */
export interface Told {
  readonly text: Sdp
  readonly description: Description
  readonly codecs: readonly Codec[]
}

export function readTold(text: Sdp): Told {
  const description = readDescription(text)
  const { codecs } = description.audio
  const speech = codecs.find(carriesSpeech)
  return { text, description, codecs: codecs.filter((codec) => codec === speech || !carriesSpeech(codec)) }
}

/** What is left of an offer by the answer that the caller has had already. */
export function asTold(told: Told | null, section: AudioSection): AudioSection {
  if (!told) return section
  // Key presses are each side's own matter.
  const events = section.attributes.flatMap((one) => /^rtpmap:(\d+) telephone-event\/8000\b/i.exec(one)?.[1] ?? [])
  const known = (payload: number): boolean =>
    events.includes(String(payload)) || told.codecs.some((codec) => codec.payload === payload)
  return keepPayloads(section, section.payloads.filter(known))
}

/** A party may send any codec it has answered with (RFC 3264 §6.1): offering the other side just one leaves it no other to choose. */
export function withOneSpeech({ description, section }: Said): AudioSection {
  const { codecs } = description.audio
  const speech = codecs.find(carriesSpeech)
  return keepPayloads(
    section,
    codecs.filter((codec) => codec === speech || !carriesSpeech(codec)).map(({ payload }) => payload),
  )
}

/** Throws UnacceptableMedia when an answer has no codec for speech that was offered. */
export function checkAnswer(offered: Description, answer: Description): void {
  const common = answer.audio.codecs.filter((codec) => offered.audio.codecs.some((one) => isSameCodec(one, codec)))
  if (!common.some(carriesSpeech)) throw noSpeech()
}

export function noSpeech(): UnacceptableMedia {
  return new UnacceptableMedia('the answer has no codec for speech in common with the offer', 305)
}

/** Whether a party, once heard, may be quiet without sending: it has announced comfort noise (RFC 3389), or a codec with its own. */
export function mayPause(said: Said | null): boolean {
  return said === null || said.description.audio.codecs.some(({ name }) => /^(?:cn|g729)$/i.test(name))
}

/** The direction that the other side is offered for this. */
export function toOffer(said: Said): Direction {
  return termsToOffer(said.description.audio, false).direction
}

/** What the offerer is told of its direction; the codecs are rtpengine's business. */
export function toAnswer(offer: Said, answer: Said): Direction {
  const { audio } = offer.description
  return termsToAnswer({ ...audio, codecs: answer.description.audio.codecs }, answer.description.audio).direction
}
