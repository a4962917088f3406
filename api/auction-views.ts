import { z } from 'zod'
import type { Auction, Award, Effective, NonBid } from '../model/auction.ts'
import { NON_BID_REASONS, type NonBidCode } from '../model/bid.ts'
import type { CallRecord } from '../model/cdr.ts'
import type { AccountId } from '../model/ids.ts'
import { REASON_NUMBERS } from '../model/reason-codes.ts'
import type { Caller } from './endpoint.ts'
import type { PingDecision } from './needs.ts'
import { seedOf, STRATEGIES, type Strategy } from '../model/routing-plan.ts'
import * as s from './schemas.ts'

// One auction, three readers: the house sees all of it, a buyer its own bids, a seller what it earns.

const factor = z.string().meta({ description: 'A decimal, 1.000 changes nothing' })
const Ranked = z.strictObject({
  rank: z.int(),
  bid_id: s.printedId(),
  buyer_id: s.printedId(),
  campaign_id: s.printedId(),
  target_id: s.printedId(),
  amount: s.printedMoney(),
  effective: z
    .strictObject({
      amount: s.printedMoney(),
      modifier: factor,
      performance: factor,
      competition: factor,
      pacing: factor,
    })
    .nullable()
    .meta({ description: 'What the buyer’s own factors made of the amount; null when it has turned none on' }),
  quality: factor.meta({
    description:
      'Of its target’s calls, 0.500 to 1.500; 1.000 is the average, and until it is measured; of predictive, the chance drawn',
  }),
  score: z.string().nullable(),
  price: s.printedMoney().nullable(),
  per_minute: z
    .strictObject({
      price: s.printedMoney().nullable(),
      initial_increment_seconds: z.int(),
      increment_seconds: z.int(),
      max_billable_seconds: z.int(),
      expected_seconds: z.int(),
    })
    .nullable()
    .meta({ description: 'Of a bid by the minute: `price` above is what a call of the expected length would come to' }),
  won: z.boolean(),
  reason: z.string().nullable(),
})
const Loser = z.strictObject({ bid_id: s.printedId(), code: z.string(), number: z.int(), reason: z.string() })

export const AuctionAnswer = z.strictObject({
  id: s.printedId(),
  call_id: s.printedId(),
  state: z.enum(['open', 'closed']),
  vertical: z.string(),
  currency: z.string(),
  reserve_price: s.printedMoney().nullable(),
  price_rule: z.enum(['second', 'first']).nullable(),
  strategy: z.enum(STRATEGIES).nullable(),
  seed: z.int().nullable().meta({ description: 'What priority and predictive draw from; with it they draw the same' }),
  clearing_price: s.printedMoney().nullable(),
  winner: z
    .strictObject({
      bid_id: s.printedId(),
      buyer_id: s.printedId(),
      campaign_id: s.printedId(),
      target_id: s.printedId(),
    })
    .nullable(),
  ranking: z.array(Ranked),
  non_bids: z.array(Loser),
  non_bids_omitted: z.int(),
  payout: s.printedMoney().nullable(),
  decided_at: s.printedTime(),
})
/** Those that leave something to chance. */
const DRAWING: ReadonlySet<Strategy> = new Set(['priority', 'predictive'])

type View = z.input<typeof AuctionAnswer>

/** The auction as `caller` may read it, or null when it may not; `call` is the auction's own, null when it is not kept. */
export function viewAuction(auction: Auction, call: CallRecord | null, caller: Caller): View | null {
  if (caller.role === 'admin') return forHouse(auction, call)
  if (caller.role === 'buyer') return forBuyer(auction, call, caller.accountId)
  return call?.sellerId === caller.accountId ? forSeller(auction, call) : null
}

/** The same of a ping that no call has come for: its payout is what was quoted. */
export function viewPing({ auction, sellerId, payoutMicros }: PingDecision, caller: Caller): View | null {
  const payout = s.printMoney(payoutMicros)
  if (caller.role === 'admin') return { ...forHouse(auction, null), payout }
  if (caller.role === 'buyer') return forBuyer(auction, null, caller.accountId)
  return sellerId === caller.accountId ? { ...common(auction), payout } : null
}

/**
 * The award that got the call: by failover not always the first. Before anybody answers, the first; of a call that ended
 * unanswered, none.
 */
