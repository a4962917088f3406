import type { Hold } from '../model/ledger.ts'
import type { Reservation } from '../routing/route-call.ts'

/** One award's funds and places. */
export interface Taken {
  readonly reservation: Reservation
  readonly hold: Hold
}
