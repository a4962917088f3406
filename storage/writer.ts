import type { Socket } from 'node:net'
import type pg from 'pg'
import { StoreUnavailable } from '../api/needs.ts'
import type { GatewayRecord, RecordWriter } from '../gateway/needs.ts'
import { connect } from './postgres.ts'
import type { ConnectionOptions, Row } from './postgres.ts'
import { BATCH_RECORDS, CommitLane, PROMPT } from './commit-lane.ts'
import type { Pending } from './commit-lane.ts'
import type { RowTypeIds } from './binary-rows.ts'
import { batchOf, KnownParts } from './decision-parts.ts'
import type { DecisionLine } from './decision-rows.ts'
import { packEvents, spooledEvents, unspooledEvents } from './outbox-body.ts'
import { mergeRows, rowsOf } from './record-rows.ts'
import type { RecordRows } from './record-rows.ts'
import { rowsOfSpooled } from './spooled-rows.ts'
import { MAX_APPEND_BYTES } from './spool.ts'
import type { Spool } from './spool.ts'
import { storableJson } from './storable-json.ts'
import type { StorageLog } from './storage-log.ts'
import { isAway, isOtherSchema, isRetryable } from './store-errors.ts'
import { webhookRows, type WebhookSubscriptions } from './webhook-rows.ts'
import { readRowTypes, writtenRows } from './written-rows.ts'

/** Records waiting in memory: at this many `write` refuses, at half of them new calls are refused. */
export const QUEUE_LIMIT = 50_000
/** A commit that takes longer means that Postgres is away, ms: the records go to the spool, and again to Postgres later. */
export const COMMIT_TIMEOUT_MS = 2_000
/** Between two attempts to reach Postgres again, ms: the first and the longest. */
export const PROBE_DELAY_MS = { first: 100, longest: 1_000 } as const
/** How often a deadlocked commit is tried again. */
const RETRIES = 5

const WRITE = 'select write_records($1, $2, $3, $4, $5, $6, $7, $8)'
/** What follows from a batch comes first: it waits for whoever counts conversions, and that for balances. */
const WRITE_WITH_FOLLOWUPS = 'select write_followups($7, $8), write_records($1, $2, $3, $4, $5, $6, $7, $8)'
const WITH_DECISIONS = ', write_decisions($9, $10)'
/** A batch and what is announced of it, in one transaction: one row of the outbox, however many events. */
const withEvents = (write: string, facts: number): string =>
  `with announced as (insert into outbox (events, body) values ($${facts + 1}, $${facts + 2})) ${write}`

/** What these are made of is planned once a connection, too, and not anew for each small batch: the plans are the same for every size. */
const PLANNED_ONCE = '-c plan_cache_mode=force_generic_plan'
/** The statements above by their text, a dozen at most: those of a name are read and planned once a connection. */
const names = new Map<string, string>()

function named(text: string): { name: string; text: string } {
  const name = names.get(text) ?? `writer ${names.size}`
  names.set(text, name)
  return { name, text }
}

export type WriterState = 'database' | 'spooling' | 'full'

export interface WriterOptions {
  readonly connection: ConnectionOptions
  readonly gatewayId: string
  readonly spool: Spool
  /** Whether the disk has the room that new calls ask for. */
  readonly diskHasRoom: () => boolean
  readonly log: StorageLog
  /** Who wants which events sent; absent: nobody. */
  readonly subscriptions?: WebhookSubscriptions
  /** Told of every group commit: seconds from sending it to its end, its records, and the events that went to the outbox. */
  readonly onCommit?: (seconds: number, records: number, events: number) => void
}

/**
 * The one writer of a gateway. Sales and questions, for which callers wait, and everything else each have a lane of their own to Postgres: neither
 * waits for the other, and a call's records still arrive in the order they were written. While Postgres is away one loop takes all of
 * them to the spool; when it is back the spool is replayed first, and only an empty spool opens the lanes again.
 */