function winnerOf(auction: Auction, call: CallRecord | null): Award | null {
  if (call?.state === 'ended' && call.answeredAt === null) return null
  const answered = call?.bidId ? auction.awards.find((award) => award.bidId === call.bidId) : undefined
  return answered ?? auction.awards[0] ?? null
}

function forHouse(auction: Auction, call: CallRecord | null): View {
  const winner = winnerOf(auction, call)
  return {
    ...common(auction),
    reserve_price: s.printMoney(auction.reservePriceMicros),
    price_rule: auction.priceRule,
    strategy: auction.strategy ?? 'auction',
    seed: DRAWING.has(auction.strategy ?? 'auction') ? seedOf(auction.id) : null,
    clearing_price: s.printMoney(winner && winner.priceMicros),
    winner: winner && printWinner(winner),
    ranking: auction.awards.map((award) => ({
      ...ranked(auction, award, winner),
      score: award.score.toString(),
      price: s.printMoney(award.priceMicros),
      per_minute: printMinutes(award, true),
    })),
    non_bids: auction.nonBids.map(printLoser),
    non_bids_omitted: auction.nonBidsOmitted,
    payout: call && s.printMoney(call.payoutMicros),
  }
}

function forBuyer(auction: Auction, call: CallRecord | null, buyerId: AccountId): View | null {
  const awards = auction.awards.filter((award) => award.buyerId === buyerId)
  const nonBids = auction.nonBids.filter((nonBid) => nonBid.buyerId === buyerId)
  if (awards.length + nonBids.length === 0) return null
  const winner = winnerOf(auction, call)
  const won = winner?.buyerId === buyerId ? winner : null
  return {
    ...common(auction),
    clearing_price: s.printMoney(won && won.priceMicros),
    winner: won && printWinner(won),
    ranking: awards.map((award) => ranked(auction, award, winner)),
    non_bids: nonBids.map(printLoser),
  }
}

function forSeller(auction: Auction, call: CallRecord): View {
  return { ...common(auction), payout: s.printMoney(call.payoutMicros) }
}

function common(auction: Auction): View {
  return {
    id: auction.id,
    call_id: auction.callId,
    state: 'closed',
    vertical: auction.vertical,
    currency: auction.currency,
    reserve_price: null,
    price_rule: null,
    strategy: null,
    seed: null,
    clearing_price: null,
    winner: null,
    ranking: [],
    non_bids: [],
    non_bids_omitted: 0,
    payout: null,
    decided_at: s.printTime(auction.decidedAt),
  }
}

function ranked(auction: Auction, award: Award, winner: Award | null): View['ranking'][number] {
  const won = award === winner
  // An award that did not get the call was rung in vain, or never reached: the record says which.
  const code = auction.nonBids.find((nonBid) => nonBid.bidId === award.bidId)?.code ?? 'outbid'
  return {
    rank: award.rank,
    ...printWinner(award),
    amount: s.printMoney(award.amountMicros),
    effective: award.effective ? printEffective(award.effective) : null,
    quality: decimal(award.quality ?? 1000),
    score: null,
    price: won ? s.printMoney(award.priceMicros) : null,
    per_minute: printMinutes(award, won),
    won,
    reason: won ? null : NON_BID_REASONS[code],
  }
}

function printMinutes({ minutes }: Award, isTold: boolean): View['ranking'][number]['per_minute'] {
  if (!minutes) return null
  return {
    price: isTold ? s.printMoney(minutes.rateMicros) : null,
    initial_increment_seconds: minutes.initialSeconds,
    increment_seconds: minutes.incrementSeconds,
    max_billable_seconds: minutes.maxBillableSeconds,
    expected_seconds: minutes.expectedSeconds,
  }
}

function printWinner(award: Award) {
  return {
    bid_id: award.bidId,
    buyer_id: award.buyerId,
    campaign_id: award.campaignId,
    target_id: award.targetId,
  }
}

function printEffective({ micros, factors }: Effective) {
  const { modifier, performance, competition, pacing } = factors
  return {
    amount: s.printMoney(micros),
    modifier: decimal(modifier),
    performance: decimal(performance),
    competition: decimal(competition),
    pacing: decimal(pacing),
  }
}

const decimal = (thousandths: number): string => (thousandths / 1000).toFixed(3)

function printLoser(nonBid: NonBid): z.input<typeof Loser> {
  const code: NonBidCode = nonBid.code
  return { bid_id: nonBid.bidId, code, number: REASON_NUMBERS[code], reason: NON_BID_REASONS[code] }
}
