import { UnacceptableMedia, type Sdp } from './media-server.ts'
import { withCodecs } from './own-offer.ts'
import { carriesSpeech, type Codec } from './payload-types.ts'
import { readDescription, type Description } from './sdp-reading.ts'

/**
 * Reads an offer, with its codecs as `policy` wants them (`arrangeCodecs`). Throws UnacceptableMedia, with Warning 305, when the policy
 * leaves none for speech: the caller hears 488 before anybody is rung.
 */
export function readOffer(text: Sdp, policy: readonly string[]): Description {
  return arrange(readDescription(text), policy)
}

/** The description with its codecs as `policy` wants them; throws as `readOffer` does. */
export function arrange(description: Description, policy: readonly string[]): Description {
  if (policy.length === 0) return description
  const codecs = arrangeCodecs(description.audio.codecs, policy)
  if (!codecs.some(carriesSpeech)) {
    const offered = description.audio.codecs.map(({ name }) => name).join(', ')
    throw new UnacceptableMedia(`none of the codecs offered (${offered}) is one of ours: ${policy.join(', ')}`, 305)
  }
  const kept = withCodecs(description, (codec) => codecs.includes(codec))
  return { ...kept, audio: { ...kept.audio, codecs } }
}

/** Codecs for speech in the order of `policy`, those it does not name left out; then the others, as they were. */
export function arrangeCodecs(codecs: readonly Codec[], policy: readonly string[]): Codec[] {
  const rank = new Map(policy.map((name, index) => [name.toLowerCase(), index]))
  const rankOf = (codec: Codec): number | undefined => rank.get(codec.name.toLowerCase())
  const speech = codecs.filter((codec) => carriesSpeech(codec) && rankOf(codec) !== undefined)
  return [...speech.toSorted((a, b) => rankOf(a)! - rankOf(b)!), ...codecs.filter((codec) => !carriesSpeech(codec))]
}

/**
 * Key presses and comfort noise run on the clock of the speech they stand in for (RFC 4733 §2.1, RFC 3389 §4): a format of a clock that
 * no codec for speech has goes, unless none of its kind is left then (many phones have Opus and `telephone-event/8000` alone).
 */
export function withMatchingClocks(codecs: readonly Codec[]): Codec[] {
  const clocks = new Set(codecs.filter(carriesSpeech).map(({ hertz }) => hertz))
  const matches = (codec: Codec): boolean => clocks.has(codec.hertz)
  const isSameKind = (a: Codec, b: Codec): boolean => a.name.toLowerCase() === b.name.toLowerCase()
  return codecs.filter(
    (codec) => carriesSpeech(codec) || matches(codec) || !codecs.some((one) => isSameKind(one, codec) && matches(one)),
  )
}