export class GroupCommitWriter implements RecordWriter {
  readonly #options: WriterOptions
  readonly #sales = new CommitLane((batch, lane) => this.#commitBatch(batch, lane), PROMPT)
  readonly #others = new CommitLane((batch, lane) => this.#commitBatch(batch, lane), { before: this.#sales })
  readonly #lanes = [this.#sales, this.#others]
  /** How many sales of a call are not durable yet: its end goes behind them, in their lane. */
  readonly #salesOf = new Map<string, number>()
  /** Batches that Postgres did not take, in the order of their writing: the spool is to have them. */
  readonly #failed: Pending[] = []
  readonly #parts = new KnownParts()
  /** What the spool has besides, on its way to the database. */
  readonly #spooledParts = new KnownParts()
  #rowTypes: RowTypeIds = new Map()
  #spooling = false
  #spoolLoop: Promise<void> | null = null
  #probe: NodeJS.Timeout | null = null
  #probeDelayMs: number = PROBE_DELAY_MS.first
  #closed = false

  constructor(options: WriterOptions) {
    this.#options = options
  }

  /** Connects and replays what an earlier process left in the spool: when it resolves, Postgres has all of it. Throws when Postgres is away. */
  async open(): Promise<void> {
    await this.#connect()
    this.#spooling = this.#options.spool.count > 0
    if (this.#spooling) this.#options.log.info({ records: this.#options.spool.count }, 'replaying the spool')
    while (this.#spooling && this.#isConnected) await this.#replay()
    if (this.#spooling) throw new StoreUnavailable('the database went away while the spool was replayed')
    for (const lane of this.#lanes) lane.open()
  }

  write(record: GatewayRecord): Promise<void> {
    if (this.#closed) return Promise.reject(new StoreUnavailable('the writer is closed'))
    if (this.#waiting >= QUEUE_LIMIT) return Promise.reject(new StoreUnavailable(`${QUEUE_LIMIT} records wait already`))
    const rows = rowsOf(record)
    const { subscriptions } = this.#options
    if (subscriptions && !subscriptions.isEmpty && 'events' in record && record.events)
      rows.webhooks = record.events.flatMap((event) => webhookRows(event, subscriptions))
    return new Promise((resolve, reject) => {
      // Events of their own go the way of sales: behind those of their call, and before its end.
      const saleOf =
        record.kind === 'sold' || record.kind === 'asked'
          ? record.call.id
          : record.kind === 'events'
            ? record.callId
            : null
      if (saleOf !== null) this.#salesOf.set(saleOf, (this.#salesOf.get(saleOf) ?? 0) + 1)
      const isBehindSales = saleOf !== null || (record.kind === 'ended' && this.#salesOf.has(record.call.id))
      const lane = isBehindSales ? this.#sales : this.#others
      const callId = record.kind === 'ended' ? record.call.id : saleOf
      lane.add({ saleOf, callId, rows: [rows], onSettled: [(error) => (error === null ? resolve() : reject(error))] })
      if (this.#spooling) this.#startSpooling()
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
    return this.#sales.waiting + this.#others.waiting + this.#failed.length
  }

  get #isConnected(): boolean {
    return this.#sales.client !== null
  }

  /** Resolves when everything written so far is durable: in Postgres, or in the spool while that is away. */
  async drain(): Promise<void> {
    for (;;) {
      if (this.#spooling && this.#waiting > 0) this.#startSpooling()
      for (const lane of this.#lanes) if (lane.waiting > 0) lane.flush()
      const work = [this.#sales.running, this.#others.running, this.#spoolLoop].filter((each) => each !== null)
      if (work.length === 0) return
      await Promise.all(work)
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.drain()
    if (this.#probe) clearTimeout(this.#probe)
    await Promise.all(this.#disconnect().map((client) => client.end()))
  }

  /** Answers whether the lane may go on. */
  async #commitBatch(batch: readonly Pending[], lane: CommitLane): Promise<boolean> {
    const { client } = lane
    try {
      await this.#commit(
        batch.flatMap(({ rows }) => rows),
        lane,
      )
      this.#settle(batch, null)
    } catch (error) {
      this.#failed.push(...batch)
      if (lane.client === client) this.#away(error as Error) // Else the other lane has said so.
    }
    return !this.#spooling
  }

  #settle(batch: readonly Pending[], error: Error | null): void {
    for (const { saleOf, onSettled } of batch) {
      if (saleOf !== null) this.#saleSettled(saleOf, onSettled.length)
      for (const settled of onSettled) settled(error)
    }
  }

  #saleSettled(callId: string, sales: number): void {
    const left = this.#salesOf.get(callId)! - sales
    if (left > 0) this.#salesOf.set(callId, left)
    else this.#salesOf.delete(callId)
  }

  #startSpooling(): void {
    this.#spoolLoop ??= this.#runSpool().finally(() => {
      this.#spoolLoop = null
      if (!this.#spooling) for (const lane of this.#lanes) lane.open()
      else if (this.#waiting > 0) this.#startSpooling()
    })
  }

  async #runSpool(): Promise<void> {
    for (const { running } of this.#lanes) await running // What they had under way comes first.
    // Each turn replays more than it appends, so it ends however busy the gateway is.
    while (this.#spooling && (this.#waiting > 0 || (this.#isConnected && !this.#closed))) {
      const batch = this.#failed.splice(0)
      if (batch.length === 0) batch.push(...this.#sales.take(), ...this.#others.take())
      await this.#spoolBatch(batch)
      if (this.#isConnected && !this.#closed) await this.#replay()
    }
  }

  async #spoolBatch(batch: readonly Pending[]): Promise<void> {
    let part: Pending[] = []
    let bodies: string[] = []
    let decisions: DecisionLine[] = []
    let bytes = 0
    const flush = async (): Promise<void> => {
      const done = part
      if (done.length === 0) return
      try {
        await this.#options.spool.append(bodies)
        this.#spooledParts.add(decisions)
        this.#settle(done, null)
      } catch (error) {
        this.#options.log.error(
          { error: (error as Error).message, records: done.length },
          'records could be written neither to the database nor to the spool',
        )
        this.#settle(done, new StoreUnavailable((error as Error).message))
      }
      part = []
      bodies = []
      decisions = []
      bytes = 0
    }
    for (const pending of batch) {
      const rows = mergeRows(pending.rows)
      if (rows.decisions) rows.decisions = this.#spooledParts.without(this.#parts.without(rows.decisions))
      decisions.push(...(rows.decisions ?? []))
      const body = storableJson(spooledEvents(rows))
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
        await this.#commit(
          records.map(({ body }) => unspooledEvents(rowsOfSpooled(JSON.parse(body)))),
          this.#sales,
        )
        // Synced: a sale that a power cut brought back would be written over a later one, and take its call's marks away.
        await spool.remove(records.at(-1)!.seq)
      }
      // Only this loop appends, so an empty spool stays empty until it is told that Postgres is away again.
      if (spool.count > 0) return
      this.#spooling = false
      this.#spooledParts.clear()
      log.info({}, 'the spool is replayed: records go to the database again')
    } catch (error) {
      this.#away(error as Error)
    }
  }

  /** Commits records in one transaction. A record the tables refuse is put into quarantine alone; throws only when Postgres is away, or has other tables. */
  async #commit(records: readonly RecordRows[], lane: CommitLane): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        const sentMs = performance.now()
        const { events, decisions, ...rows } = mergeRows(records)
        const facts: unknown[] = [...writtenRows(rows, this.#rowTypes), this.#options.gatewayId]
        let write = rows.conversions || rows.webhooks ? WRITE_WITH_FOLLOWUPS : WRITE
        if (decisions) {
          const { lines, parts } = batchOf(this.#parts.without(decisions))
          write += WITH_DECISIONS
          facts.push(lines, parts)
        }
        if (!events) await this.#query(lane, write, facts)
        else await this.#query(lane, withEvents(write, facts.length), [...facts, events.length, packEvents(events)])
        if (decisions) this.#parts.add(decisions)
        this.#options.onCommit?.((performance.now() - sentMs) / 1000, records.length, events?.length ?? 0)
        return
      } catch (error) {
        if (isAway(error) || isOtherSchema(error)) throw error
        if (isRetryable(error) && attempt < RETRIES) continue
        if (records.length === 1) return this.#quarantine(records[0]!, error as Error, lane)
        const half = records.length >> 1
        await this.#commit(records.slice(0, half), lane)
        return this.#commit(records.slice(half), lane)
      }
    }
  }

  async #quarantine(record: RecordRows, error: Error, lane: CommitLane): Promise<void> {
    this.#parts.clear() // What it brought may be missing.
    const callId = record.calls?.[0]?.['id'] ?? record.open_calls?.[0]?.['call_id']
    this.#options.log.error(
      { callId, error: error.message },
      'the database refused a record: it is kept in the table quarantine',
    )
    await this.#query(lane, 'insert into quarantine (gateway_id, record, error) values ($1, $2, $3)', [
      this.#options.gatewayId,
      storableJson(record),
      error.message,
    ])
  }

  async #query(lane: CommitLane, text: string, values: readonly unknown[]): Promise<void> {
    const { client } = lane
    if (!client) throw new StoreUnavailable('the database cannot be reached')
    const sentMs = performance.now()
    let timer: NodeJS.Timeout | undefined
    try {
      await new Promise<void>((resolve, reject) => {
        const look = (): void => {
          // Its turn came with the answer to the one before.
          const leftMs = Math.max(sentMs, lane.answeredMs) + COMMIT_TIMEOUT_MS - performance.now()
          if (leftMs > 0) timer = setTimeout(look, leftMs)
          else reject(new StoreUnavailable(`no commit within ${COMMIT_TIMEOUT_MS} ms`))
        }
        timer = setTimeout(look, COMMIT_TIMEOUT_MS)
        // Called back, not promised: pg's own promise makes the query old at once, and the whole batch with it (test/lint/no-old-closures.js).
        client.query({ ...named(text), values: values as unknown[] }, (error) => {
          lane.answeredMs = performance.now()
          if (error)
            reject(error) // Unheard when the deadline won: the connection is cut then.
          else resolve()
        })
      })
      this.#probeDelayMs = PROBE_DELAY_MS.first
    } finally {
      clearTimeout(timer)
    }
  }

  /** A connection for each lane, or none at all. */
  async #connect(): Promise<void> {
    const clients = await Promise.allSettled(this.#lanes.map((lane) => this.#connectLane(lane)))
    const refused = clients.find((each) => each.status === 'rejected')
    for (const [i, each] of clients.entries()) {
      if (each.status === 'rejected') continue
      if (refused || this.#closed) void each.value.end().catch(() => {})
      else this.#lanes[i]!.client = each.value
    }
    if (refused) throw refused.reason
  }

  async #connectLane(lane: CommitLane): Promise<pg.Client> {
    const client = await connect(
      this.#options.connection,
      `writer ${this.#options.gatewayId}`,
      // A connection given up before says so late: only the one in use counts.
      (error, lost) => lost === lane.client && this.#away(error),
      COMMIT_TIMEOUT_MS,
      // Statements are sent without waiting for the answers to those before, each with a Sync of its own: a transaction each, in turn.
      { options: PLANNED_ONCE, pipeline: true },
    )
    try {
      this.#rowTypes = await readRowTypes({
        rows: async (text, values = []) => {
          const query = { text, values: [...values], query_timeout: COMMIT_TIMEOUT_MS }
          return (await client.query<Row>(query)).rows
        },
      })
      return client
    } catch (error) {
      cut(client)
      throw error
    }
  }

  #disconnect(): pg.Client[] {
    return this.#lanes.flatMap((lane) => {
      const { client } = lane
      lane.client = null
      return client ?? []
    })
  }

  /** Postgres is away: from here on records are spooled, and the connections are sought again. */
  #away(error: Error): void {
    for (const client of this.#disconnect()) cut(client)
    if (!this.#spooling && !this.#closed)
      this.#options.log.warn({ error: error.message }, 'the database is away: records go to the spool')
    this.#spooling = true
    for (const lane of this.#lanes) lane.shut()
    this.#startSpooling()
    if (this.#closed || this.#probe) return
    this.#probe = setTimeout(() => void this.#seek(), this.#probeDelayMs)
    this.#probeDelayMs = Math.min(PROBE_DELAY_MS.longest, this.#probeDelayMs * 2)
  }

  async #seek(): Promise<void> {
    let found = true
    try {
      await this.#connect()
    } catch {
      found = false
    }
    this.#probe = null
    if (this.#closed) return
    if (!found) return this.#away(new Error('still away'))
    this.#startSpooling()
  }
}

/**
 * Cut rather than ended: a server that hangs would not take part in a goodbye. And by a reset where there is one, over TCP, also under
 * TLS: otherwise the server goes on with what it has received, after what has come of the same calls since.
 */
function cut(client: pg.Client): void {
  const { connection } = client as unknown as { connection: { stream: Socket & { _parent?: Socket | null } } }
  const { stream } = connection
  const socket = stream._parent ?? stream // oxlint-disable-line eslint/no-underscore-dangle -- Node's name for what is under TLS.
  if (socket.remoteAddress !== undefined) socket.resetAndDestroy()
  stream.destroy()
}
