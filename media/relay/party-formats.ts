import { dialledAs, eventsWithout, isEvents } from '../key-ways.ts'
import { isSameCodec, type Codec } from '../payload-types.ts'
import type { Law } from './g711.ts'
import type { PartyFormats } from './tool-messages.ts'

/** Of a party that has said nothing yet. */
export const NO_FORMATS: PartyFormats = { g711: [], events: [], speech: null, keys: null, kept: [] }

/** What the tools must know of a party's payload types, from its description's codecs and those of the side opposite. */
export function partyFormats(own: readonly Codec[], opposite: readonly Codec[]): PartyFormats {
  const all = [...own, ...opposite]
  const agreed = own.filter((codec) => opposite.some((other) => isSameCodec(codec, other)))
  // Where they share no law, each hears its own: what passes is translated, what is played is in the party's own.
  const isTranslated = !agreed.some(isSpoken) && opposite.some(isSpoken)
  const speech = (isTranslated ? own : agreed).find(isSpoken)
  return {
    g711: all.flatMap((codec) => {
      const law = lawOf(codec)
      return law === null ? [] : [[codec.payload, law] as const]
    }),
    events: all.filter(isEvents).map(({ payload, hertz }) => [payload, hertz] as const),
    speech: speech ? { payload: speech.payload, law: lawOf(speech)! } : null,
    keys: dialledAs(own, opposite)?.payload ?? null,
    kept: eventsWithout(own, opposite).map(({ payload }) => payload),
  }
}

function lawOf({ name, hertz, channels }: Codec): Law | null {
  if (hertz !== 8000 || channels !== 1) return null
  const lower = name.toLowerCase()
  return lower === 'pcmu' ? 'u' : lower === 'pcma' ? 'a' : null
}

function isSpoken(codec: Codec): boolean {
  return lawOf(codec) !== null
}
