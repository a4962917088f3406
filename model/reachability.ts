/** What is known of a place we call: `unknown` until it has shown itself either way. */
export type ReachState = 'up' | 'down' | 'unknown'

export interface Reachability {
  readonly state: ReachState
  /** Since when; null while unknown, and of an address of record. */
  readonly since: Date | null
  /** The final status of the last OPTIONS or call there; null: none yet, or no answer. */
  readonly lastStatus: number | null
}

export const UNKNOWN_REACH: Reachability = { state: 'unknown', since: null, lastStatus: null }
