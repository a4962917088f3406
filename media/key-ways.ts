import type { LegSide } from '../model/call.ts'
import type { KeyWay } from './audio-tools.ts'
import { carriesSpeech, isSameCodec, type Codec } from './payload-types.ts'
import type { AudioStream } from './sdp-reading.ts'
import { directionToOffer, type AudioTerms } from './sdp.ts'

/** The clock of the key presses that are dialled, Hz: that of G.711 and most other speech. */
const HERTZ = 8000
/** The number that most phones know key presses by, and the first and last of those that are free for anything (RFC 3551 §6). */
const USUAL = 101
const DYNAMIC = { from: 96, to: 127 } as const

/** What the keys of one side come to, from what both have said. */
export interface SideKeys {
  /** How it is told of those the other presses. */
  readonly way: KeyWay
  /** It may press them in its audio. */
  readonly presses: boolean
  /** It presses them in a way that the other has not agreed to: they are kept from it. */
  readonly isKept: boolean
}

/** What an engine that passes packets on makes of both sides' key presses (RFC 4733). */
export function sideKeys(caller: AudioStream, buyer: AudioStream): Record<LegSide, SideKeys> {
  return { caller: keysOf(caller, buyer), buyer: keysOf(buyer, caller) }
}

/** What an engine makes of them that hears one side's events and makes the other's. */
export function sideKeysBetween(caller: AudioStream, buyer: AudioStream): Record<LegSide, SideKeys> {
  const of = (own: AudioStream, other: AudioStream): SideKeys => ({
    way: own.codecs.some(isEvents) && receives(own) ? 'passed' : 'none',
    presses: own.codecs.some(isEvents),
    isKept: own.codecs.some(isEvents) && !other.codecs.some(isEvents),
  })
  return { caller: of(caller, buyer), buyer: of(buyer, caller) }
}

function receives(stream: AudioStream): boolean {
  const direction = directionToOffer(stream)
  return direction === 'sendrecv' || direction === 'recvonly'
}

function keysOf(own: AudioStream, other: AudioStream): SideKeys {
  const isKept = eventsWithout(own.codecs, other.codecs).length > 0
  const presses = own.codecs.some(isEvents)
  if (!receives(own) || dialledAs(own.codecs, other.codecs) === null) return { way: 'none', presses, isKept }
  const isPassed = own.codecs.some((codec) => isEvents(codec) && other.codecs.some((one) => isSameCodec(one, codec)))
  return { way: isPassed ? 'passed' : 'sent', presses, isKept }
}

/** What keys are dialled to this party as: events both have agreed to where there are any, else its own; null: it has none. */
export function dialledAs(own: readonly Codec[], other: readonly Codec[]): Codec | null {
  const events = own.filter((codec) => isEvents(codec) && codec.hertz === HERTZ)
  return events.find((codec) => other.some((one) => isSameCodec(one, codec))) ?? events[0] ?? null
}

/** A party's events of which the other knows nothing. None where it knows others of them: a phone presses by those. */
export function eventsWithout(own: readonly Codec[], other: readonly Codec[]): Codec[] {
  const events = own.filter(isEvents)
  return events.some((codec) => other.some((one) => isSameCodec(one, codec))) ? [] : events
}

export function isEvents({ name }: Codec): boolean {
  return name.toLowerCase() === 'telephone-event'
}

/**
 * One party's offer, with key presses for the other where it has none: they are each side's own matter, and what one tells by SIP INFO
 * the other may hear as events. `known`: what this other party has said before, whose number they keep.
 */
export function offeringEvents(stream: AudioStream, known: AudioStream | null): AudioStream {
  if (stream.codecs.some(isEvents) || !speaksAt(stream.codecs)) return stream
  const before = known?.codecs.find((codec) => isEvents(codec) && codec.hertz === HERTZ)?.payload
  const payload = freeNumber(stream, before)
  if (payload === null) return stream
  const codec = { payload, name: 'telephone-event', hertz: HERTZ, channels: 1 }
  const { rtp, fmtp } = stream.source
  return {
    ...stream,
    codecs: [...stream.codecs, codec],
    source: {
      ...stream.source,
      rtp: [...rtp.filter((one) => one.payload !== payload), { payload, codec: codec.name, rate: HERTZ }],
      fmtp: [...fmtp.filter((one) => one.payload !== payload), { payload, config: '0-15' }],
    },
  }
}

/** The answer for one who has offered key presses of which the other side knows nothing: they are answered to, and kept from that side. */
export function answeringEvents(offer: AudioStream, terms: AudioTerms): AudioTerms {
  const events = offer.codecs.find((codec) => isEvents(codec) && codec.hertz === HERTZ)
  if (events === undefined || terms.codecs.some(isEvents) || !speaksAt(terms.codecs)) return terms
  const { payload } = events
  const of = <T extends { readonly payload: number }>(ours: readonly T[], theirs: readonly T[]): T[] => [
    ...theirs.filter((one) => one.payload !== payload),
    ...ours.filter((one) => one.payload === payload),
  ]
  const source = {
    ...terms.source,
    rtp: of(offer.source.rtp, terms.source.rtp),
    fmtp: of(offer.source.fmtp, terms.source.fmtp),
  }
  return { ...terms, codecs: [...terms.codecs, events], source }
}

function speaksAt(codecs: readonly Codec[]): boolean {
  return codecs.some((codec) => carriesSpeech(codec) && codec.hertz === HERTZ)
}

/** The number it had before, or one that stands for nothing here. */
function freeNumber({ codecs, source }: AudioStream, before: number | undefined): number | null {
  const used = new Set(codecs.map(({ payload }) => payload))
  if (before !== undefined && !used.has(before)) return before
  const said = new Set(source.rtp.map(({ payload }) => payload))
  const isFree = (payload: number): boolean => !used.has(payload) && !said.has(payload)
  if (isFree(USUAL)) return USUAL
  for (let payload: number = DYNAMIC.from; payload <= DYNAMIC.to; payload++) if (isFree(payload)) return payload
  return null
}
