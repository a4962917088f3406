import type { Logger } from '../../config/logger.ts'
import type { FraudScore } from '../../model/fraud.ts'
import type { FraudKeeper } from '../needs.ts'

/** Scores that wait to be written; past them the oldest is given up: the call's own record has its score too. */
export const MAX_WAITING = 20_000
/** Written at a time: a larger batch is felt by the calls of that moment. */
const BATCH = 128
const EVERY_MS = 100

/** Writes scores down beside the calls: nothing waits for it, and a database that is away costs at most the oldest of them. */
export class ScoreKeeper {
  readonly #keeper: Pick<FraudKeeper, 'addScores'>
  readonly #log: Pick<Logger, 'warn'>
  readonly #onDropped: (count: number) => void
  readonly #waiting: FraudScore[] = []
  #timer: NodeJS.Timeout | null = null
  #writing: Promise<void> | null = null
  #hasFailed = false

  constructor(keeper: Pick<FraudKeeper, 'addScores'>, log: Pick<Logger, 'warn'>, onDropped: (count: number) => void) {
    this.#keeper = keeper
    this.#log = log
    this.#onDropped = onDropped
  }

  get waiting(): number {
    return this.#waiting.length
  }

  add(score: FraudScore): void {
    this.#waiting.push(score)
    if (this.#waiting.length > MAX_WAITING) {
      this.#waiting.shift()
      this.#onDropped(1)
    }
    this.#timer ??= setTimeout(() => void this.flush(), EVERY_MS)
  }

  /** Resolves when what waits now is written, or could not be: then it is tried again with the next. */
  async flush(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
    // One at a time: it goes on until nothing waits.
    this.#writing ??= this.#write().finally(() => (this.#writing = null))
    await this.#writing
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, BATCH)
      try {
        await this.#keeper.addScores(batch)
        // By what they are: the oldest may have been given up meanwhile.
        const written = new Set(batch)
        while (this.#waiting.length > 0 && written.has(this.#waiting[0]!)) this.#waiting.shift()
        this.#hasFailed = false
      } catch (error) {
        if (!this.#hasFailed) this.#log.warn({ error: (error as Error).message }, 'fraud scores could not be written')
        this.#hasFailed = true
        this.#timer ??= setTimeout(() => void this.flush(), EVERY_MS)
        this.#timer.unref()
        return
      }
    }
  }

  /** Writes what is left, once. */
  async close(): Promise<void> {
    await this.#writing // It may fail, and what is left is tried once more.
    await this.flush()
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
  }
}
