/** Most entries of one bid, over all kinds: a ZIP list of a whole region. */
export const MAX_MODIFIERS = 10_000
/** In thousandths: a bid may count for nothing, or for twice as much as far as its amount allows. */
export const MOST_MODIFIER = 2000

/**
 * What a bid's amount is multiplied by for a call, in thousandths, by what the call is; all that match are multiplied, and 0 is
 * no bid. What is not listed changes nothing.
 */
export interface Modifiers {
  readonly zips: Readonly<Record<string, number>>
  readonly states: Readonly<Record<string, number>>
  /** By the hour of the wall clock in `timezone`, `0` to `23`. */
  readonly hours: Readonly<Record<string, number>>
  /** By `name=value`, the value in lower case. */
  readonly tags: Readonly<Record<string, number>>
  /** IANA zone; the campaign's when the buyer named none. */
  readonly timezone: string
}
