import type { NonBidCode } from './bid.ts'

/**
 * The number of each reason a bid did not win: what programs of other languages switch on, listed in docs/reason-codes.md. A
 * number once given means the same for ever. 1xx the ranking, 2xx whoever bids has stopped, 3xx the call is another, 4xx
 * caps, 5xx money, 6xx the target.
 */
export const REASON_NUMBERS = {
  outbid: 100,
  below_reserve: 101,
  not_reached: 110,
  bid_lowered: 111,
  bid_paused: 200,
  campaign_paused: 201,
  account_inactive: 202,
  not_rated: 203,
  vertical_mismatch: 300,
  location_mismatch: 301,
  location_unknown: 302,
  outside_time_window: 303,
  outside_schedule: 304,
  currency_mismatch: 305,
  duration_above_limit: 306,
  tag_mismatch: 307,
  seller_mismatch: 308,
  modified_away: 309,
  paid_by_conversion: 310,
  compliance_rule: 320,
  bid_concurrency: 400,
  target_concurrency: 401,
  campaign_concurrency: 402,
  buyer_concurrency: 403,
  seller_concurrency: 404,
  campaign_cap: 410,
  target_cap: 411,
  buyer_cap: 412,
  seller_cap: 413,
  frequency_cap: 420,
  budget_exhausted: 500,
  insufficient_credit: 501,
  paced: 510,
  target_unavailable: 600,
  target_not_registered: 601,
  target_down: 602,
  target_tried: 603,
  media_unavailable: 604,
  ring_failed: 610,
  not_accepted: 611,
} as const satisfies Record<NonBidCode, number>
