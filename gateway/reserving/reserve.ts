import { mostOf } from '../../accounts/conversion.ts'
import type { Balances } from '../../accounts/holds.ts'
import type { Award } from '../../model/auction.ts'
import type { NonBidCode } from '../../model/bid.ts'
import type { AccountId, CallId } from '../../model/ids.ts'
import type { Currency } from '../../model/money.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import type { Routing } from '../../routing/route-call.ts'
import type { Taken } from '../taken.ts'

/** One award that is to be rung, or kept for a ping. */
export interface ReserveRequest {
  readonly award: Award
  readonly callId: CallId
  readonly ani: PhoneNumber | null
  readonly atMs: number
  readonly sellerId: AccountId
  readonly currency: Currency
}

/** What has been taken, or why nothing has. */
export type Reserved = Taken | NonBidCode

/**
 * Places, caps, budgets, funds and callers behind one door: all of an award's are taken, or none. Where this process counts alone it
 * answers at once; where gateways count together, when the shared counters have.
 */
export interface Reservations {
  reserve(request: ReserveRequest): Reserved | Promise<Reserved>
}

/** What this process counts by itself. */
export class OwnReservations implements Reservations {
  readonly #routing: Routing
  readonly #balances: Balances

  constructor(routing: Routing, balances: Balances) {
    this.#routing = routing
    this.#balances = balances
  }

  reserve({ award, callId, ani, atMs, sellerId, currency }: ReserveRequest): Reserved {
    const reservation = this.#routing.reserve(award, callId, ani, atMs, sellerId)
    if (typeof reservation === 'string') return reservation
    const hold = this.#balances.hold(award.buyerId, callId, mostOf(award), currency)
    if (typeof hold !== 'string') return { reservation, hold }
    reservation.release()
    return hold
  }
}
