import type pg from 'pg'
import type { RecordRows } from './record-rows.ts'

/** A record waits this long for company, ms, unless the batch is full before. */
export const GROUP_COMMIT_MS = 5
/** Most records in one commit. */
export const BATCH_RECORDS = 256
/** The same of a lane that gives way, while the other is behind. */
export const YIELDING_RECORDS = BATCH_RECORDS / 4

/** A record on its way, or all sales of a call that wait: they are committed as one. */
export interface Pending {
  /** The call it is a sale of; null when it is something else. */
  readonly saleOf: string | null
  readonly rows: RecordRows[]
  /** Told once when it is durable (null), or cannot be. */
  readonly onSettled: ((error: Error | null) => void)[]
}

/**
 * Records that are committed one batch after the other over a connection of their own, so in the order of their writing. What waits
 * while a batch is under way is the next batch.
 */
export class CommitLane {
  /** The connection, while Postgres can be reached. */
  client: pg.Client | null = null
  readonly #waiting: Pending[] = []
  /** Of those the sales, by their call. */
  readonly #sales = new Map<string, Pending>()
  readonly #commit: (batch: readonly Pending[], lane: CommitLane) => Promise<boolean>
  readonly #before: CommitLane | null
  #timer: NodeJS.Timeout | null = null
  #running: Promise<void> | null = null
  #underWay: Promise<boolean> | null = null
  #isOpen = false

  /**
   * `commit` answers whether the lane may go on; it does not reject. While more than a batch waits in the lane that comes `before`
   * this one, this one commits a small batch beside each of that one's: both share a machine, and nobody waits for this one's.
   */
  constructor(
    commit: (batch: readonly Pending[], lane: CommitLane) => Promise<boolean>,
    before: CommitLane | null = null,
  ) {
    this.#commit = commit
    this.#before = before
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** The batch under way and those after it; null when there is none. */
  get running(): Promise<void> | null {
    return this.#running
  }

  add(pending: Pending): void {
    const { saleOf } = pending
    const earlier = saleOf === null ? undefined : this.#sales.get(saleOf)
    if (earlier) {
      // The later one says all that the earlier said, and its caller waits: it goes in that one's place.
      earlier.rows.push(...pending.rows)
      earlier.onSettled.push(...pending.onSettled)
      return
    }
    if (saleOf !== null) this.#sales.set(saleOf, pending)
    this.#waiting.push(pending)
    if (!this.#isOpen || this.#running) return
    // A full batch goes now, a lone record waits a little for others.
    if (this.#waiting.length >= BATCH_RECORDS) this.flush()
    else this.#timer ??= setTimeout(() => this.flush(), GROUP_COMMIT_MS)
  }

  /** The oldest that wait, taken out. */
  take(most = BATCH_RECORDS): Pending[] {
    const batch = this.#waiting.splice(0, most)
    for (const { saleOf } of batch) if (saleOf !== null) this.#sales.delete(saleOf)
    return batch
  }

  /** From now on records are committed; until then, and again after `shut`, they only wait. */
  open(): void {
    this.#isOpen = true
    if (this.#waiting.length > 0) this.flush()
  }

  shut(): void {
    this.#isOpen = false
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
  }

  /** Commits what waits without waiting for more. */
  flush(): void {
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
    if (!this.#isOpen) return
    this.#running ??= this.#run().finally(() => {
      this.#running = null
      if (this.#isOpen && this.#waiting.length > 0) this.flush()
    })
  }

  async #run(): Promise<void> {
    while (this.#isOpen && this.#waiting.length > 0) {
      const isYielding = this.#before !== null && this.#before.waiting >= BATCH_RECORDS
      if (isYielding) await this.#before.#underWay
      if (!this.#isOpen) return
      this.#underWay = this.#commit(this.take(isYielding ? YIELDING_RECORDS : BATCH_RECORDS), this)
      const mayGoOn = await this.#underWay
      this.#underWay = null
      if (!mayGoOn) return
    }
  }
}
