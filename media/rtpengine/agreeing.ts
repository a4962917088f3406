import { oppositeOf, type LegSide } from '../../model/call.ts'
import { keepPayloads, type AudioSection } from './audio-section.ts'
import type { Face } from './face.ts'
import { isOtherWayRound, ordersFor, type CodecPolicy } from './offered-codecs.ts'
import type { Path } from './path.ts'
import { asTold, type Said, type Told } from './said.ts'

/** Whose call it is that rtpengine is told of. */
interface Agreeing {
  readonly path: Path
  readonly faces: Readonly<Record<LegSide, Face>>
  /** What was told the caller once is not widened. */
  readonly told: Told | null
  readonly codecs: CodecPolicy
}

/** rtpengine hears of an offer and its answer → what it has for each side. */
export async function tellEngine(
  { path, faces, told, codecs }: Agreeing,
  asker: LegSide,
  offer: Said,
  answer: Said,
): Promise<Record<LegSide, AudioSection>> {
  const answerer: LegSide = oppositeOf(asker)
  // A browser is to be answered by what was written as an answer: it says who begins DTLS.
  const isTurned = faces[asker].kind !== 'webrtc' && isOtherWayRound(offer, answer)
  const [first, second] = isTurned ? [answerer, asker] : [asker, answerer]
  const [said, then] = isTurned ? [answer, offer] : [offer, answer]
  const { kind } = faces[second]
  const orders = told === null ? ordersFor(said, kind, codecs) : undefined
  const forSecond = await path.offer(first, asTold(told, said.section), kind, orders)
  const forFirst = await path.answer(first, then.section, faces[first].kind)
  const sections = first === 'caller' ? { caller: forFirst, buyer: forSecond } : { caller: forSecond, buyer: forFirst }
  return isTurned ? { ...sections, [asker]: keepPayloads(forSecond, offer.section.payloads) } : sections
}
