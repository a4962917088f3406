import type { Auction, Award } from '../model/auction.ts'
import type { NonBidCode } from '../model/bid.ts'
import type { DecisionInputs } from '../model/decision.ts'
import type { BidId } from '../model/ids.ts'
import { formatMoney } from '../model/money.ts'

/**
 * Where an auction held again came out otherwise than it is stored, a sentence each; none: it is the same to the bit. What its calls did
 * later is no part of it, nor are bids that were no candidates.
 */
export function differences(stored: Auction, again: Auction, { bids, bidsOmitted }: DecisionInputs): string[] {
  const found: string[] = []
  const terms = (auction: Auction): string =>
    `${formatMoney(auction.reservePriceMicros)} ${auction.currency} ${auction.priceRule} ${auction.strategy ?? 'auction'}`
  if (terms(stored) !== terms(again)) found.push(`terms: stored ${terms(stored)}, again ${terms(again)}`)
  const most = Math.max(stored.awards.length, again.awards.length)
  for (let i = 0; i < most; i++) {
    const [one, other] = [stored.awards[i], again.awards[i]].map(awardText)
    if (one !== other) found.push(`award ${i + 1}: stored ${one}, again ${other}`)
  }
  const candidates = new Set<BidId>(bids.map(({ bid }) => bid.id))
  const storedCodes = codesOf(stored, candidates)
  const againCodes = codesOf(again, candidates)
  // Of too many to be named, others may be named.
  const isWhole = bidsOmitted === 0 && storedCodes.size === againCodes.size
  for (const [id, code] of storedCodes) {
    const other = againCodes.get(id)
    if (other !== code && (other !== undefined || isWhole))
      found.push(`bid ${id}: stored ${code}, again ${other ?? 'not named'}`)
  }
  return found
}

/** All that was decided of an award; ids that were given to it are not, nor that its campaign pays by conversion: that is an input. */
function awardText(award: Award | undefined): string {
  if (award === undefined) return 'none'
  const { bidId, buyerId, campaignId, targetId, amountMicros, effective, quality, score, priceMicros, billableAfter } =
    award
  const made = effective
    ? ` made ${formatMoney(effective.micros)} by ${Object.entries(effective.factors)
        .map(([name, factor]) => `${name} ${factor}`)
        .join(', ')}`
    : ''
  return `bid ${bidId} (buyer ${buyerId}, campaign ${campaignId}, target ${targetId}) of ${formatMoney(amountMicros)}${made}, quality ${quality ?? 1000}, score ${score}, at ${formatMoney(priceMicros)} after ${billableAfter} s${byMinute(award)}`
}

function byMinute({ minutes }: Award): string {
  if (!minutes) return ''
  const { rateMicros, expectedSeconds, initialSeconds, incrementSeconds, maxBillableSeconds } = minutes
  return `, ${formatMoney(rateMicros)} a minute (${initialSeconds}/${incrementSeconds}, at most ${maxBillableSeconds} s) for ${expectedSeconds} s`
}

/** Why candidates got no award, in the decision itself. */
function codesOf({ awards, nonBids }: Auction, candidates: ReadonlySet<BidId>): Map<BidId, NonBidCode> {
  const awarded = new Set(awards.map(({ bidId }) => bidId))
  return new Map(
    nonBids.filter(({ bidId }) => candidates.has(bidId) && !awarded.has(bidId)).map(({ bidId, code }) => [bidId, code]),
  )
}

/** What a bid came to in an auction: its award, or why there is none; null: it is not named. */
export interface Came {
  readonly award: Award | null
  readonly code: NonBidCode | null
}

export interface BidDifference {
  readonly bidId: BidId
  readonly before: Came
  readonly after: Came
}

/** The bids that came to something else: those awarded after first, in their order, then the others. */
export function changesOf(before: Auction, after: Auction): BidDifference[] {
  const ids = new Set<BidId>()
  for (const { awards } of [after, before]) for (const { bidId } of awards) ids.add(bidId)
  for (const { nonBids } of [after, before]) for (const { bidId } of nonBids) ids.add(bidId)
  const [came, comes] = [cameTo(before), cameTo(after)]
  const changes: BidDifference[] = []
  for (const bidId of ids) {
    const [one, other] = [came(bidId), comes(bidId)]
    const isSame =
      one.code === other.code &&
      one.award?.rank === other.award?.rank &&
      one.award?.priceMicros === other.award?.priceMicros &&
      one.award?.amountMicros === other.award?.amountMicros
    if (!isSame) changes.push({ bidId, before: one, after: other })
  }
  return changes
}

function cameTo({ awards, nonBids }: Auction): (id: BidId) => Came {
  const awardOf = new Map(awards.map((award) => [award.bidId, award]))
  const codeOf = new Map(nonBids.map(({ bidId, code }) => [bidId, code]))
  return (id) => {
    const award = awardOf.get(id) ?? null
    return { award, code: award ? null : (codeOf.get(id) ?? null) }
  }
}
