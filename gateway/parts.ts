import type { Balances } from '../accounts/holds.ts'
import type { Logger } from '../config/logger.ts'
import type { Telemetry } from '../config/telemetry.ts'
import type { EnginePool } from '../media/engine-pool.ts'
import type { Clock } from '../model/clock.ts'
import type { AccountId, TrunkId } from '../model/ids.ts'
import type { Places } from '../model/places.ts'
import type { Routing } from '../routing/route-call.ts'
import type { Announcements } from './announcements.ts'
import type { Bidders } from './bidders/bidders.ts'
import type { CallPolicies } from './call-policies.ts'
import type { Authentication } from './identity/authentication.ts'
import type { CallQuality } from './quality/call-quality.ts'
import type { ClickTokens } from './identity/click-tokens.ts'
import type { Directory } from './directory.ts'
import type { Call } from './live-call.ts'
import type { LiveCalls } from './live-calls.ts'
import type { MenuPlaces } from './menu/menu-places.ts'
import type { ConversionKeeper, RecordWriter } from './needs.ts'
import type { OwnDialogs } from './transfers/own-dialogs.ts'
import type { Pings } from './pings/pings.ts'
import type { Probes } from './reachability/probes.ts'
import type { RecordingShelf } from './audio/recording-shelf.ts'
import type { RefusalCounter } from './refusal-counter.ts'
import type { Reservations } from './reserving/reserve.ts'
import type { Registrar } from './registrar/registrar.ts'
import type { OutgoingIdentity } from './stir/outgoing-identity.ts'
import type { Screening } from './screening/screening.ts'
import type { Signaling } from './srf.ts'
import type { Trunks } from './identity/trunks.ts'

/** Everything a call's steps need; main.ts builds it once. */
export interface ExchangeParts {
  readonly clock: Clock
  readonly log: Logger
  readonly telemetry: Telemetry
  readonly signaling: Signaling
  readonly media: EnginePool
  readonly trunks: Trunks
  readonly authentication: Authentication
  readonly clickTokens: ClickTokens
  /** The SIP server is the embedded one: X-DCE-TLS-Client and X-DCE-Origin are its own words, since it strips what others send, and X-DCE-Party is for it alone. */
  readonly isSipServerOurs: boolean
  readonly registrar: Registrar
  readonly directory: Directory
  readonly places: Places
  readonly screening: Pick<Screening, 'screen' | 'screenAgain'>
  /** Absent or null: we sign no calls. */
  readonly outgoingIdentity?: Pick<OutgoingIdentity, 'sign'> | null
  readonly routing: Routing
  readonly pings: Pings
  /** Absent: nobody is asked by HTTP. */
  readonly bidders?: Bidders
  readonly balances: Balances
  readonly conversions: ConversionKeeper
  readonly reservations: Reservations
  readonly recordings: Pick<RecordingShelf, 'begun' | 'ended'>
  readonly writer: RecordWriter
  readonly announcements: Announcements
  readonly liveCalls: LiveCalls
  readonly menuPlaces: MenuPlaces
  readonly ownDialogs: OwnDialogs
  readonly refusalCounter: RefusalCounter
  /** A call is over and written down. */
  readonly callEnded?: (call: Call) => void
  readonly quality: CallQuality
  readonly operatorId: AccountId
  readonly probes: Probes
  /** Whether an outbound trunk answers, and is registered where it has to be. */
  readonly isTrunkWorking: (id: TrunkId) => boolean
  readonly limits: ExchangeLimits
  readonly policies: CallPolicies
  /** True once the drain has begun. */
  readonly draining: () => boolean
}

export interface ExchangeLimits {
  readonly maxConcurrentCalls: number
  readonly maxSetupMs: number
  /** How long a caller may be asked, all attempts together. */
  readonly maxMenuMs: number
  /** How long an outbound trunk may say nothing but 100 while another one is left. */
  readonly trunkSilenceMs: number
  readonly maxCallDurationMs: number
}
