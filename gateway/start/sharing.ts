import type { Balances } from '../../accounts/holds.ts'
import type { Logger } from '../../config/logger.ts'
import type { Settings } from '../../config/settings.ts'
import { SettingsError } from '../../config/settings-error.ts'
import type { Telemetry } from '../../config/telemetry.ts'
import { systemClock, type Clock } from '../../model/clock.ts'
import type { AccountId, HoldId } from '../../model/ids.ts'
import type { Hold } from '../../model/ledger.ts'
import type { Routing } from '../../routing/route-call.ts'
import type { AccountUsage, SharedCounters } from '../needs.ts'
import { rebuiltFrom } from '../reserving/rebuild-account.ts'
import type { OwnReservations } from '../reserving/reserve.ts'
import { SharedReservations } from '../reserving/shared-reservations.ts'
import type { Taken } from '../taken.ts'

/** Calls older than this count only towards a campaign's totals: a month's cap in any timezone lies within it. */
export const USAGE_WINDOW_MS = 33 * 86_400_000

/** How long a start waits for Redis; then it goes on, and sells nothing until it is there. */
const JOIN_WAIT_MS = 10_000

/** How to reach Redis; null: nobody shares. Throws SettingsError for what is no Redis's address. */
export function redisOptions({ redis }: Settings, log: Logger, telemetry: Telemetry) {
  const { url, dialTimeoutMs, readTimeoutMs, leaseMs } = redis
  if (url === null) return null
  if (!URL.canParse(url) || !/^rediss?:$/.test(new URL(url).protocol))
    throw new SettingsError('redis.url', 'redis.url: must be redis://[user:password@]host[:port][/db], or rediss://…')
  if (redis.cluster && !/^\/?0?$/.test(new URL(url).pathname))
    throw new SettingsError('redis.url', 'redis.url: a cluster (redis.cluster) has no numbered databases')
  if (!redis.cluster && redis.clusterNodes !== null)
    throw new SettingsError('redis.cluster_nodes', 'redis.cluster_nodes: needs redis.cluster: true')
  const cluster = redis.cluster ? { cluster: redis.clusterNodes ?? [] } : {}
  const onAnswer = (seconds: number, hasFailed: boolean): void => {
    if (hasFailed) telemetry.redisFailures.inc()
    else telemetry.redisAnswer.observe(seconds)
  }
  return { url, ...cluster, connectTimeoutMs: dialTimeoutMs, deadlineMs: readTimeoutMs, leaseMs, log, onAnswer }
}

/** How gateways tell one another of their calls: of one in progress elsewhere at a start it is heard from there alone. */
export function callNewsOptions({ telephony }: Settings, telemetry: Telemetry) {
  return {
    lookBackMs: telephony.maxCallDurationMs,
    now: () => systemClock.now(),
    onLost: (count: number) => telemetry.callNewsLost.inc(count),
  }
}

export interface SharingParts {
  readonly shared: SharedCounters
  readonly settings: Settings
  readonly own: OwnReservations
  readonly routing: Routing
  readonly balances: Balances
  readonly storage: {
    accountUsage(id: AccountId, since: Date, contactsSince: Date | null): Promise<AccountUsage>
    readonly writer: { state(): string }
  }
  readonly clock: Clock
  readonly log: Logger
  readonly telemetry: Telemetry
}

/** The reservations of a gateway that counts together with others. */
export function createSharing(parts: SharingParts): SharedReservations {
  const { shared, settings, own, routing, balances, storage, clock, log, telemetry } = parts
  const read = async (accountId: AccountId) => {
    const now = clock.now()
    const backMs = routing.lookBackMs(accountId)
    const contactsSince = backMs === 0 ? null : new Date(now - backMs)
    const usage = await storage.accountUsage(accountId, new Date(now - USAGE_WINDOW_MS), contactsSince)
    return rebuiltFrom(accountId, usage, routing)
  }
  const isInDatabase = (): boolean => storage.writer.state() === 'database'
  const voidHold = ({ hold }: Taken): void => void balances.void(hold)
  return new SharedReservations(
    { own, routing, voidHold, shared, read, isInDatabase, clock, log, telemetry },
    settings.redis,
  )
}

/** Balances for holds that outlive their call: what they come to in the end of a turn is told. */
export function toldTo(balances: Pick<Balances, 'adopt' | 'void'>, tell: (hold: Hold) => void): typeof balances {
  const changed = new Map<HoldId, Hold>()
  const change = (hold: Hold): void => {
    if (changed.size === 0) setImmediate(tellAll)
    changed.set(hold.id, hold)
  }
  const tellAll = (): void => {
    for (const hold of changed.values()) tell(hold)
    changed.clear()
  }
  return {
    adopt(hold) {
      balances.adopt(hold)
      change(hold)
    },
    void(hold) {
      change({ ...hold, amountMicros: 0n })
      return balances.void(hold)
    },
  }
}

/** Waits for Redis, for a while, and says which of the two it is. */
export async function waitForSharing(sharing: SharedReservations | null, log: Logger): Promise<void> {
  if (sharing === null) return log.info({}, 'places, caps, budgets and funds are counted by this process alone')
  if (!(await sharing.joined(JOIN_WAIT_MS)))
    log.warn({}, 'Redis does not answer: nothing is sold that other gateways might sell, too, until it does')
}
