import type pg from 'pg'
import type { RecordRows } from './record-rows.ts'
import { SlotMap } from '../model/slots.ts'

/** A record waits this long for company, ms, unless the batch is full before. With 5 the server does hardly less, and callers wait longer. */
export const GROUP_COMMIT_MS = 2
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
/** A lane that gives way, while the other is behind, commits one record for so many of that one's. */
export const YIELDING_SHARE = 4
/**
 * Where somebody waits for each record: in one commit, unless more wait than as many commits can take, and most commits at once. What one
 * of 256 sales settles goes on as a crowd, which the next commit then finds waiting together: 1,000 calls/s stayed in such crowds once a
 * pause had made one.
 */
export const PROMPT = { records: 32, commits: 4 } as const

/** A record on its way, or all sales of a call that wait: they are committed as one. */
export interface Pending {
  /** The call it is a sale of; null when it is something else. */
  readonly saleOf: string | null
  /** The call it says something of; null: of none, or of many. */
  readonly callId: string | null
  readonly rows: RecordRows[]
  /** Told once when it is durable (null), or cannot be. */
  readonly onSettled: ((error: Error | null) => void)[]
}

/** How a lane commits; absent: a full batch, and one after the other. */
export interface LaneOptions {
  /**
   * While more than a batch waits in this lane, or is under way, the other commits a small batch beside each of it: both share a machine,
   * and nobody waits for the other's.
   */
  readonly before?: CommitLane
  /** Records in one commit; more, up to a full batch, when more wait than `commits` of them. */
  readonly records?: number
  /** Most commits at once. The connection must take them in turn, and undo each alone. */
  readonly commits?: number
}

/**
 * Records that are committed over a connection of their own, in the order of their writing: those of one call always, whatever becomes of
 * a commit, since a batch waits while another with something of the same call is under way. What waits meanwhile is the next batch.
 */
export class CommitLane {
  /** The connection, while Postgres can be reached. */
  client: pg.Client | null = null
  /** When it was last answered, on the monotonic clock. */
  answeredMs = 0
  readonly #waiting: Pending[] = []
  /** Of those the sales, by their call. */
  readonly #sales = new SlotMap<string, Pending>()
  readonly #commit: (batch: readonly Pending[], lane: CommitLane) => Promise<boolean>
  readonly #before: CommitLane | null
  readonly #records: number
  readonly #commits: number
  /** The calls of the batches under way, when there can be several. */
  readonly #underWayOf = new Set<string>()
  readonly #runs = new Set<Promise<void>>()
  #timer: NodeJS.Timeout | null = null
  #latest: Promise<boolean> | null = null
  /** Records under way. */
  #underWay = 0
  #isOpen = false
  /** How many the last batch had. */
  #company = 0

  /** `commit` answers whether the lane may go on; it does not reject. */
  constructor(
    commit: (batch: readonly Pending[], lane: CommitLane) => Promise<boolean>,
    { before, records = BATCH_RECORDS, commits = 1 }: LaneOptions = {},
  ) {
    this.#commit = commit
    this.#before = before ?? null
    this.#records = records
    this.#commits = commits
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** The batches under way and those after them; null when there are none. */
  get running(): Promise<unknown> | null {
    return this.#runs.size === 0 ? null : Promise.all(this.#runs)
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
    if (this.#isOpen && this.#mayBegin) this.#schedule()
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
    if (!this.#isOpen || !this.#mayBegin) return
    const run = this.#run().finally(() => {
      this.#runs.delete(run)
      // A run that ended because of a call that is under way leaves it to the run it is under way in.
      if (this.#isOpen && this.#waiting.length > 0 && this.#mayBegin) this.#schedule()
    })
    this.#runs.add(run)
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
    return this.#isPatient ? PATIENT_RECORDS : this.#records
  }

  /** How many are not durable. */
  get #behind(): number {
    return this.#waiting.length + this.#underWay
  }

  /** Commits beside others wait for each other's: one may be begun with few records, any further one with all it can have. */
  get #mayBegin(): boolean {
    const { size } = this.#runs
    return size === 0 || (size < this.#commits && this.#free >= (size === 1 ? 1 : this.#records))
  }

  /** How many of the oldest that wait, a batch at most, are of calls of which nothing is under way. */
  get #free(): number {
    const { length } = this.#waiting
    const most = Math.min(length, BATCH_RECORDS, Math.max(this.#records, Math.ceil(length / this.#commits)))
    if (this.#underWayOf.size === 0) return most
    for (let i = 0; i < most; i++) if (this.#underWayOf.has(this.#waiting[i]!.callId ?? '')) return i
    return most
  }

  async #run(): Promise<void> {
    while (this.#isOpen && this.#waiting.length > 0) {
      const isYielding = this.#before !== null && this.#before.#behind >= BATCH_RECORDS
      if (isYielding) await this.#before.#latest
      const most = this.#free
      if (!this.#isOpen || most === 0) return
      const batch = this.take(
        isYielding ? Math.min(most, Math.ceil(this.#before.#company / YIELDING_SHARE) || 1) : most,
      )
      const mayGoOn = await this.#commitBatch(batch)
      if (!mayGoOn || (this.#isPatient && this.#waiting.length < PATIENT_RECORDS)) return
      if (this.#runs.size > 1 && this.#free < this.#records) return // What waits gathers, while another is under way.
    }
  }

  async #commitBatch(batch: readonly Pending[]): Promise<boolean> {
    this.#company = batch.length
    const areSeveral = this.#commits > 1
    if (areSeveral) for (const { callId } of batch) if (callId !== null) this.#underWayOf.add(callId)
    const commit = this.#commit(batch, this)
    this.#latest = commit
    this.#underWay += batch.length
    const mayGoOn = await commit
    this.#underWay -= batch.length
    if (this.#latest === commit) this.#latest = null
    if (areSeveral) for (const { callId } of batch) if (callId !== null) this.#underWayOf.delete(callId)
    return mayGoOn
  }
}
