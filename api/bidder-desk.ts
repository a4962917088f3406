import type { BidderState } from '../model/bidder-state.ts'
import type { BidderId } from '../model/ids.ts'

/** What the running exchange knows and keeps of buyers' HTTP bidders. */
export interface BidderDesk {
  /** A secret as it is kept: only the exchange opens it again. */
  seal(secret: string): string
  /** Whether this is the mark that our own pings to bidders bear. */
  isOurs(token: string | undefined): boolean
  /** Null: it has just been made, or is gone. */
  stateOf(id: BidderId): BidderState | null
}
