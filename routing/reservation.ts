import { strict as assert } from 'node:assert'
import type { NonBidCode } from '../model/bid.ts'
import type { Micros } from '../model/money.ts'
import type { PhoneNumber } from '../model/phone-number.ts'
import type { CampaignUsage, UsageEntry } from './campaign-usage.ts'
import type { StandingBid, TargetState } from './standing-bid.ts'

/**
 * The places one award takes while it is rung and answered: on its bid, its target and its campaign, and its price in the
 * budget. It ends once, by whichever of the two comes first; the other then changes nothing.
 */
export interface Reservation {
  /** The award was not answered: everything is as if it had never been tried. */
  release(): void
  /** The answered leg has ended: its places are free, it stays counted as a call, and the budget has what was billed (0 if nothing). */
  settle(billedMicros: Micros): void
}

/** Why a bid has no place for one more call of this caller now, money aside; null when it has. */
export function judgePlaces(bid: StandingBid, ani: PhoneNumber | null, atMs: number): NonBidCode | null {
  const most = bid.bid.maxConcurrentCalls
  if (most !== null && bid.places.inUse >= most) return 'bid_concurrency'
  const { target, inUse } = bid.target
  if (target !== null && target.maxConcurrentCalls !== null && inUse >= target.maxConcurrentCalls) {
    return 'target_concurrency'
  }
  return bid.campaign.usage.judge(ani, atMs)
}

/** Takes the places and counts the price. Whoever calls has judged before: nothing waits in between. */
export function takePlaces(
  bid: StandingBid,
  ani: PhoneNumber | null,
  atMs: number,
  priceMicros: number,
  onEnd: () => void,
): Reservation {
  bid.places.inUse++
  bid.target.inUse++
  const entry = bid.campaign.usage.take(ani, atMs, priceMicros)
  return new Places(bid.places, bid.target, bid.campaign.usage, entry, onEnd)
}

class Places implements Reservation {
  readonly #bid: { inUse: number }
  readonly #target: TargetState
  readonly #usage: CampaignUsage
  readonly #entry: UsageEntry
  readonly #onEnd: () => void
  #ended = false

  constructor(bid: { inUse: number }, target: TargetState, usage: CampaignUsage, entry: UsageEntry, onEnd: () => void) {
    this.#bid = bid
    this.#target = target
    this.#usage = usage
    this.#entry = entry
    this.#onEnd = onEnd
  }

  release(): void {
    if (this.#end()) this.#usage.giveBack(this.#entry)
  }

  settle(billedMicros: Micros): void {
    assert(billedMicros >= 0n, 'a buyer is not billed less than nothing')
    if (this.#end()) this.#usage.settle(this.#entry, Number(billedMicros))
  }

  #end(): boolean {
    if (this.#ended) return false
    this.#ended = true
    this.#bid.inUse--
    this.#target.inUse--
    this.#onEnd()
    return true
  }
}
