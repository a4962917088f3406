/** The most calls of a period; null is no limit. The same words for campaigns, targets, buyers and sellers. */
export interface Caps {
  readonly hourly: number | null
  readonly daily: number | null
  readonly monthly: number | null
  readonly total: number | null
  /** At once, from INVITE to the end of the leg. */
  readonly concurrent: number | null
}

export const NO_CAPS: Caps = { hourly: null, daily: null, monthly: null, total: null, concurrent: null }
