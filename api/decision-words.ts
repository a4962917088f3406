import type { Auction, Award, NonBid } from '../model/auction.ts'
import { NON_BID_REASONS, type NonBidCode } from '../model/bid.ts'
import type { AccountId, BidId } from '../model/ids.ts'
import { formatMoney } from '../model/money.ts'
import type { MinuteTerms } from '../model/per-minute.ts'
import { REASON_NUMBERS } from '../model/reason-codes.ts'

/** Bids of one reason that are named; the others are counted. */
const MOST_NAMED = 5

/** A buyer, and the bid by which the call is its own. */
interface Reader {
  readonly buyerId: AccountId
  readonly wonBidId: BidId | null
}

/**
 * A decision in plain words, a sentence each: on what terms, who came first at what price and why, what became of each award, and why
 * the others did not buy. `only`: what one buyer may know, its own bids and what it
 * paid.
 */
export function tellDecision(auction: Auction, only: Reader | null = null): string[] {
  const { awards, nonBids, currency, reservePriceMicros, priceRule, strategy = 'auction', nonBidsOmitted } = auction
  const mine = <T extends { readonly buyerId: AccountId }>(list: readonly T[]): readonly T[] =>
    only === null ? list : list.filter(({ buyerId }) => buyerId === only.buyerId)
  const codeOf = new Map(nonBids.map(({ bidId, code }) => [bidId, code]))
  const awarded = new Set(awards.map(({ bidId }) => bidId))
  const lines: string[] = []
  if (only === null) {
    const rule = priceRule === 'second' ? 'the second price' : 'what is bid'
    const by = strategy === 'auction' ? '' : `, ranked by ${strategy}`
    lines.push(
      `${auction.vertical}, sold for ${rule}, at ${formatMoney(reservePriceMicros)} ${currency} or more${by}: ${awards.length === 0 ? 'nobody could buy it' : `${awards.length} could be rung`}`,
    )
  }
  for (const award of mine(awards)) lines.push(tellAward(award, currency, codeOf.get(award.bidId) ?? null, only))
  const others = mine(nonBids.filter(({ bidId }) => !awarded.has(bidId)))
  for (const [code, bids] of byReason(others)) lines.push(tellReason(code, bids))
  if (only === null && nonBidsOmitted > 0)
    lines.push(`${nonBidsOmitted} further bids were for other calls, or too many to be named`)
  return lines
}

function tellAward(award: Award, currency: string, lost: NonBidCode | null, only: Reader | null): string {
  const { rank, bidId, buyerId, amountMicros, effective, quality = 1000, priceMicros, conversion, minutes } = award
  const factors = effective
    ? Object.entries(effective.factors)
        .filter(([, factor]) => factor !== 1000)
        .map(([name, factor]) => `${name} ${decimal(factor)}`)
    : []
  const made = effective && factors.length > 0 ? `, made ${formatMoney(effective.micros)} by ${factors.join(', ')}` : ''
  const ranked = quality === 1000 || only !== null ? '' : `, ranked at quality ${decimal(quality)}`
  const isTold = only === null || only.wonBidId === bidId
  const price = isTold ? `, at ${formatMoney(priceMicros)}` : ''
  const expected = conversion ? ' (expected: it pays by conversion)' : minutes ? byMinute(minutes, isTold) : ''
  const end = lost === null ? '' : `: ${reason(lost)}`
  return `award ${rank}: bid ${bidId} of buyer ${buyerId}, ${formatMoney(amountMicros)} ${currency}${made}${ranked}${price}${expected}${end}`
}

function byMinute(
  { rateMicros, expectedSeconds, initialSeconds, incrementSeconds }: MinuteTerms,
  isTold: boolean,
): string {
  const rate = isTold ? `${formatMoney(rateMicros)} a minute, ` : ''
  return ` (expected: ${rate}${initialSeconds}/${incrementSeconds}, for ${expectedSeconds} s)`
}

function byReason(nonBids: readonly NonBid[]): [NonBidCode, readonly NonBid[]][] {
  const lists = new Map<NonBidCode, NonBid[]>()
  for (const nonBid of nonBids) {
    const list = lists.get(nonBid.code)
    if (list) list.push(nonBid)
    else lists.set(nonBid.code, [nonBid])
  }
  return [...lists].toSorted(([a], [b]) => REASON_NUMBERS[a] - REASON_NUMBERS[b])
}

function tellReason(code: NonBidCode, bids: readonly NonBid[]): string {
  const named = bids.slice(0, MOST_NAMED).map(({ bidId }) => bidId)
  const more = bids.length > MOST_NAMED ? ` and ${bids.length - MOST_NAMED} more` : ''
  return `no award for ${bids.length === 1 ? 'bid' : `${bids.length} bids`} ${named.join(', ')}${more}: ${reason(code)}`
}

function reason(code: NonBidCode): string {
  return `${REASON_NUMBERS[code]} ${code}, ${NON_BID_REASONS[code]}`
}

function decimal(thousandths: number): string {
  return (thousandths / 1000).toFixed(3)
}
