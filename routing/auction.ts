import { strict as assert } from 'node:assert'
import type { NonBidCode } from '../model/bid.ts'
import type { AccountId } from '../model/ids.ts'
import type { PriceRule } from '../model/trunk.ts'
import type { QualityThousandths } from './quality.ts'

/** Prices are whole cents. */
const CENT = 10_000

/**
 * An eligible bid as the ranking sees it. Micros are plain integers here (at most MAX_MONEY, far inside 2^53): a decision
 * weighs hundreds of them, and bigints would cost more than everything else together.
 */
export interface Candidate {
  readonly id: string
  readonly buyerId: AccountId
  readonly createdAtMs: number
  readonly amountMicros: number
  readonly quality: QualityThousandths
  /** Where the number's plan puts it, the higher the better; auctions do not read it. */
  readonly rankKey: number
  /** What budget and credit leave for this call; a bid cannot make others pay more than it could pay itself. */
  readonly payableMicros: number
  /** Which of budget and credit is the smaller. */
  readonly payableBy: NonBidCode
}

export interface AuctionTerms {
  readonly reserveMicros: number
  readonly priceRule: PriceRule
  /** Under `second`: who bids less pays its own bid, and who bids it or more pays no less than it. Null or absent: none. */
  readonly softFloorMicros?: number | null
  /** How many awards are made at most; the eligible bids after them are `outbid`. */
  readonly maxAwards: number
}

export interface Ranked<C> {
  readonly candidate: C
  readonly priceMicros: number
}

export interface Ranking<C> {
  /** Best first. */
  readonly awards: readonly Ranked<C>[]
  /** Ranked among the awards, but budget or credit does not cover the price. */
  readonly unaffordable: readonly C[]
  readonly outbid: readonly C[]
}

/** The least a call is sold for: the reserve in whole cents, and never nothing. */
export function lowestPrice(reserveMicros: number): number {
  return Math.max(CENT, ceilToCent(reserveMicros))
}

/** Whether an amount may bid: at least the reserve, and at least the one cent that any call costs. */
export function meetsReserve(amountMicros: number, reserveMicros: number): boolean {
  return amountMicros >= reserveMicros && amountMicros >= CENT
}

/**
 * Ranks eligible bids and prices them: a function of its arguments and nothing else.
 *
 * Score = amount × quality; ties go to the older bid, then the lower id. First price: each award pays its own amount.
 * Second price: award i pays min(own amount, max(reserve, what would just match the best bid of another buyer ranked below
 * it + 0.01)); without one it pays the reserve, at least 0.01. All in whole cents: the own amount rounded down, what would
 * match rounded up. A soft floor turns the second price into the first for bids below it, and is a reserve for the others. A bid
 * ranked below counts for no more than its budget and credit could pay, or a bidder without money
 * could raise what others pay. A bid that cannot cover its own price gives way to the next. `outbid` is the list that the others
 * are written into, over what an earlier auction left there.
 */
export function rankBids<C extends Candidate>(
  candidates: readonly C[],
  terms: AuctionTerms,
  outbid: C[] = [],
): Ranking<C> {
  const { maxAwards } = terms
  const ranked: C[] = []
  let lost = 0
  const below = new BestBelow()
  if (scores.length < maxAwards) scores = new Float64Array(maxAwards)
  for (let i = 0; i < candidates.length; i++) {
    let candidate = candidates[i]!
    // Most are told by a product alone, which rounding never puts in another order.
    let score = candidate.amountMicros * candidate.quality
    if (ranked.length < maxAwards) {
      insert(ranked, candidate, score)
      continue
    }
    const worstScore = scores[maxAwards - 1]!
    if (score > worstScore || (score === worstScore && ranksBefore(candidate, ranked[maxAwards - 1]!))) {
      const better = candidate
      candidate = ranked.pop()!
      insert(ranked, better, score)
      score = worstScore
    }
    outbid[lost++] = candidate
    if (score >= below.atLeast) below.add(candidate)
  }
  if (outbid.length !== lost) outbid.length = lost
  const awards: Ranked<C>[] = []
  const unaffordable: C[] = []
  priceFrom(ranked, 0, below, terms, awards, unaffordable)
  // Somebody cannot pay: others move up, and how many that takes is seen as it goes.
  return unaffordable.length > 0 && outbid.length > 0 ? rankOnward(candidates, terms) : { awards, unaffordable, outbid }
}

/** The rounded scores of those ranked so far, in their order: reused, as nobody else ranks meanwhile. */
let scores = new Float64Array(16)

