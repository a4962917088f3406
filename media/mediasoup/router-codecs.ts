import type { Codec } from '../payload-types.ts'
import type { OrtcCodec, RtpParameters } from './mediasoup-api.ts'

type CodecName = Omit<Codec, 'payload'>

/** The codecs that mediasoup has a use for by their own names. */
const KNOWN: readonly CodecName[] = [
  { name: 'opus', hertz: 48_000, channels: 2 },
  { name: 'PCMU', hertz: 8000, channels: 1 },
  { name: 'PCMA', hertz: 8000, channels: 1 },
  { name: 'G722', hertz: 8000, channels: 1 },
]

/**
 * All others travel under names that no phone uses: it decodes nothing, but refuses codecs that it does not know (G.729, GSM), and sends
 * no packet of those it takes for a mere addition (telephone-event, comfort noise).
 */
const DISGUISES: readonly CodecName[] = [
  { name: 'SILK', hertz: 8000, channels: 1 },
  { name: 'SILK', hertz: 16_000, channels: 1 },
  { name: 'SILK', hertz: 12_000, channels: 1 },
  { name: 'SILK', hertz: 24_000, channels: 1 },
  { name: 'ISAC', hertz: 16_000, channels: 1 },
  { name: 'ISAC', hertz: 32_000, channels: 1 },
  { name: 'iLBC', hertz: 8000, channels: 1 },
]

/** Names packets of other payload types inside of its own (RFC 2198), which nobody would renumber. */
const REDUNDANCY = 'red'

/** For codecs that nobody has named yet: dynamic numbers first, then those that RFC 3551 §6 leaves unassigned. */
const SPARE_PAYLOADS = [
  ...Array.from({ length: 32 }, (_, i) => 127 - i),
  ...Array.from({ length: 37 }, (_, i) => 71 - i),
]

interface Slot extends CodecName {
  /** Of packets inside of mediasoup, and of those it sends. */
  readonly payload: number
  /** Null: nobody's yet. */
  carried: string | null
}

/**
 * The codecs of one call in mediasoup, and their payload types there. A router's are fixed when it is made, and what it sends has them;
 * so they are those of the call's first offer, and all others get numbers that are free.
 */
export class RouterCodecs {
  readonly #slots: Slot[] = []

  constructor(first: readonly Codec[]) {
    const disguises = [...DISGUISES]
    for (const codec of first) {
      if (this.#slots.some(({ carried }) => carried === nameOf(codec)) || !isCarried(codec)) continue
      const own = KNOWN.find((one) => nameOf(one) === nameOf(codec)) ?? disguises.shift()
      if (own !== undefined) this.#slots.push({ ...own, payload: codec.payload, carried: nameOf(codec) })
    }
    const spare = SPARE_PAYLOADS.filter((payload) => !first.some((codec) => codec.payload === payload))
    for (const own of KNOWN)
      if (!this.#slots.some(({ carried }) => carried === nameOf(own)))
        this.#slots.push({ ...own, payload: spare.shift()!, carried: nameOf(own) })
    for (const own of disguises) this.#slots.push({ ...own, payload: spare.shift()!, carried: null })
  }

  /** Its payload type inside; null when it cannot be carried. */
  payloadOf(codec: Codec): number | null {
    return this.#slotOf(codec)?.payload ?? null
  }

  forRouter(): OrtcCodec[] {
    return this.#slots.map(toOrtc)
  }

  forConsumer(codecs: readonly Codec[]): OrtcCodec[] {
    return codecs.flatMap((codec) => this.#slotOf(codec) ?? []).map(toOrtc)
  }

  forProducer(codecs: readonly Codec[]): RtpParameters['codecs'] {
    return codecs.flatMap((codec) => {
      const slot = this.#slotOf(codec)
      if (slot === null) return []
      const { mimeType, clockRate, channels } = toOrtc(slot)
      return [{ mimeType, clockRate, channels, payloadType: codec.payload, parameters: {}, rtcpFeedback: [] }]
    })
  }

  #slotOf(codec: Codec): Slot | null {
    const name = nameOf(codec)
    const taken = this.#slots.find(({ carried }) => carried === name)
    if (taken !== undefined || !isCarried(codec)) return taken ?? null
    const free = this.#slots.find(({ carried }) => carried === null)
    if (free !== undefined) free.carried = name
    return free ?? null
  }
}

function isCarried({ name }: CodecName): boolean {
  return name.toLowerCase() !== REDUNDANCY
}

function nameOf({ name, hertz, channels }: CodecName): string {
  return `${name.toLowerCase()}/${hertz}/${channels}`
}

function toOrtc({ name, hertz, channels, payload }: Slot): OrtcCodec {
  return {
    kind: 'audio',
    mimeType: `audio/${name}`,
    clockRate: hertz,
    channels,
    preferredPayloadType: payload,
    parameters: {},
    rtcpFeedback: [],
  }
}
