import { NO_CAPS } from '../model/caps.ts'
import type { Claim, ContactClaim, CounterClaim, CounterTotals } from '../model/claim.ts'
import type { AccountId, BidId, CampaignId, HoldId, TargetId } from '../model/ids.ts'
import type { PhoneNumber } from '../model/phone-number.ts'
import type { BidBook } from './bid-book.ts'
import { CallCounter } from './call-counter.ts'
import type { UsageRow } from './usage-row.ts'

/** One award and the call it is for. */
export interface Claimed {
  readonly id: HoldId
  readonly bidId: BidId | null
  readonly campaignId: CampaignId
  readonly targetId: TargetId
  readonly buyerId: AccountId
  readonly sellerId: AccountId | null
  readonly ani: PhoneNumber | null
  readonly atMs: number
  readonly priceMicros: number
  readonly fundsMicros: number
}

/** What an award takes, with every limit as the book has it now. */
export function claimOf(book: BidBook, claimed: Claimed): Claim {
  const { id, bidId, campaignId, targetId, buyerId, sellerId, atMs, priceMicros, fundsMicros } = claimed
  const buyer = book.accountOf(buyerId)
  const target = book.targetOf(targetId)
  const ofTarget = target.usage.claimAt(`target:${targetId}`, atMs)
  const ofAccount = buyer.usage.claimAt('account', atMs)
  const concurrent = target.target?.maxConcurrentCalls ?? null
  const counters = [
    ...(bidId === null ? [] : [ofBid(book, bidId, ofAccount)]),
    { ...ofTarget, caps: { ...ofTarget.caps, concurrent } },
    book.campaignOf(campaignId).usage.claimAt(`campaign:${campaignId}`, atMs),
    ofAccount,
  ]
  const counter = sellerId === null ? null : book.accountOf(sellerId).usage.claimAt('account', atMs)
  return {
    id,
    buyerId,
    counters,
    contact: contactOf(book, claimed),
    priceMicros,
    fundsMicros,
    creditMicros: Number(buyer.account?.creditLimitMicros ?? 0n),
    atMs,
    seller: sellerId === null ? null : { id: sellerId, counter: counter! },
  }
}

function ofBid(book: BidBook, bidId: BidId, { hour, day, month }: CounterClaim): CounterClaim {
  const bid = book.find(bidId) ?? book.bidders.standingFor(bidId)
  const concurrent = bid?.bid.maxConcurrentCalls ?? null
  const caps = { ...NO_CAPS, concurrent }
  return { name: `bid:${bidId}`, caps, dailyMicros: null, totalMicros: null, hour, day, month }
}

/** Null where the caller is not known, or no rule of the buyer's asks. */
function contactOf(
  book: BidBook,
  { campaignId, targetId, buyerId, ani }: Pick<Claimed, 'campaignId' | 'targetId' | 'buyerId' | 'ani'>,
): ContactClaim | null {
  const keepMs = book.accountOf(buyerId).callers.keptMs
  if (ani === null || keepMs === 0) return null
  return { ani, campaignId, targetId, keepMs, rule: book.campaignOf(campaignId).campaign?.frequency ?? null }
}

/** What calls that have ended come to in each counter of an account: its campaigns and targets, and itself as buyer or seller. */
export function totalsOf(book: BidBook, accountId: AccountId, rows: Iterable<UsageRow>): CounterTotals[] {
  const counters = new Map<string, CallCounter>()
  const count = (name: string, zone: string | undefined, { awardedAtMs, priceMicros, calls = 1 }: UsageRow): void => {
    if (calls === 0) return
    let counter = counters.get(name)
    if (counter === undefined) {
      counters.set(name, (counter = new CallCounter()))
      counter.setLimits(zone ?? 'UTC', null)
    }
    counter.restore(awardedAtMs, Number(priceMicros), calls)
  }
  const zone = book.accountOf(accountId).account?.timezone
  for (const row of rows) {
    const { campaign } = book.campaignOf(row.campaignId)
    if (campaign?.accountId === accountId) {
      count(`campaign:${row.campaignId}`, campaign.timezone, row)
      if (row.targetId) count(`target:${row.targetId}`, zone, row)
      count('account', zone, row)
    } else if (row.sellerId === accountId) count('account', zone, row)
  }
  return [...counters].map(([name, counter]) => counter.totalsAs(name))
}
