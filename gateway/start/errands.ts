import { eventsOfFunds } from '../../accounts/funds.ts'
import { issueInvoices } from '../../accounts/issue-invoices.ts'
import type { FundsStore, InvoiceIssuer } from '../../accounts/needs.ts'
import type { Logger } from '../../config/logger.ts'
import type { Clock } from '../../model/clock.ts'
import type { EventBus } from '../../model/events.ts'
import type { CallId } from '../../model/ids.ts'
import { hourly } from './hourly.ts'

/** How late an expired registration may go on winning calls. */
const EXPIRE_EVERY_MS = 1000
/** How late an expired ping may give back what it kept. */
const EXPIRE_PINGS_EVERY_MS = 250
/** How late a buyer may hear that its money runs low, is gone, or is there again. */
const FUNDS_EVERY_MS = 5000

/** Finishes what was cut off, and lets go what is too old. */
interface PrivacyErrands {
  resume(eraseRecordings: (callIds: readonly string[]) => Promise<void>): Promise<void>
  readonly retention: { run(): Promise<void>; close(): void }
}

export interface ErrandsNeeds {
  readonly log: Logger
  readonly clock: Clock
  readonly events: EventBus
  readonly registrar: { expire(): void }
  readonly pings: { expire(nowMs: number): void }
  readonly recordings: { sweep(): Promise<unknown>; erase(callIds: readonly CallId[]): Promise<void> }
  readonly storage: { readonly invoices: InvoiceIssuer; readonly funds: FundsStore; readonly privacy: PrivacyErrands }
  /** Finishes payouts that were cut off. */
  readonly goOnPaying: () => Promise<void>
}

/** What is done from time to time beside calls. What it answers with ends all of it, once what is under way is over. */
export function startErrands(needs: ErrandsNeeds): () => Promise<void> {
  const { log, clock, events, registrar, pings, recordings, storage, goOnPaying } = needs
  const now = (): Date => new Date(clock.now())
  const expiring = setInterval(() => registrar.expire(), EXPIRE_EVERY_MS)
  const expiringPings = setInterval(() => pings.expire(clock.monotonicMs()), EXPIRE_PINGS_EVERY_MS)
  const stopHourly = hourly(log, {
    recordings: async () => void (await recordings.sweep()),
    invoices: async () => void (await issueInvoices(storage.invoices, now())),
    payouts: goOnPaying,
    erasures: () => storage.privacy.resume((ids) => recordings.erase(ids as readonly CallId[])),
    retention: () => storage.privacy.retention.run(),
  })
  const tellFunds = async (): Promise<void> => {
    for (const event of await storage.funds.update(now(), eventsOfFunds)) events.publish(event)
  }
  const stopTelling = hourly(log, { funds: tellFunds }, FUNDS_EVERY_MS)
  return async () => {
    storage.privacy.retention.close()
    clearInterval(expiring)
    clearInterval(expiringPings)
    await Promise.all([stopHourly(), stopTelling()])
  }
}
