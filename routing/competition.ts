import type { Award } from '../model/auction.ts'
import type { ClosedThen as Closed } from '../model/decision.ts'
import type { AccountId, NumberId } from '../model/ids.ts'
import { LastUsed } from '../model/last-used.ts'

/** What was enough is told by so many of a number's last auctions. */
const KEPT = 64
/** Before so many nobody bids less for it. */
const FEWEST = 20
/** The share of them that the estimate would have won. */
const WON = 0.8
const LEAST = 500
/** A cent above what equals another bid. */
const CENT = 10_000
/** Most numbers: past it the one longest without an auction is forgotten. */
const MOST_NUMBERS = 5000

/**
 * What was enough to win the calls of each number sold at first price, by its last auctions: closed ones alone, and those of
 * calls that came. A buyer that has `competition` turned on bids what would have won four of five, down to half its amount.
 */
export class Competition {
  readonly #byNumber: LastUsed<NumberId, Closed[]>

  constructor(mostNumbers = MOST_NUMBERS) {
    this.#byNumber = new LastUsed(mostNumbers)
  }

  get size(): number {
    return this.#byNumber.size
  }

  /** An auction at first price has closed; `awards` are ranked. */
  closed(numberId: NumberId, awards: readonly Award[]): void {
    const [winner] = awards
    const other = awards.find((award) => award.buyerId !== winner?.buyerId)
    const auctions = this.#byNumber.use(numberId, () => [])
    auctions.push({
      buyerId: winner?.buyerId ?? null,
      best: winner ? scoreOf(winner) : 0,
      bestOfAnother: other ? scoreOf(other) : 0,
    })
    if (auctions.length > KEPT) auctions.shift()
  }

  /** What is known of a number, the oldest first. */
  of(numberId: NumberId): readonly Closed[] {
    return this.#byNumber.peek(numberId)?.slice() ?? []
  }

  /** Knows what `of` has told, of a number of which nothing is known. */
  putBack(numberId: NumberId, closed: readonly Closed[]): void {
    this.#byNumber.use(numberId, () => closed.slice())
  }

  /** What a bid of this buyer needs of its amount, in thousandths: 500 to 1000; 1000 while too few auctions are known. */
  factor(numberId: NumberId, buyerId: AccountId, quality: number, amountMicros: number, lowestMicros: number): number {
    const auctions = this.#byNumber.peek(numberId)
    if (auctions === undefined || auctions.length < FEWEST) return 1000
    const enough = Float64Array.from(auctions, (one) =>
      one.buyerId === buyerId ? one.bestOfAnother : one.best,
    ).toSorted()
    const needed = enough[Math.ceil(enough.length * WON) - 1]!
    const micros = Math.max(lowestMicros, Math.ceil((needed * 1000) / quality) + CENT)
    return Math.min(1000, Math.max(LEAST, Math.ceil((micros / amountMicros) * 1000)))
  }
}

/** The effective amount at a quality of 1000. */
function scoreOf({ score }: Award): number {
  return Number(score / 1000n)
}
