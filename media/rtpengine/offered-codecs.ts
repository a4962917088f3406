import { arrangeCodecs } from '../codec-policy.ts'
import { UnacceptableMedia } from '../media-server.ts'
import { carriesSpeech, findStaticCodec, isSameCodec, type Codec } from '../payload-types.ts'
import { keepPayloads, withPayloadsOf, type AudioSection, type FaceKind } from './audio-section.ts'
import type { Said } from './said.ts'

/** What Debian's rtpengine can turn into G.711, and back. */
const TRANSCODABLE = /^(?:pcmu|pcma|g722|opus|gsm|speex)$/i

/** What a party can always be asked to speak instead: every phone has G.711, every browser Opus, too (RFC 7874). */
const ADDED: Record<FaceKind, readonly string[]> = {
  plain: ['PCMU', 'PCMA'],
  sdes: ['PCMU', 'PCMA'],
  webrtc: ['PCMU', 'PCMA', 'opus'],
}

/** What rtpengine is told of an offer's codecs: which the other side does not see, and which it sees besides. */
export interface CodecOrders {
  readonly mask: readonly string[]
  readonly transcode: readonly string[]
}

/** Names of codecs for speech that may be offered, in order of preference; none: whatever the offerer has, in its order. */
export type CodecPolicy = readonly string[]

function isOurs(name: string, policy: CodecPolicy): boolean {
  return policy.length === 0 || policy.some((one) => one.toLowerCase() === name.toLowerCase())
}

/** Whether rtpengine can turn one of its codecs into others. */
export function isTranscodable({ description }: Said): boolean {
  return description.audio.codecs.some(({ name }) => TRANSCODABLE.test(name))
}

/**
 * Throws UnacceptableMedia, with Warning 305, when the policy leaves none of an offer's codecs for speech, and rtpengine cannot put one that
 * it wants in their place.
 */
export function checkPolicy(said: Said, policy: CodecPolicy): void {
  const { codecs } = said.description.audio
  if (policy.length === 0 || arrangeCodecs(codecs, policy).some(carriesSpeech)) return
  if (isTranscodable(said) && ADDED.plain.some((name) => isOurs(name, policy))) return
  const offered = codecs.map(({ name }) => name).join(', ')
  throw new UnacceptableMedia(`none of the codecs offered (${offered}) is one of ours: ${policy.join(', ')}`, 305)
}

/** For an offer to a party of this kind; null is our own, in G.711. Undefined: it sees what was offered, and nothing else. */
export function ordersFor(said: Said | null, kind: FaceKind, policy: CodecPolicy): CodecOrders | undefined {
  if (said !== null && !isTranscodable(said)) return undefined
  const speech = said?.description.audio.codecs.filter(carriesSpeech) ?? []
  return {
    mask: speech.map(({ name }) => name).filter((name) => !isOurs(name, policy)),
    transcode: ADDED[kind].filter((name) => isOurs(name, policy)),
  }
}

/** An offer with its codecs as the policy wants them: those it does not name left out, the others in its order. */
export function asPolicyWants(section: AudioSection, policy: CodecPolicy): AudioSection {
  if (policy.length === 0) return section
  const ranks = policy.map((name) => name.toLowerCase())
  const rank = (payload: number): number => {
    const codec = codecOf(section, payload)
    return codec !== null && carriesSpeech(codec) ? ranks.indexOf(codec.name.toLowerCase()) : ranks.length
  }
  const payloads = section.payloads.filter((payload) => rank(payload) >= 0).toSorted((a, b) => rank(a) - rank(b))
  return { ...keepPayloads(section, payloads), payloads }
}

/**
 * What a party is offered for a re-INVITE of the other side's: its codecs, and those the party has agreed to already, which rtpengine goes
 * on turning into them.
 */
export function reoffered(said: Said, agreed: AudioSection | null, policy: CodecPolicy): AudioSection {
  const visible = asPolicyWants(said.section, policy)
  return agreed !== null && isTranscodable(said) ? withPayloadsOf(visible, agreed) : visible
}

/**
 * Whether rtpengine is to hear of an offer and its answer the other way round: where they have no codec in common, and the answer's is
 * one that it would give a number of its own, so that G.711, whose numbers are fixed, is what it is told to add.
 */
export function isOtherWayRound(offer: Said, answer: Said): boolean {
  const [offered, answered] = [offer, answer].map(({ description }) => description.audio.codecs.filter(carriesSpeech))
  if (answered!.some((codec) => offered!.some((one) => isSameCodec(one, codec)))) return false
  return !answered!.some(({ name }) => ADDED.plain.includes(name.toUpperCase()))
}

function codecOf({ attributes }: AudioSection, payload: number): Codec | null {
  const line = attributes.find((one) => one.startsWith(`rtpmap:${payload} `))
  if (line === undefined) return findStaticCodec(payload)
  const [name = '', hertz, channels = 1] = line.split(' ')[1]!.split('/')
  return { payload, name, hertz: Number(hertz), channels: Number(channels) }
}
