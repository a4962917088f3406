import { strict as assert } from 'node:assert'
import type { NonBidCode } from '../model/bid.ts'
import type { Micros } from '../model/money.ts'
import type { PhoneNumber } from '../model/phone-number.ts'
import type { CallCounter, Counted } from './call-counter.ts'
import type { Contact } from './caller-history.ts'
import type { StandingBid } from './standing-bid.ts'

/**
 * The places one award takes while it is rung and answered: on its bid, its target, its campaign, its buyer and the seller,
 * and its price in the budget. It ends once, by whichever of the two comes first; the other then changes nothing.
 */
export interface Reservation {
  /** The award was not answered: everything is as if it had never been tried. */
  release(): void
  /**
   * The call it was taken for has come, and says who calls: that caller has had one more, and not the one who was expected. Why the buyer
   * wants no more of this one; null when it does. Whoever withholds its number is who was expected.
   */
  callsFrom(ani: PhoneNumber | null): NonBidCode | null | Promise<NonBidCode | null>
  /** It has been answered: should this process die, it stays a call. */
  answered(): void
  /** The answered leg has ended: its places are free, it stays counted as a call, and the budget has what was billed (0 if nothing). `keptMicros` stays held: the call was sold by conversion, and may still cost so much. */
  settle(billedMicros: Micros, keptMicros?: Micros | null): void
  /** What was billed is in the ledger. */
  written(): void
}

/** Why a bid has no place for one more call of this caller now, money aside; null when it has. */
export function judgePlaces(bid: StandingBid, ani: PhoneNumber | null, atMs: number): NonBidCode | null {
  const most = bid.bid.maxConcurrentCalls
  if (most !== null && bid.places.count >= most) return 'bid_concurrency'
  const { target, campaign, buyer } = bid
  const mostRung = target.target?.maxConcurrentCalls ?? null
  if (mostRung !== null && target.usage.inUse >= mostRung) return 'target_concurrency'
  if (target.usage.judge(atMs) !== null) return 'target_cap'
  const byCampaign = campaign.usage.judge(atMs)
  if (byCampaign !== null) return byCampaign === 'cap' ? 'campaign_cap' : 'campaign_concurrency'
  const byBuyer = buyer.usage.judge(atMs)
  if (byBuyer !== null) return byBuyer === 'cap' ? 'buyer_cap' : 'buyer_concurrency'
  return judgeCaller(bid, ani, atMs)
}

function judgeCaller({ bid, buyer, campaign }: StandingBid, ani: PhoneNumber | null, atMs: number): NonBidCode | null {
  const rule = campaign.campaign?.frequency ?? null
  if (rule === null || ani === null) return null
  return buyer.callers.isExhausted(ani, rule, bid.campaignId, bid.targetId, atMs) ? 'frequency_cap' : null
}

/** Takes the places and counts the price. Whoever calls has judged before: nothing waits in between. */
export function takePlaces(
  bid: StandingBid,
  seller: CallCounter | null,
  ani: PhoneNumber | null,
  atMs: number,
  priceMicros: number,
  onEnd: () => void,
): Reservation {
  bid.places.count++
  const counters = [bid.target.usage, bid.campaign.usage, bid.buyer.usage]
  if (seller !== null) counters.push(seller)
  const counted = counters.map((counter) => counter.take(atMs, priceMicros))
  const { campaignId, targetId } = bid.bid
  const contact = { atMs, campaignId, targetId, isConverted: false }
  if (ani !== null) bid.buyer.callers.add(ani, contact)
  return new Places({ bid, counters, counted, ani, contact, priceMicros, onEnd })
}

interface Taken {
  readonly bid: StandingBid
  readonly counters: readonly CallCounter[]
  readonly counted: readonly Counted[]
  /** Who calls. Null: not known. */
  ani: PhoneNumber | null
  readonly contact: Contact
  readonly priceMicros: number
  readonly onEnd: () => void
}

class Places implements Reservation {
  readonly #taken: Taken
  #ended = false

  constructor(taken: Taken) {
    this.#taken = taken
  }

  release(): void {
    if (!this.#end()) return
    const { bid, counters, counted, ani, contact, priceMicros } = this.#taken
    for (const [i, counter] of counters.entries()) counter.giveBack(counted[i]!, priceMicros)
    if (ani !== null) bid.buyer.callers.remove(ani, contact)
  }

  callsFrom(ani: PhoneNumber | null): NonBidCode | null {
    const { bid, ani: expected, contact } = this.#taken
    if (ani === null || ani === expected || this.#ended) return null
    const code = judgeCaller(bid, ani, contact.atMs)
    if (code !== null) return code
    const { callers } = bid.buyer
    if (expected !== null) callers.remove(expected, contact)
    callers.add(ani, contact)
    this.#taken.ani = ani
    return null
  }

  // Told for those who count elsewhere, too: here the counters die with the process.
  answered(): void {}
  written(): void {}

  settle(billedMicros: Micros): void {
    assert(billedMicros >= 0n, 'a buyer is not billed less than nothing')
    if (!this.#end()) return
    const { counters, counted, contact, priceMicros } = this.#taken
    for (const [i, counter] of counters.entries()) counter.settle(counted[i]!, priceMicros, Number(billedMicros))
    contact.isConverted = billedMicros > 0n
  }

  #end(): boolean {
    if (this.#ended) return false
    this.#ended = true
    this.#taken.bid.places.count--
    this.#taken.onEnd()
    return true
  }
}
