import type { PhoneNumber } from './phone-number.ts'

/** One place a number or ZIP can be: a state (two letters) and the IANA zone its clocks keep. */
export interface Place {
  readonly state: string
  readonly timezone: string
}

export interface ZipPlace extends Place {
  readonly zip: string
  readonly city: string
  readonly lat: number
  readonly lon: number
}

/**
 * Where numbers and ZIP codes are. Evidence, not fact: people keep their numbers when they move, so a number answers with
 * every place it may be (all of them must allow a call); a ZIP is exact.
 */
export interface Places {
  /** Every place a North American number may be; empty for toll-free, unassigned and foreign numbers. */
  ofNumber(number: PhoneNumber): readonly Place[]
  /** Whether these places, as `ofNumber` has answered, are known by the number's exchange, and not by its area code alone. */
  isOfExchange(places: readonly Place[]): boolean
  ofZip(zip: string): ZipPlace | null
}
