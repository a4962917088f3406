import { answeringEvents, offeringEvents } from '../key-ways.ts'
import { OfCodecs, recurs } from '../recurring-codecs.ts'
import { answerDirection, directionToOffer, type AudioTerms } from '../sdp.ts'
import type { AudioStream } from '../sdp-reading.ts'
import { answerInItsLaw, offerInBothLaws } from './both-laws.ts'

/** What of terms follows from codecs and their attributes alone. */
type Formats = Pick<AudioTerms, 'codecs' | 'source'>

/** What one party is told of the other's codecs, worked out once for those that come again and again. */
export class FormatTerms {
  readonly #policy: readonly string[]
  readonly #offered = new OfCodecs<Formats>(({ codecs }) => recurs(codecs))
  readonly #answered = new OfCodecs<Formats>(({ codecs }) => recurs(codecs))

  /** `policy`: codecs for speech that may be offered, best first; none: any, as they are offered. */
  constructor(policy: readonly string[]) {
    this.#policy = policy
  }

  /** To offer a party what the other one said; `known`: what this party has said before. Throws UnacceptableMedia as `termsToOffer` does. */
  toOffer(stream: AudioStream, rtcpMux: boolean, known: AudioStream | null): AudioTerms {
    if (known !== null) return offerInBothLaws(offeringEvents(stream, known), rtcpMux, this.#policy)
    const { codecs, source } = this.#offered.of(stream.codecs, stream.codecs, () =>
      offerInBothLaws(offeringEvents(stream, null), rtcpMux, this.#policy),
    )
    return { codecs, source, direction: directionToOffer(stream), rtcpMux }
  }

  /** To answer the party that offered. Throws UnacceptableMedia as `termsToAnswer` does. */
  toAnswer(offer: AudioStream, answer: AudioStream): AudioTerms {
    const { codecs, source } = this.#answered.of(offer.codecs, answer.codecs, () =>
      answeringEvents(offer, answerInItsLaw(offer, answer, this.#policy)),
    )
    return { codecs, source, direction: answerDirection(offer, answer), rtcpMux: offer.rtcpMux }
  }
}
