import type { Queries } from './postgres.ts'
import type { StorageLog } from './storage-log.ts'

/** A bid for one call is of use for two seconds; for so long after, s, its buyer can still look at it. */
const KEPT_SECONDS = 3_600
const SWEEP_EVERY_MS = 3_600_000
/** Deleted by one statement. */
const AT_ONCE = 1_000

/** Deletes bids whose call is long over: they would keep their campaign and target from being deleted. Answers how many. */
export async function sweepLiveBids(queries: Queries, keptSeconds = KEPT_SECONDS): Promise<number> {
  let swept = 0
  for (;;) {
    const gone = await queries.rows(
      `delete from bids where id in (
         select id from bids where call_id is not null and created_at < now() - make_interval(secs => $1) limit ${AT_ONCE}
       ) returning id`,
      [keptSeconds],
    )
    swept += gone.length
    if (gone.length < AT_ONCE) return swept
  }
}

/** Sweeps now and every hour. What it answers with ends it. */
export function keepSweepingLiveBids(queries: Queries, log: StorageLog): () => Promise<void> {
  let running: Promise<void> = Promise.resolve()
  const sweep = (): void => {
    running = running
      .then(() => sweepLiveBids(queries))
      .then((swept) => log.debug({ swept }, 'bids of calls that are over were deleted'))
      .catch((error: Error) => log.debug({ error: error.message }, 'bids of calls that are over could not be deleted'))
  }
  sweep()
  const timer = setInterval(sweep, SWEEP_EVERY_MS)
  timer.unref()
  return async () => {
    clearInterval(timer)
    await running
  }
}
