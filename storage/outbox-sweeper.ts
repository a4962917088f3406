import { outboxState, trimOutbox, type OutboxState } from './outbox.ts'
import type { Queries } from './postgres.ts'
import type { StorageLog } from './storage-log.ts'

/** How often the outbox is counted and kept within its limits, ms. Between two times it may grow beyond them. */
export const SWEEP_EVERY_MS = 5_000

/** Keeps the outbox within its limits, and counts it. */
export class OutboxSweeper {
  trimmed = 0
  state: OutboxState = { events: 0, ageSeconds: 0, deadLetters: 0 }
  readonly #queries: Queries
  readonly #limits: { readonly maxEvents: number; readonly maxAgeMs: number | null }
  readonly #log: StorageLog

  /** `maxAgeMs` null: age is no reason, since somebody is to have all of them. Then what goes is lost, and said. */
  constructor(queries: Queries, limits: { maxEvents: number; maxAgeMs: number | null }, log: StorageLog) {
    this.#queries = queries
    this.#limits = limits
    this.#log = log
  }

  /** Does not reject: a database that is away is somebody else's to report. */
  async sweep(): Promise<void> {
    const { maxEvents, maxAgeMs } = this.#limits
    try {
      const trimmed = await trimOutbox(this.#queries, maxEvents, maxAgeMs)
      this.trimmed += trimmed
      if (trimmed > 0 && maxAgeMs === null)
        this.#log.error({ trimmed, maxEvents }, 'events are lost to Kafka: more waited than outbox.max_events')
      this.state = await outboxState(this.#queries)
    } catch (error) {
      this.#log.debug({ error: (error as Error).message }, 'the outbox could not be swept')
    }
  }
}
