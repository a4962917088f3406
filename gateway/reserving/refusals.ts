import type { NonBidCode } from '../../model/bid.ts'
import type { ReserveAnswer } from '../needs.ts'

const CODES: Readonly<Record<string, readonly [NonBidCode, NonBidCode]>> = {
  bid: ['bid_concurrency', 'bid_concurrency'],
  target: ['target_concurrency', 'target_cap'],
  campaign: ['campaign_concurrency', 'campaign_cap'],
  account: ['buyer_concurrency', 'buyer_cap'],
}

/** Why the shared counters refused, as a bidder is told. */
export function codeOf(answer: ReserveAnswer): NonBidCode {
  if (answer.kind === 'frequency') return 'frequency_cap'
  if (answer.kind === 'budget') return 'budget_exhausted'
  if (answer.kind === 'funds') return 'insufficient_credit'
  if (answer.kind !== 'cap' && answer.kind !== 'concurrency') return 'counters_away'
  const [byConcurrency, byCap] = CODES[answer.counter.split(':')[0]!]!
  return answer.kind === 'cap' ? byCap : byConcurrency
}