/** Puts one more into a short list that is in order. */
function insert<C extends Candidate>(ranked: C[], candidate: C, score: number): void {
  let place = ranked.length
  ranked.push(candidate)
  while (place > 0) {
    const above = scores[place - 1]!
    if (score < above || (score === above && !ranksBefore(candidate, ranked[place - 1]!))) break
    ranked[place] = ranked[place - 1]!
    scores[place] = above
    place--
  }
  ranked[place] = candidate
  scores[place] = score
}

/** The same for as many more as it takes until the awards are made. */
function rankOnward<C extends Candidate>(candidates: readonly C[], terms: AuctionTerms): Ranking<C> {
  const heap = candidates.slice()
  heapify(heap)
  const ranked: C[] = []
  const awards: Ranked<C>[] = []
  const unaffordable: C[] = []
  while (awards.length < terms.maxAwards && heap.length > 0) {
    const wanted = terms.maxAwards - awards.length
    const from = ranked.length
    while (ranked.length - from < wanted && heap.length > 0) ranked.push(popBest(heap))
    const below = new BestBelow()
    for (const candidate of heap) below.add(candidate)
    priceFrom(ranked, from, below, terms, awards, unaffordable)
  }
  return { awards, unaffordable, outbid: heap }
}

/**
 * Ranks bids by their `rankKey`, the highest first, and among equals as an auction would. Each award pays its own amount in
 * whole cents; one that budget or credit does not cover gives way to the next.
 */
export function rankByKey<C extends Candidate>(candidates: readonly C[], { maxAwards }: AuctionTerms): Ranking<C> {
  const ranked = candidates.toSorted((a, b) => b.rankKey - a.rankKey || (ranksBefore(a, b) ? -1 : 1))
  const awards: Ranked<C>[] = []
  const unaffordable: C[] = []
  let next = 0
  while (awards.length < maxAwards && next < ranked.length) {
    const candidate = ranked[next++]!
    const priceMicros = floorToCent(candidate.amountMicros)
    if (priceMicros <= candidate.payableMicros) awards.push({ candidate, priceMicros })
    else unaffordable.push(candidate)
  }
  return { awards, unaffordable, outbid: ranked.slice(next) }
}

/** Prices `ranked[from…]`, from the last upwards since each pays by those below it; `below` has the still unranked. */
function priceFrom<C extends Candidate>(
  ranked: readonly C[],
  from: number,
  below: BestBelow,
  terms: AuctionTerms,
  awards: Ranked<C>[],
  unaffordable: C[],
): void {
  if (prices.length < ranked.length) prices = new Float64Array(2 * ranked.length)
  for (let i = ranked.length - 1; i >= from; i--) {
    const candidate = ranked[i]!
    prices[i] = priceOf(candidate, below.scoreOfAnother(candidate.buyerId), terms)
    below.add(candidate)
  }
  for (let i = from; i < ranked.length; i++) {
    const candidate = ranked[i]!
    const priceMicros = prices[i]!
    if (priceMicros <= candidate.payableMicros) awards.push({ candidate, priceMicros })
    else unaffordable.push(candidate)
  }
}

/** Of those being ranked, as they are: reused like the scores. */
let prices = new Float64Array(16)

function priceOf(candidate: Candidate, scoreBelow: Score | null, terms: AuctionTerms): number {
  const most = floorToCent(candidate.amountMicros)
  if (terms.priceRule === 'first') return most
  const softFloor = terms.softFloorMicros ?? null
  if (softFloor !== null && candidate.amountMicros < softFloor) return most
  const lowest = lowestPrice(Math.max(terms.reserveMicros, softFloor ?? 0))
  // A sub-cent reserve may round up past a bid that equals it; the bid still is the most its buyer pays.
  if (scoreBelow === null) return Math.min(most, lowest)
  return Math.min(most, Math.max(lowest, ceilToCent(amountToMatch(scoreBelow, candidate.quality)) + CENT))
}

/** A score in its two factors: their product can pass 2^53, where plain numbers are no longer exact. */
interface Score {
  readonly amountMicros: number
  readonly quality: QualityThousandths
}

/** The smallest whole micros that, times `quality`, is at least the score. */
function amountToMatch(score: Score, quality: QualityThousandths): number {
  if (score.quality === quality) return score.amountMicros
  const product = score.amountMicros * score.quality
  if (product <= Number.MAX_SAFE_INTEGER) {
    const rest = product % quality
    return (product - rest) / quality + (rest > 0 ? 1 : 0)
  }
  const own = BigInt(quality)
  return Number((BigInt(score.amountMicros) * BigInt(score.quality) + own - 1n) / own)
}

