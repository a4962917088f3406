import type pg from 'pg'
import { StoreUnavailable } from '../api/needs.ts'
import type { GatewayRecord, RecordWriter } from '../gateway/needs.ts'
import { connect } from './postgres.ts'
import type { ConnectionOptions } from './postgres.ts'
import { mergeRows, rowsOf, storableJson } from './record-rows.ts'
import type { RecordRows } from './record-rows.ts'
import { MAX_APPEND_BYTES } from './spool.ts'
import type { Spool } from './spool.ts'
import type { StorageLog } from './storage-log.ts'
import { isAway, isRetryable } from './store-errors.ts'

/** A record waits this long for company, ms, unless the batch is full before. */
export const GROUP_COMMIT_MS = 5
/** Most records in one commit. */
export const BATCH_RECORDS = 256
/** While sales wait, so many records of a commit are others all the same: ended calls are not put off for ever. */
const OTHERS_SHARE = BATCH_RECORDS / 4
/** Records waiting in memory: at this many `write` refuses, at half of them new calls are refused. */
export const QUEUE_LIMIT = 50_000
/** A commit that takes longer means that Postgres is away, ms: the records go to the spool, and again to Postgres later. */
export const COMMIT_TIMEOUT_MS = 2_000
/** Between two attempts to reach Postgres again, ms: the first and the longest. */
export const PROBE_DELAY_MS = { first: 100, longest: 1_000 } as const
/** How often a deadlocked commit is tried again. */
const RETRIES = 5

export type WriterState = 'database' | 'spooling' | 'full'

interface Pending {
  readonly rows: RecordRows
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

export interface WriterOptions {
  readonly connection: ConnectionOptions
  readonly gatewayId: string
  readonly spool: Spool
  /** Whether the disk has the room that new calls ask for. */
  readonly diskHasRoom: () => boolean
  readonly log: StorageLog
  /** Told of every group commit: seconds from sending it to its end, and its records. */
  readonly onCommit?: (seconds: number, records: number) => void
}

/**
 * The one writer of a gateway. One loop does all of it, a batch after the other, so records reach Postgres in the order they were
 * written: while Postgres is away they go to the spool; when it is back the spool is replayed first, and only an empty spool lets
 * new records pass it by.
 */
export class GroupCommitWriter implements RecordWriter {
  readonly #options: WriterOptions
  /** Sales: callers wait for them, so they go before the rest. */
  #sales: Pending[] = []
  /** How many sales of a call wait: its end is not to overtake them. */
  readonly #salesOf = new Map<string, number>()
  #others: Pending[] = []
  /** The connection when Postgres can be reached. */
  #client: pg.Client | null = null
  #spooling = false
  #timer: NodeJS.Timeout | null = null
  #loop: Promise<void> | null = null
  #probe: NodeJS.Timeout | null = null
  #probeDelayMs: number = PROBE_DELAY_MS.first
  #closed = false

  constructor(options: WriterOptions) {
    this.#options = options
  }

