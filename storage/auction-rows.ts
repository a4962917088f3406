import type { Auction, Award, Effective, NonBid } from '../model/auction.ts'
import type { AtMax, MinuteTerms } from '../model/per-minute.ts'
import type { Strategy } from '../model/routing-plan.ts'
import type { PriceRule } from '../model/trunk.ts'
import { readMicros } from './columns.ts'
import type { Row } from './postgres.ts'
import { timestamp } from './timestamp.ts'

/**
 * An award as it is stored: `[id, rank, bid, campaign, buyer, target, amount, score, price, billableAfter, effective?, quality?, minutes?]`, money and score as text.
 * Instead of the campaign stands the rank of an earlier award with the same campaign, buyer and target, and null for those two.
 * Ten awards are most of what is written of a call; the names of their properties would be half of that again.
 */
type StoredAward = [
  string,
  number,
  string,
  string | number,
  string | null,
  string | null,
  string,
  string,
  string,
  number,
  (StoredEffective | null)?,
  number?,
  StoredMinutes?,
]

/** `[micros, modifier, performance, competition, pacing]`, where the buyer had turned a factor on. */
type StoredEffective = [string, number, number, number, number]

/** `[code, rank]` of a bid that has an award too (it was outbid, or not taken in the end), `[code, bid, campaign, buyer]` of another. */
type StoredNonBid = [string, number] | [string, string, string, string]

/** `[rate, expected, initial, increment, most, at most]`, seconds but for the first and the last: of an award by the minute. */
type StoredMinutes = [string, number, number, number, number, AtMax]

/** An auction's row for `write_records`. */
export function auctionRow(auction: Auction, final: boolean): Row {
  const ranks = new Map(auction.awards.map(({ bidId, rank }) => [bidId, rank]))
  return {
    id: auction.id,
    call_id: auction.callId,
    number_id: auction.numberId,
    vertical: auction.vertical,
    currency: auction.currency,
    reserve_price_micros: auction.reservePriceMicros.toString(),
    price_rule: auction.strategy === undefined ? auction.priceRule : `${auction.priceRule} ${auction.strategy}`,
    awards: auction.awards.map((award) => storeAward(award, auction.awards)),
    non_bids: auction.nonBids.map((nonBid) => storeNonBid(nonBid, ranks.get(nonBid.bidId))),
    non_bids_omitted: auction.nonBidsOmitted,
    decided_at: timestamp(auction.decidedAt),
    final,
  }
}

export function readAuction(row: Row): Auction {
  const awards: Award[] = []
  for (const stored of row['awards'] as (StoredAward | Row)[]) awards.push(readAward(stored, awards))
  const awardOfRank = new Map(awards.map((award) => [award.rank, award]))
  // `first`, or `first priority`: beside the rule stands the strategy of a number that has one.
  const [priceRule, strategy] = (row['price_rule'] as string).split(' ') as [PriceRule, Strategy?]
  return {
    id: row['id'],
    callId: row['call_id'],
    numberId: row['number_id'],
    vertical: row['vertical'],
    currency: row['currency'],
    reservePriceMicros: readMicros(row['reserve_price_micros']),
    priceRule,
    ...(strategy !== undefined && { strategy }),
    awards,
    nonBids: (row['non_bids'] as (StoredNonBid | NonBid)[]).map((nonBid) => readNonBid(nonBid, awardOfRank)),
    nonBidsOmitted: row['non_bids_omitted'],
    decidedAt: row['decided_at'],
  }
}

function storeAward(award: Award, awards: readonly Award[]): StoredAward {
  const { id, rank, bidId, amountMicros, score, priceMicros, billableAfter } = award
  const money = [amountMicros.toString(), score.toString(), priceMicros.toString()] as const
  const stored = [id, rank, bidId, ...placeOf(award, awards), ...money, billableAfter] as const
  const effective = award.effective ? storeEffective(award.effective) : null
  if (award.minutes) return [...stored, effective, award.quality ?? 1000, storeMinutes(award.minutes)]
  if (award.quality !== undefined) return [...stored, effective, award.quality]
  return effective === null ? [...stored] : [...stored, effective]
}

