import type pg from 'pg'
import type { RecordRows } from './record-rows.ts'
import { SlotMap } from '../model/slots.ts'

/** A record waits this long for company, ms, unless the batch is full before. */
export const GROUP_COMMIT_MS = 5
/**
 * The same in a lane for whose records nobody waits, ms, after a batch of at least `COMPANY_RECORDS`: more is on its way then, and a
 * commit costs as much as two or three calls. What a crash in between finds is a call that ended just now, still open.
 */
export const PATIENT_COMMIT_MS = 25
export const COMPANY_RECORDS = 8
/** So many are company enough: a larger batch costs hardly less a record, and the server would be idle while it is put together. */
export const PATIENT_RECORDS = 64
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
  readonly #sales = new SlotMap<string, Pending>()
  readonly #commit: (batch: readonly Pending[], lane: CommitLane) => Promise<boolean>
  readonly #before: CommitLane | null
  #timer: NodeJS.Timeout | null = null
  #running: Promise<void> | null = null
  #underWay: Promise<boolean> | null = null
  #isOpen = false
  /** How many the last batch had. */
  #company = 0

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
    this.#schedule()
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
      if (this.#isOpen && this.#waiting.length > 0) this.#schedule()
    })
  }

  /** Enough records go now, fewer wait a little for others. */
  #schedule(): void {
    if (this.#waiting.length >= this.#enough) return this.flush()
    const waitMs = this.#isPatient ? PATIENT_COMMIT_MS : GROUP_COMMIT_MS
    this.#timer ??= setTimeout(() => this.flush(), waitMs)
  }

  get #isPatient(): boolean {
    return this.#before !== null && this.#company >= COMPANY_RECORDS
  }

  get #enough(): number {
    return this.#isPatient ? PATIENT_RECORDS : BATCH_RECORDS
  }

  async #run(): Promise<void> {
    while (this.#isOpen && this.#waiting.length > 0) {
      const isYielding = this.#before !== null && this.#before.waiting >= BATCH_RECORDS
      if (isYielding) await this.#before.#underWay
      if (!this.#isOpen) return
      const batch = this.take(isYielding ? YIELDING_RECORDS : BATCH_RECORDS)
      this.#company = batch.length
      this.#underWay = this.#commit(batch, this)
      const mayGoOn = await this.#underWay
      this.#underWay = null
      if (!mayGoOn || (this.#isPatient && this.#waiting.length < PATIENT_RECORDS)) return
    }
  }
}
