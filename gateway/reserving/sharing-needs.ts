import type { Logger } from '../../config/logger.ts'
import type { Telemetry } from '../../config/telemetry.ts'
import type { Clock } from '../../model/clock.ts'
import type { AccountId } from '../../model/ids.ts'
import type { Routing } from '../../routing/route-call.ts'
import type { AccountRebuilt, SharedCounters } from '../needs.ts'
import type { Taken } from '../taken.ts'
import type { OwnReservations } from './reserve.ts'

export interface SharingOptions {
  /** How long what a gateway has taken outlives it. */
  readonly leaseMs: number
  /** How many gateways share what was free when the counters were lost. */
  readonly gateways: number
  /** After the counters have lost their memory, how long gateways have to say what they have taken before anything new is. */
  readonly rejoinMs: number
}

export interface SharingNeeds {
  readonly own: OwnReservations
  readonly routing: Pick<Routing, 'claim'>
  readonly voidHold: (taken: Taken) => void
  readonly shared: SharedCounters
  /** What an account's counters are rebuilt from. */
  readonly read: (accountId: AccountId) => Promise<AccountRebuilt>
  /** Whether what has been written is in the database, and not only in the spool. */
  readonly isInDatabase: () => boolean
  readonly clock: Clock
  readonly log: Pick<Logger, 'info' | 'warn'>
  readonly telemetry: Pick<Telemetry, 'sharedAwards' | 'sharedUp'>
}
