import type { Queries } from './postgres.ts'
import type { StorageLog } from './storage-log.ts'

/** How often it is looked whether there is enough to clear, ms. */
export const LOOK_EVERY_MS = 4_000
/** Records committed since the last time, some two a call. Of fewer PostgreSQL's own autovacuum, once a minute, is in time. */
export const WORTH_RECORDS = 4_000
/** After a clearing it rests for so many times as long as that took: behind a transaction that stays open there is much to read, and nothing to gain. */
export const REST_TIMES = 20
/** Nor longer than this, ms, whatever it waited for. */
const LONGEST_REST_MS = 60_000

/**
 * `open_calls` is a queue: a row a call, of half a page and more, gone when the call is over. PostgreSQL uses the place of what is gone
 * after a VACUUM only. Until autovacuum came the table grew by 8 MB a second at 1,000 calls/s, pushed out of the shared buffers what is
 * needed, and was written to the disk for nobody. So the gateways that fill it clear it, too.
 */
export class OpenCallsVacuum {
  readonly #queries: Queries
  readonly #log: StorageLog
  readonly #timer: NodeJS.Timeout
  #records = 0
  #running: Promise<void> | null = null
  #restUntilMs = -Infinity

  constructor(queries: Queries, log: StorageLog) {
    this.#queries = queries
    this.#log = log
    this.#timer = setInterval(() => {
      if (this.#records >= WORTH_RECORDS && performance.now() >= this.#restUntilMs) void this.clear()
    }, LOOK_EVERY_MS)
    this.#timer.unref()
  }

  /** Told of every group commit. */
  committed(records: number): void {
    this.#records += records
  }

  /** Clears now, or joins the clearing under way; leaves it to another process that is at it. Does not reject. */
  clear(): Promise<void> {
    this.#running ??= this.#clear().finally(() => (this.#running = null))
    return this.#running
  }

  async #clear(): Promise<void> {
    this.#records = 0
    const beganMs = performance.now()
    try {
      // Its pages are kept: the next calls need as many, and giving them back would lock the table.
      await this.#queries.rows('vacuum (skip_locked, truncate false) open_calls')
    } catch (error) {
      // Autovacuum comes anyway, and a database that is away is somebody else's to report.
      this.#log.debug({ error: (error as Error).message }, 'open_calls could not be cleared')
    }
    const nowMs = performance.now()
    this.#restUntilMs = nowMs + Math.min(LONGEST_REST_MS, REST_TIMES * (nowMs - beganMs))
  }

  /** Ends with the clearing under way. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#running
  }
}