  /** Connects and replays what an earlier process left in the spool: when it resolves, Postgres has all of it. Throws when Postgres is away. */
  async open(): Promise<void> {
    this.#client = await this.#connect()
    this.#spooling = this.#options.spool.count > 0
    if (this.#spooling) this.#options.log.info({ records: this.#options.spool.count }, 'replaying the spool')
    while (this.#spooling && this.#client) await this.#replay()
    if (this.#spooling) throw new StoreUnavailable('the database went away while the spool was replayed')
  }

  write(record: GatewayRecord): Promise<void> {
    if (this.#closed) return Promise.reject(new StoreUnavailable('the writer is closed'))
    if (this.#waiting >= QUEUE_LIMIT) return Promise.reject(new StoreUnavailable(`${QUEUE_LIMIT} records wait already`))
    const rows = rowsOf(record)
    return new Promise((resolve, reject) => {
      const pending = { rows, resolve, reject }
      if (record.kind === 'sold') {
        this.#salesOf.set(record.call.id, (this.#salesOf.get(record.call.id) ?? 0) + 1)
        this.#sales.push(pending)
      } else if (record.kind === 'ended' && this.#salesOf.has(record.call.id)) this.#sales.push(pending)
      else this.#others.push(pending)
      this.#wake()
    })
  }

  accepts(): boolean {
    return (
      !this.#closed && this.#waiting < QUEUE_LIMIT / 2 && this.#options.spool.hasRoom && this.#options.diskHasRoom()
    )
  }

  state(): WriterState {
    if (!this.accepts()) return 'full'
    return this.#spooling ? 'spooling' : 'database'
  }

  /** Records not in Postgres yet: in memory and in the spool. */
  pending(): number {
    return this.#waiting + this.#options.spool.count
  }

  get #waiting(): number {
    return this.#sales.length + this.#others.length
  }

  #takeBatch(): Pending[] {
    const others = Math.min(this.#others.length, Math.max(OTHERS_SHARE, BATCH_RECORDS - this.#sales.length))
    const sales = this.#sales.splice(0, BATCH_RECORDS - others)
    for (const { rows } of sales) if (rows.holds) this.#saleTaken(rows.holds[0]!['call_id'] as string)
    return [...sales, ...this.#others.splice(0, others)]
  }

  #saleTaken(callId: string): void {
    const left = this.#salesOf.get(callId)! - 1
    if (left > 0) this.#salesOf.set(callId, left)
    else this.#salesOf.delete(callId)
  }

  /** Resolves when everything written so far is durable: in Postgres, or in the spool while that is away. */
  async drain(): Promise<void> {
    while (this.#waiting > 0 || this.#loop) {
      this.#start()
      await this.#loop
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.drain()
    if (this.#probe) clearTimeout(this.#probe)
    const client = this.#client
    this.#client = null
    await client?.end()
  }

  /** A full batch goes now, a lone record waits a little for others. */
  #wake(): void {
    if (this.#loop) return
    if (this.#waiting >= BATCH_RECORDS) this.#start()
    else this.#timer ??= setTimeout(() => this.#start(), GROUP_COMMIT_MS)
  }

  #start(): void {
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
    this.#loop ??= this.#run().finally(() => {
      this.#loop = null
      if (this.#waiting > 0) this.#wake()
    })
  }

  async #run(): Promise<void> {
    // While the spool is drained each turn replays more than it appends, so it ends however busy the gateway is.
    while (this.#waiting > 0 || (this.#spooling && this.#client && !this.#closed)) {
      if (!this.#spooling) {
        await this.#commitBatch(this.#takeBatch())
        continue
      }
      if (this.#waiting > 0) await this.#spoolBatch(this.#takeBatch())
      if (this.#client && !this.#closed) await this.#replay()
    }
  }

  async #commitBatch(batch: readonly Pending[]): Promise<void> {
    try {
      await this.#commit(batch.map(({ rows }) => rows))
      for (const { resolve } of batch) resolve()
    } catch (error) {
      this.#away(error as Error)
      await this.#spoolBatch(batch)
    }
  }

  async #spoolBatch(batch: readonly Pending[]): Promise<void> {
    let part: Pending[] = []
    let bodies: string[] = []
    let bytes = 0
    const flush = async (): Promise<void> => {
      const done = part
      try {
        await this.#options.spool.append(bodies)
        for (const { resolve } of done) resolve()
      } catch (error) {
        this.#options.log.error(
          { error: (error as Error).message, records: done.length },
          'records could be written neither to the database nor to the spool',
        )
        for (const { reject } of done) reject(new StoreUnavailable((error as Error).message))
      }
      part = []
      bodies = []
      bytes = 0
    }
    for (const pending of batch) {
      const body = storableJson(pending.rows)
      if (part.length > 0 && bytes + body.length > MAX_APPEND_BYTES) await flush()
      part.push(pending)
      bodies.push(body)
      bytes += body.length
    }
    await flush()
  }

  /** Takes the oldest of the spool to Postgres; an empty spool ends the spooling. */
  async #replay(): Promise<void> {
    const { spool, log } = this.#options
    try {
      const records = await spool.read(2 * BATCH_RECORDS)
      if (records.length > 0) {
        await this.#commit(records.map(({ body }) => JSON.parse(body) as RecordRows))
        await spool.remove(records.at(-1)!.seq)
      }
      // Only this loop appends, so an empty spool stays empty until it is told that Postgres is away again.
      if (spool.count > 0) return
      this.#spooling = false
      log.info({}, 'the spool is replayed: records go to the database again')
    } catch (error) {
      this.#away(error as Error)
    }
  }

  /** Commits records in one transaction. A record the tables refuse is put into quarantine alone; throws only when Postgres is away. */
  async #commit(records: readonly RecordRows[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        const sentMs = performance.now()
        await this.#query('select write_records($1, $2)', [storableJson(mergeRows(records)), this.#options.gatewayId])
        this.#options.onCommit?.((performance.now() - sentMs) / 1000, records.length)
        return
      } catch (error) {
        if (isAway(error)) throw error
        if (isRetryable(error) && attempt < RETRIES) continue
        if (records.length === 1) return this.#quarantine(records[0]!, error as Error)
        const half = records.length >> 1
        await this.#commit(records.slice(0, half))
        return this.#commit(records.slice(half))
      }
    }
  }

