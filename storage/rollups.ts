import type { Postgres } from './postgres.ts'
import { isAway } from './store-errors.ts'
import type { StorageLog } from './storage-log.ts'

/** How often the calls that have ended are rolled up, ms. Until then reports count them one by one. */
const ROLL_UP_EVERY_MS = 10_000
/** Facts rolled up in one transaction, about: a commit's are not parted. It takes some 10 ms of a processor; four times as many take four times as long. */
const FACTS_AT_ONCE = 500
/** After a transaction that left some, ms: whoever takes calls has the database to itself meanwhile. */
const PAUSE_MS = 60
/** Sums by minute are kept for so many days; hours and days for good. */
const KEEP_MINUTES_DAYS = 35
/** How often minutes are looked at that are older, ms. Above how long a report may take. */
const SWEEP_EVERY_MS = 3_600_000

/** What is summed, as `call_facts` and the rollups call it, in the order of their columns. */
export const SUMS: readonly string[] = [
  'calls',
  'answered',
  'effective',
  'billed',
  'rang',
  'disputed',
  'talk_us',
  'post_dial_us',
  'revenue_micros',
  'payout_micros',
  'credit_micros',
  'clawback_micros',
]

/** Sums what ended calls came to (migrations/0029), in the background: nothing waits for it, and a report is right without it. */
export class Rollups {
  readonly #postgres: Postgres
  readonly #log: StorageLog
  readonly #timer: NodeJS.Timeout
  #running: Promise<void> = Promise.resolve()
  #isRunning = false
  #closed = false
  #endPause: (() => void) | null = null
  #sweptAt = -Infinity

  constructor(postgres: Postgres, log: StorageLog) {
    this.#postgres = postgres
    this.#log = log
    this.#timer = setInterval(() => this.#look(), ROLL_UP_EVERY_MS)
    this.#timer.unref()
  }

  /** Rolls up until nothing waits, or another process is found at it. Answers how many facts. */
  async rollUp(factsAtOnce = FACTS_AT_ONCE, pauseMs = 0): Promise<number> {
    let total = 0
    while (!this.#closed) {
      const done = await this.#postgres.transaction(async (tx) => {
        // What a crash undoes is rolled up again: nobody need wait for the disk.
        await tx.rows('set local synchronous_commit = off')
        const [row] = await tx.rows('select roll_up($1) as done', [factsAtOnce])
        return Number(row!['done'] ?? 0)
      })
      total += done
      if (done < factsAtOnce) break
      if (pauseMs > 0) await this.#pause(pauseMs)
    }
    return total
  }

  /** Ends with the transaction under way. */
  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#timer)
    this.#endPause?.()
    await this.#running
  }

  #look(): void {
    if (this.#isRunning) return
    this.#isRunning = true
    this.#running = this.#work()
      .catch((error: unknown) => {
        // A database that is away is somebody else's to report. Anything else lasts, and reports grow slow with what waits.
        const level = isAway(error) ? 'debug' : 'warn'
        this.#log[level]({ error: (error as Error).message }, 'calls could not be rolled up')
      })
      .finally(() => (this.#isRunning = false))
  }

  async #work(): Promise<void> {
    await this.rollUp(FACTS_AT_ONCE, PAUSE_MS)
    if (this.#closed || performance.now() - this.#sweptAt < SWEEP_EVERY_MS) return
    this.#sweptAt = performance.now()
    await this.#postgres.rows('select let_minutes_go(make_interval(days => $1))', [KEEP_MINUTES_DAYS])
  }

  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      const end = (): void => {
        clearTimeout(timer)
        resolve()
      }
      this.#endPause = end
    })
    this.#endPause = null
  }
}