/** Above zero when `a` scores higher. Rounding is monotonic, so only products that look equal and are large need more care. */
function compareScores(a: Score, b: Score): number {
  const difference = a.amountMicros * a.quality - b.amountMicros * b.quality
  if (difference !== 0) return difference
  if (a.amountMicros * a.quality <= Number.MAX_SAFE_INTEGER) return 0
  const exact = BigInt(a.amountMicros) * BigInt(a.quality) - BigInt(b.amountMicros) * BigInt(b.quality)
  return exact > 0n ? 1 : exact < 0n ? -1 : 0
}

/** Whether `a` ranks before `b`. No two bids have one id, so of two different bids exactly one does. */
function ranksBefore(a: Candidate, b: Candidate): boolean {
  const byScore = compareScores(a, b)
  if (byScore !== 0) return byScore > 0
  if (a.createdAtMs !== b.createdAtMs) return a.createdAtMs < b.createdAtMs
  return a.id < b.id
}

/** The best score below a place in the ranking, and the best of a different buyer than that one's. */
class BestBelow {
  #best: OwnedScore = { buyerId: null, amountMicros: 0, quality: 1 }
  #bestOfAnother: OwnedScore = { buyerId: null, amountMicros: 0, quality: 1 }
  /** What a score has to reach to be either. */
  atLeast = 0

  add(candidate: Candidate): void {
    const { amountMicros, payableMicros, quality } = candidate
    const amount = payableMicros < amountMicros ? payableMicros : amountMicros
    if (amount * quality >= this.atLeast) this.#take(candidate.buyerId, amount, quality)
  }

  #take(buyerId: AccountId, amountMicros: number, quality: number): void {
    const best = this.#best
    const second = this.#bestOfAnother
    if (best.buyerId === null || isAbove(amountMicros, quality, best)) {
      if (best.buyerId !== null && best.buyerId !== buyerId) {
        this.#bestOfAnother = best
        this.#best = second
      }
      set(this.#best, buyerId, amountMicros, quality)
    } else if (buyerId !== best.buyerId && (second.buyerId === null || isAbove(amountMicros, quality, second))) {
      set(second, buyerId, amountMicros, quality)
    }
    const other = this.#bestOfAnother
    this.atLeast = other.buyerId === null ? 0 : other.amountMicros * other.quality
  }

  /** Good until the next is added. */
  scoreOfAnother(buyerId: AccountId): Score | null {
    const score = this.#best.buyerId === buyerId ? this.#bestOfAnother : this.#best
    return score.buyerId === null ? null : score
  }
}

/** Whose it is; null: nobody's yet. Written over, since each place in the ranking has another. */
interface OwnedScore {
  buyerId: AccountId | null
  amountMicros: number
  quality: QualityThousandths
}

function set(score: OwnedScore, buyerId: AccountId, amountMicros: number, quality: number): void {
  score.buyerId = buyerId
  score.amountMicros = amountMicros
  score.quality = quality
}

function isAbove(amountMicros: number, quality: number, other: Score): boolean {
  const difference = amountMicros * quality - other.amountMicros * other.quality
  if (difference !== 0) return difference > 0
  if (amountMicros * quality <= Number.MAX_SAFE_INTEGER) return false
  return compareScores({ amountMicros, quality }, other) > 0
}

// A heap, since of a thousand eligible bids only the first ten are ever put in order.
function heapify(heap: Candidate[]): void {
  for (let i = (heap.length >> 1) - 1; i >= 0; i--) sink(heap, i)
}

function popBest<C extends Candidate>(heap: C[]): C {
  const best = heap[0]
  assert(best !== undefined, 'the heap is empty')
  const last = heap.pop()!
  if (heap.length > 0) {
    heap[0] = last
    sink(heap, 0)
  }
  return best
}

function sink(heap: Candidate[], from: number): void {
  const moving = heap[from]!
  let hole = from
  for (;;) {
    let child = 2 * hole + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && ranksBefore(heap[child + 1]!, heap[child]!)) child++
    if (!ranksBefore(heap[child]!, moving)) break
    heap[hole] = heap[child]!
    hole = child
  }
  heap[hole] = moving
}

function floorToCent(micros: number): number {
  return micros - (micros % CENT)
}

function ceilToCent(micros: number): number {
  const rest = micros % CENT
  return rest === 0 ? micros : micros - rest + CENT
}
