import type { AccountId } from './ids.ts'
import type { Currency, Micros } from './money.ts'

/** What calls can be counted by. */
export const REPORT_KEYS = ['seller', 'buyer', 'campaign', 'target', 'number', 'vertical', 'outcome', 'state'] as const
export type ReportKey = (typeof REPORT_KEYS)[number]

export const INTERVALS = ['minute', 'hour', 'day'] as const
export type Interval = (typeof INTERVALS)[number]

/** Whose calls, received from when until when (not included). */
export interface ReportScope {
  readonly from: Date
  readonly until: Date
  readonly sellerId?: AccountId
  readonly buyerId?: AccountId
}

/** What ended calls came to, as their CDRs say: sums, from which every rate follows. */
export interface CallFigures {
  readonly calls: number
  /** Answered by a buyer, those cut off by a crash included. */
  readonly answered: number
  /** The network did its part: answered, busy, not answered, or given up by the caller (ITU-T E.425’s effective attempts). */
  readonly effective: number
  readonly billed: number
  /** All of the answered calls together. */
  readonly talkMs: number
  /** Calls that rang at a buyer’s, and how long that took from the INVITE. */
  readonly rang: number
  readonly postDialDelayMs: number
  readonly revenueMicros: Micros
  readonly payoutMicros: Micros
  /** Of these calls, those of accepted disputes, what buyers were given back of the revenue, and what sellers gave back of the payout. */
  readonly disputed: number
  readonly creditMicros: Micros
  readonly clawbackMicros: Micros
}

export interface ReportRow extends CallFigures {
  /** Null: calls without one, such as those nobody bought. */
  readonly key: string | null
  readonly currency: Currency
}

export interface TimeSeriesPoint extends CallFigures {
  readonly at: Date
  readonly currency: Currency
}