  async #quarantine(record: RecordRows, error: Error): Promise<void> {
    const callId = record.calls?.[0]?.['id']
    this.#options.log.error(
      { callId, error: error.message },
      'the database refused a record: it is kept in the table quarantine',
    )
    await this.#query('insert into quarantine (gateway_id, record, error) values ($1, $2, $3)', [
      this.#options.gatewayId,
      storableJson(record),
      error.message,
    ])
  }

  async #query(text: string, values: readonly unknown[]): Promise<void> {
    const client = this.#client
    if (!client) throw new StoreUnavailable('the database cannot be reached')
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(
        () => reject(new StoreUnavailable(`no commit within ${COMMIT_TIMEOUT_MS} ms`)),
        COMMIT_TIMEOUT_MS,
      )
    })
    const query = client.query(text, values as unknown[])
    query.catch(() => {}) // When the deadline won, the connection is cut and this rejects unheard.
    try {
      await Promise.race([query, late])
      this.#probeDelayMs = PROBE_DELAY_MS.first
    } finally {
      clearTimeout(timer)
    }
  }

  #connect(): Promise<pg.Client> {
    return connect(
      this.#options.connection,
      `writer ${this.#options.gatewayId}`,
      // A connection given up before says so late: only the one in use counts.
      (error, lost) => lost === this.#client && this.#away(error),
      COMMIT_TIMEOUT_MS,
    )
  }

  /** Postgres is away: from here on records are spooled, and the connection is sought again. */
  #away(error: Error): void {
    const client = this.#client
    this.#client = null
    // Cut rather than ended: a server that hangs would not take part in a goodbye.
    if (client) (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy()
    if (this.#closed) return void (this.#spooling = true)
    if (!this.#spooling)
      this.#options.log.warn({ error: error.message }, 'the database is away: records go to the spool')
    this.#spooling = true
    this.#probe ??= setTimeout(() => void this.#seek(), this.#probeDelayMs)
    this.#probeDelayMs = Math.min(PROBE_DELAY_MS.longest, this.#probeDelayMs * 2)
  }

  async #seek(): Promise<void> {
    let client: pg.Client | null = null
    try {
      client = await this.#connect()
    } catch {
      // Still away.
    }
    this.#probe = null
    if (this.#closed) return client?.end()
    if (!client) return this.#away(new Error('still away'))
    this.#client = client
    this.#start()
  }
}
