import { buyerAudio, isRecorded, type AcceptKey, type BuyerAudio } from '../../model/call-audio.ts'
import type { Prompt } from '../../media/audio-tools.ts'
import type { Award } from '../../model/auction.ts'
import type { LegSide } from '../../model/call.ts'
import type { Call } from '../live-call.ts'
import type { ExchangeParts } from '../parts.ts'
import { lawfulRecording, type LawfulRecording } from './recording-notice.ts'

/** What a call that has been answered does with its audio. */
export interface CallAudio {
  readonly whisper: string | null
  readonly accept: AcceptKey | null
  /** Whether it is recorded, what both sides hear before it is, and what the law has to do with it; null: it was not asked. */
  readonly isRecorded: boolean
  readonly notice: Prompt | null
  readonly lawful: LawfulRecording | null
  /** What each side hears while the other has put it on hold. */
  readonly holdMusic: Readonly<Record<LegSide, string | null>>
}

type Book = Pick<ExchangeParts, 'directory' | 'policies' | 'places'>

/** What the number, the campaign and the target say together; null when none of them says anything, and nothing is recorded. */
export function audioOf(call: Call, award: Award, parts: Book): CallAudio | null {
  const number = call.facts?.number?.audio ?? null
  const buyer = buyerAudioOf(award, parts)
  if (number === null && buyer === null && !parts.policies.recordsCalls) return null
  const recorded = isRecorded(number?.record ?? 'inherit', buyer?.record ?? 'inherit', parts.policies.recordsCalls)
  const sellers = number?.holdMusic ?? null
  const announcement = recorded ? (number?.announcement ?? null) : null
  const lawful = recorded ? lawfulRecording(call, award, announcement, parts) : null
  const own = announcement === null ? null : ({ kind: 'file', name: announcement } as const)
  return {
    whisper: buyer?.whisper ?? null,
    accept: buyer?.accept ?? null,
    isRecorded: recorded && lawful?.isRecorded !== false,
    notice: lawful ? lawful.notice : own,
    lawful,
    // The agent who puts a caller on hold is the buyer's: what the caller hears is the buyer's first.
    holdMusic: { caller: buyer?.holdMusic ?? sellers, buyer: sellers },
  }
}

/** What the award's target says, and where it is silent its campaign. */
export function buyerAudioOf(award: Award, { directory }: Pick<Book, 'directory'>): BuyerAudio | null {
  const campaign = directory.campaign(award.campaignId)?.audio ?? null
  const target = directory.target(award.targetId)?.audio ?? null
  return buyerAudio(campaign, target)
}
