import type { Auction } from '../../model/auction.ts'
import type { AccountId, AuctionId } from '../../model/ids.ts'
import type { Micros } from '../../model/money.ts'
import type { AuctionRequest } from '../../routing/route-call.ts'

/** Pings that came to an auction and to no call: so many are remembered, the latest. */
export const MAX_PING_DECISIONS = 10_000
/** Losing bids they name, all together: some 64 bytes each. */
export const MAX_DECISION_NON_BIDS = 300_000

/** How a ping was decided: enough to tell everyone it touched why. */
export interface PingDecision {
  readonly request: AuctionRequest
  readonly auction: Auction
  readonly sellerId: AccountId
  /** What was quoted; null for a ping that was not accepted. */
  readonly payoutMicros: Micros | null
}

/** The latest decisions about pings that nothing else holds any more, in memory: a call's own are written with its record. */
export class PingDecisions {
  readonly #decisions = new Map<AuctionId, PingDecision>()
  readonly #maxDecisions: number
  readonly #maxNonBids: number
  #nonBids = 0

  constructor(maxDecisions = MAX_PING_DECISIONS, maxNonBids = MAX_DECISION_NON_BIDS) {
    this.#maxDecisions = maxDecisions
    this.#maxNonBids = maxNonBids
  }

  get size(): number {
    return this.#decisions.size
  }

  add(decision: PingDecision): void {
    this.#decisions.set(decision.auction.id, decision)
    this.#nonBids += decision.auction.nonBids.length
    for (const [id, { auction }] of this.#decisions) {
      if (this.#decisions.size <= this.#maxDecisions && this.#nonBids <= this.#maxNonBids) return
      this.#decisions.delete(id)
      this.#nonBids -= auction.nonBids.length
    }
  }

  find(id: AuctionId): PingDecision | undefined {
    return this.#decisions.get(id)
  }
}
