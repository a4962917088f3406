import type { MediaStats } from '../../model/cdr.ts'
import type { OfferedSecurity, Sdp } from '../media-server.ts'
import type { Codec } from '../payload-types.ts'
import type { AudioStream, Description } from '../sdp-reading.ts'
import type { AudioTerms } from '../sdp.ts'
import type { StreamEnd } from './stream-end.ts'

/** One party's side of a call in mediasoup, and our side of the dialog with it. */
export interface Leg {
  readonly end: StreamEnd
  /** RTCP shares its port: agreed for the last description. */
  readonly mux: boolean
  /** The party hears the payload types that packets have inside of mediasoup; nobody translates them for it. */
  readonly hearsInside: boolean
  onSilent: () => void
  onFailed: (reason: string) => void
  /** A description of ours: an offer. */
  offer(terms: AudioTerms): Sdp
  /** The answer to an offer of the party's, after `settle` with it. */
  answer(offer: Description, terms: AudioTerms): Sdp
  /** Throws UnacceptableMedia when this leg could never reach the party, or secure its audio as it asks. Changes nothing. */
  check(stream: AudioStream): void
  /** The party's description holds from now on. Throws UnacceptableMedia as `check`, and when an answer is none to our offer. */
  settle(stream: AudioStream, isAnswer: boolean): Promise<void>
  /** Listens to the party, as settled; `opposite` is what the other party says. */
  attend(opposite: AudioStream, codecs: readonly Codec[], watch: boolean): Promise<void>
  /** Whether silence is a timeout. */
  watch(on: boolean): void
  stats(): Promise<MediaStats>
  close(): Promise<MediaStats>
}

/** How a target is offered its audio before it has spoken. */
export type LegWish = Exclude<OfferedSecurity, 'webrtc'>