/** A campaign with many bids has many of a call's awards: where its calls go is written once. */
function placeOf(award: Award, awards: readonly Award[]): [string | number, string | null, string | null] {
  const { campaignId, buyerId, targetId } = award
  for (const earlier of awards) {
    if (earlier === award) break
    if (earlier.campaignId === campaignId && earlier.targetId === targetId && earlier.buyerId === buyerId)
      return [earlier.rank, null, null]
  }
  return [campaignId, buyerId, targetId]
}

function storeEffective({ micros, factors }: Effective): StoredEffective {
  const { modifier, performance, competition, pacing } = factors
  return [micros.toString(), modifier, performance, competition, pacing]
}

function storeMinutes(minutes: MinuteTerms): StoredMinutes {
  const { rateMicros, expectedSeconds, initialSeconds, incrementSeconds, maxBillableSeconds, atMax } = minutes
  return [rateMicros.toString(), expectedSeconds, initialSeconds, incrementSeconds, maxBillableSeconds, atMax]
}

function readMinutes([
  rate,
  expectedSeconds,
  initialSeconds,
  incrementSeconds,
  most,
  atMax,
]: StoredMinutes): MinuteTerms {
  const counted = { initialSeconds, incrementSeconds, maxBillableSeconds: most, atMax }
  return { type: 'minute', rateMicros: readMicros(rate), expectedSeconds, ...counted }
}

function readAward(stored: StoredAward | Row, earlier: readonly Award[]): Award {
  if (!Array.isArray(stored)) return withMoney(stored) // As earlier versions wrote it.
  const [
    id,
    rank,
    bidId,
    campaign,
    buyer,
    target,
    amountMicros,
    score,
    priceMicros,
    billableAfter,
    effective,
    quality,
    minutes,
  ] = stored
  const place =
    typeof campaign === 'number'
      ? earlier.find((award) => award.rank === campaign)!
      : { campaignId: campaign, buyerId: buyer, targetId: target }
  return withMoney({
    id,
    rank,
    bidId,
    campaignId: place.campaignId,
    buyerId: place.buyerId,
    targetId: place.targetId,
    amountMicros,
    score,
    priceMicros,
    billableAfter,
    ...(effective && { effective: readEffective(effective) }),
    ...(quality !== undefined && (quality !== 1000 || !minutes) && { quality }),
    ...(minutes && { minutes: readMinutes(minutes) }),
  })
}

function readEffective([micros, modifier, performance, competition, pacing]: StoredEffective): Effective {
  return { micros: readMicros(micros), factors: { modifier, performance, competition, pacing } }
}

function withMoney(award: Row): Award {
  const { amountMicros, score, priceMicros } = award
  return {
    ...(award as unknown as Award),
    amountMicros: readMicros(amountMicros),
    score: BigInt(score),
    priceMicros: readMicros(priceMicros),
  }
}

function storeNonBid({ code, bidId, campaignId, buyerId }: NonBid, rank: number | undefined): StoredNonBid {
  return rank === undefined ? [code, bidId, campaignId, buyerId] : [code, rank]
}

function readNonBid(stored: StoredNonBid | NonBid, awardOfRank: ReadonlyMap<number, Award>): NonBid {
  if (!Array.isArray(stored)) return stored // As earlier versions wrote it.
  const [code, bidOrRank, campaignId, buyerId] = stored
  if (typeof bidOrRank !== 'number') return { bidId: bidOrRank, campaignId, buyerId, code } as NonBid
  const award = awardOfRank.get(bidOrRank)!
  return { bidId: award.bidId, campaignId: award.campaignId, buyerId: award.buyerId, code: code as NonBid['code'] }
}
