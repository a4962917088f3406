/** What a side says of recording its calls; `inherit`: nothing. */
export type RecordWish = 'yes' | 'no' | 'inherit'

/** What is heard while buyers ring: the country's ringing tone, or a prompt of the store by its name. */
export type Ringback = { readonly kind: 'tone' } | { readonly kind: 'prompt'; readonly name: string }

/** What a number's calls sound like: the seller's choice. Prompts are named as the operator's store has them. */
export interface NumberAudio {
  readonly ringback: Ringback | null
  /** Heard by both sides before a recorded call is joined; without it being heard nothing is recorded. */
  readonly announcement: string | null
  readonly record: RecordWish
  /** Heard by the side that the other has put on hold. */
  readonly holdMusic: string | null
}

/** What a buyer's agent has to press to take a call, and how long it may take, in seconds from the end of the whisper. */
export interface AcceptKey {
  readonly digit: string
  readonly seconds: number
}

/** What a buyer's calls sound like: of a campaign, or of a target, whose word comes first. */
export interface BuyerAudio {
  /** Heard by the agent alone, before the call is joined. */
  readonly whisper: string | null
  readonly accept: AcceptKey | null
  readonly record: RecordWish
  readonly holdMusic: string | null
}

export const NO_NUMBER_AUDIO: NumberAudio = {
  ringback: null,
  announcement: null,
  record: 'inherit',
  holdMusic: null,
}

export const NO_BUYER_AUDIO: BuyerAudio = { whisper: null, accept: null, record: 'inherit', holdMusic: null }

/** A target's own word, and where it says nothing its campaign's. */
export function buyerAudio(campaign: BuyerAudio | null, target: BuyerAudio | null): BuyerAudio | null {
  if (campaign === null || target === null) return target ?? campaign
  return {
    whisper: target.whisper ?? campaign.whisper,
    accept: target.accept ?? campaign.accept,
    record: target.record === 'inherit' ? campaign.record : target.record,
    holdMusic: target.holdMusic ?? campaign.holdMusic,
  }
}

/** Whether a call is recorded: no side against its will, else when any side wants it, else as the exchange is set. */
export function isRecorded(number: RecordWish, buyer: RecordWish, byDefault: boolean): boolean {
  if (number === 'no' || buyer === 'no') return false
  return number === 'yes' || buyer === 'yes' || byDefault
}
