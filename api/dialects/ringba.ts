import { formatMoney } from '../../model/money.ts'
import type { PingAnswer, PingReasonCode } from '../../model/ping.ts'
import type { Answer } from '../endpoint.ts'
import { addressOf, given, others, type Dialect, type Params } from './dialect.ts'

const KNOWN = new Set(['cid', 'number', 'zipcode', 'zip', 'vertical', 'exposecallerid', 'sipok'])

/** Ringba's own codes of rejection, as its publishers know them, and what it says for each. */
const CODES = {
  1001: 'Real Time Bidding disabled',
  1002: 'Initial Tag Filter',
  1003: 'No Capacity',
  1004: 'Caller ID',
  1005: 'Final Tag Filter',
  1006: 'Final Capacity Check',
  1007: 'Closed or capped',
  1024: 'Rate limited',
  1100: 'Caller ID verification',
} as const

const CODE_OF: Record<PingReasonCode, keyof typeof CODES> = {
  below_reserve: 1006,
  vertical_mismatch: 1002,
  location_mismatch: 1002,
  location_unknown: 1002,
  tag_mismatch: 1005,
  currency_mismatch: 1002,
  duration_above_limit: 1002,
  outside_time_window: 1003,
  outside_schedule: 1003,
  seller_cap: 1007,
  frequency_cap: 1004,
  compliance: 1004,
  consent_missing: 1004,
  consent_not_one_to_one: 1004,
  consent_uncertified: 1004,
  consent_too_old: 1004,
  certificate_too_old: 1004,
  attestation_missing: 1004,
  attestation_too_low: 1004,
  loop: 1004,
  unknown_number: 1001,
  seller_inactive: 1001,
  too_many_open_pings: 1007,
  exchange_full: 1003,
  not_taking_calls: 1001,
  no_bid: 1002,
  no_capacity: 1003,
}

const YES = new Set(['yes', 'true', '1'])

/** The bid request of Ringba's publishers: `/v1/production/{RTB_ID}.json`. */
export const ringba: Dialect = {
  readPing(params) {
    const caller = given(params, 'cid')
    // Without a caller, or a token in its address, nobody could tell which call it is.
    if (caller === null && !hasSip(params)) return { code: 'bad_caller', detail: 'CID: needed unless sipOk is yes' }
    return {
      caller,
      number: given(params, 'number'),
      zip: given(params, 'zipcode', 'zip'),
      vertical: given(params, 'vertical'),
      tags: others(params, KNOWN),
    }
  },

  printAnswer(answer, params) {
    if (answer.kind === 'limited') {
      const headers = { 'retry-after': String(answer.retryAfterSeconds) }
      return { ...rejection(1024), status: 429, headers }
    }
    if (answer.kind === 'rejected') return rejection(CODE_OF[answer.reasons[0]!.code], answer.auctionId)
    return { status: 200, body: accepted(answer, hasSip(params)) }
  },

  printFault({ code, detail }) {
    if (code === 'no_such_key') return { ...rejection(1001), status: 401 }
    const rejected = rejection(code === 'bad_caller' ? 1100 : 1002)
    return { ...rejected, body: { ...(rejected.body as object), detail } }
  },
}

function hasSip(params: Params): boolean {
  return YES.has(given(params, 'sipok')?.toLowerCase() ?? '')
}

function accepted(answer: Extract<PingAnswer, { kind: 'accepted' }>, withSip: boolean): object {
  return {
    bidId: answer.auctionId,
    bidAmount: Number(formatMoney(answer.payoutMicros)),
    expireInSeconds: answer.secondsLeft,
    bidExpireDT: american(answer.expiresAt),
    bidExpireEpoch: answer.expiresAt.getTime(),
    phoneNumber: answer.number,
    phoneNumberNoPlus: answer.number.slice(1),
    ...(withSip && { sipAddress: addressOf(answer.sipUri) }),
    ...(answer.isRepeated && { warnings: [REPEATED] }),
  }
}

const REPEATED = { code: 230, description: 'The bid of an earlier request that has not expired yet' }

function rejection(code: keyof typeof CODES, bidId: string | null = null): Answer {
  return { status: 200, body: { bidId, bidAmount: 0, rejectReason: `${CODES[code]} (Code: ${code})` } }
}

/** `6/17/2026 4:00:30 PM +00:00`. */
function american(time: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0')
  const hour = time.getUTCHours()
  const day = `${time.getUTCMonth() + 1}/${time.getUTCDate()}/${time.getUTCFullYear()}`
  const clock = `${hour % 12 || 12}:${two(time.getUTCMinutes())}:${two(time.getUTCSeconds())}`
  return `${day} ${clock} ${hour < 12 ? 'AM' : 'PM'} +00:00`
}
