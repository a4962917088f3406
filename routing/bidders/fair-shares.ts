import type { AccountId } from '../../model/ids.ts'

interface OfBuyer {
  readonly buyerId: AccountId
}

/**
 * Shares out a bounded number of places among what buyers have, one of each buyer in turn: whoever has much keeps out nobody who has little. With
 * more buyers than places another one begins each time.
 */
export class FairShares {
  readonly #most: number
  #turn = 0

  constructor(most: number) {
    this.#most = most
  }

  share<T extends OfBuyer>(all: readonly T[]): { readonly taken: readonly T[]; readonly left: readonly T[] } {
    if (all.length <= this.#most) return { taken: all, left: [] }
    const byBuyer = [...Map.groupBy(all, ({ buyerId }) => buyerId).values()]
    const first = this.#turn++ % byBuyer.length
    const inTurn = [...byBuyer.slice(first), ...byBuyer.slice(0, first)]
    const ordered: T[] = []
    for (let round = 0; ordered.length < all.length; round++)
      for (const each of inTurn) if (round < each.length) ordered.push(each[round]!)
    return { taken: ordered.slice(0, this.#most), left: ordered.slice(this.#most) }
  }
}
