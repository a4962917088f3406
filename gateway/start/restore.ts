import type { Balances } from '../../accounts/holds.ts'
import type { Clock } from '../../model/clock.ts'
import type { Outcome } from '../../model/outcome.ts'
import { REMEMBERED_MS, STEP_MS } from '../../routing/decayed-counts.ts'
import type { Routing } from '../../routing/route-call.ts'
import type { RegistrationStore } from '../needs.ts'
import type { CallQuality } from '../quality/call-quality.ts'
import { restoreQuality } from '../quality/restore-quality.ts'
import type { Registrar } from '../registrar/registrar.ts'
import { USAGE_WINDOW_MS } from './sharing.ts'
import type { SteadyTime } from './steady-time.ts'
import { usageRows } from './usage-rows.ts'

/** What earlier processes have written down. */
interface RestoredStorage {
  readonly registrations: Pick<RegistrationStore, 'load'>
  readonly stores: { readonly calls: { readonly list: Parameters<typeof restoreQuality>[1] } }
  balances(): Promise<Parameters<Balances['load']>[0]>
  campaignUsage(since: Date): Promise<Parameters<typeof usageRows>[0]>
  outcomes(since: Date, stepMs: number): Promise<readonly Outcome[]>
}

interface RestoredParts {
  readonly clock: Clock
  readonly registrar: Registrar
  readonly steady: SteadyTime
  readonly balances: Balances
  readonly quality: CallQuality
  readonly routing: Routing
}

/** Who is registered, and what everybody has: with the book loaded. */
export async function restoreFunds(
  storage: Pick<RestoredStorage, 'registrations' | 'balances'>,
  { registrar, steady, balances }: Pick<RestoredParts, 'registrar' | 'steady' | 'balances'>,
): Promise<void> {
  for (const { userId, bindings } of await storage.registrations.load())
    registrar.restore(userId, steady.fromWall(bindings))
  balances.load(await storage.balances())
}

/** What the calls of before this start have used up, and how they went. */
export async function restoreHistory(
  storage: Pick<RestoredStorage, 'stores' | 'campaignUsage' | 'outcomes'>,
  { clock, quality, routing }: Pick<RestoredParts, 'clock' | 'quality' | 'routing'>,
): Promise<void> {
  await restoreQuality(quality, (page, filter) => storage.stores.calls.list(page, filter), clock.now())
  routing.restore(usageRows(await storage.campaignUsage(new Date(clock.now() - USAGE_WINDOW_MS))))
  for (const outcome of await storage.outcomes(new Date(clock.now() - REMEMBERED_MS), STEP_MS)) routing.learn(outcome)
}
