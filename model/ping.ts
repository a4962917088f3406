import { NON_BID_REASONS, type NonBidCode } from './bid.ts'
import { REASON_NUMBERS } from './reason-codes.ts'
import type { AccountId, AuctionId } from './ids.ts'
import type { Currency, Micros } from './money.ts'
import type { PhoneNumber } from './phone-number.ts'

/** A call a seller may send, and asks the price of first. */
export interface Ping {
  readonly sellerId: AccountId
  /** Null: withheld, or not told yet. */
  readonly caller: PhoneNumber | null
  /** The seller's number the call would be for. */
  readonly number: PhoneNumber
  /** In place of the number's; null: as the number says. */
  readonly vertical: string | null
  readonly zip: string | null
  /** Beside the number's, and before them where both have one. */
  readonly tags: Readonly<Record<string, string>>
}

export type PingAnswer =
  | {
      readonly kind: 'accepted'
      readonly auctionId: AuctionId
      readonly token: string
      /** What the seller is paid if the call is billed: its price less the operator's share. */
      readonly payoutMicros: Micros
      readonly currency: Currency
      /** Seconds the call must last to be billed. */
      readonly billableAfter: number
      readonly expiresAt: Date
      readonly secondsLeft: number
      readonly sipUri: string
      readonly number: PhoneNumber
      /** The same ping had been accepted before: its bid once more. */
      readonly isRepeated: boolean
    }
  | {
      readonly kind: 'rejected'
      /** Null: it never came to an auction. */
      readonly auctionId: AuctionId | null
      readonly reasons: readonly PingReason[]
    }
  | { readonly kind: 'limited'; readonly retryAfterSeconds: number; readonly perSecond: number }

export interface PingReason {
  readonly code: PingReasonCode
  /** What programs switch on: see docs/ping-post.md. */
  readonly number: number
  readonly reason: string
}

export type PingReasonCode = keyof typeof PING_REASONS

/** Why a ping never came to an auction, or nothing came of it. A number once given means the same for ever: docs/ping-post.md. */
const OWN_REASONS = {
  compliance: { number: 700, reason: 'the call may not be sold' },
  unknown_number: { number: 710, reason: 'the number is not one of the seller’s' },
  loop: { number: 712, reason: 'the ping is one of the exchange’s own that has come back' },
  seller_inactive: { number: 711, reason: 'the seller’s account is not active' },
  too_many_open_pings: {
    number: 720,
    reason: 'the seller has its most open pings: wait for one to be used or to expire',
  },
  exchange_full: { number: 721, reason: 'the exchange has its most open pings' },
  not_taking_calls: { number: 722, reason: 'the exchange takes no calls at present' },
  no_bid: { number: 730, reason: 'nobody bids for such a call' },
  no_capacity: { number: 731, reason: 'those who ask for such calls cannot take one more at present' },
} as const

/** What is wrong with the call a seller is told as in auctions; how a buyer is doing is not its business. */
const TOLD = {
  below_reserve: told('below_reserve'),
  vertical_mismatch: told('vertical_mismatch'),
  location_mismatch: told('location_mismatch'),
  location_unknown: told('location_unknown'),
  outside_time_window: told('outside_time_window'),
  outside_schedule: told('outside_schedule'),
  currency_mismatch: told('currency_mismatch'),
  duration_above_limit: told('duration_above_limit'),
  tag_mismatch: told('tag_mismatch'),
  consent_missing: told('consent_missing'),
  consent_not_one_to_one: told('consent_not_one_to_one'),
  consent_uncertified: told('consent_uncertified'),
  consent_too_old: told('consent_too_old'),
  certificate_too_old: told('certificate_too_old'),
  attestation_missing: told('attestation_missing'),
  attestation_too_low: told('attestation_too_low'),
  seller_cap: told('seller_cap'),
  frequency_cap: told('frequency_cap'),
} as const

function told(code: NonBidCode) {
  return { number: REASON_NUMBERS[code], reason: NON_BID_REASONS[code] }
}

const PING_REASONS = { ...OWN_REASONS, ...TOLD }

export function pingReason(code: PingReasonCode, detail?: string): PingReason {
  const { number, reason } = PING_REASONS[code]
  return { code, number, reason: detail === undefined ? reason : `${reason}: ${detail}` }
}

/** What a seller is told of bids that did not come to an award: each reason once, the most frequent first. */
export function reasonsOf(codes: Iterable<NonBidCode>): PingReason[] {
  const counts = new Map<PingReasonCode, number>()
  for (const code of codes) {
    const heard = isTold(code) ? code : 'no_capacity'
    counts.set(heard, (counts.get(heard) ?? 0) + 1)
  }
  if (counts.size === 0) return [pingReason('no_bid')]
  return [...counts].toSorted((a, b) => b[1] - a[1]).map(([code]) => pingReason(code))
}

function isTold(code: NonBidCode): code is NonBidCode & keyof typeof TOLD {
  return code in TOLD
}

/** The token of an accepted ping: 128 random bits in hex, and a mark by which it is known in a URI. */
const TOKEN = /ping-[0-9a-f]{32}(?![0-9a-f])/i
/** `-ping-…` behind the number, in the user part of a URI we have quoted. */
const BEHIND_NUMBER = /^(sips?:\+?\d{7,20})-(ping-[0-9a-f]{32})(?=[@;:])/i

export function tokenFrom(bytes: Uint8Array): string {
  return `ping-${Buffer.from(bytes).toString('hex')}`
}

/** The first token in a text (a header, a URI with its parameters); null when there is none. */
export function tokenIn(text: string | undefined): string | null {
  return text === undefined ? null : (TOKEN.exec(text)?.[0].toLowerCase() ?? null)
}

/** The URI a call is to be sent to: the number first, so that it is read also when the ping is forgotten. */
export function pingUri(number: PhoneNumber, token: string, host: string): string {
  return `sip:${number.slice(1)}-${token}@${host}`
}

/** A URI without the token behind its number; as it is when there is none. */
export function withoutToken(uri: string): string {
  return uri.includes('-ping-') ? uri.replace(BEHIND_NUMBER, '$1') : uri
}
