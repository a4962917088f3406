import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { StoreFull, StoreUnavailable } from '../api/needs.ts'
import type { ConversionRules, TrackingIntake } from '../gateway/needs.ts'
import type { TrackedEvent } from '../model/tracking.ts'
import { Spool, SpoolError } from './spool.ts'
import type { StorageLog } from './storage-log.ts'
import { isAway, isOtherSchema, isRetryable } from './store-errors.ts'
import { spoolTracking, unspoolTracking, type AcceptedEvent } from './tracking-rows.ts'
import type { PostgresTracking } from './tracking-store.ts'

/** Events of one transaction, and of one write to the disk. */
export const BATCH_EVENTS = 100
/** After an event has come, others are gathered for so long before they go to Postgres, ms. */
const GATHER_MS = 20
/** Events on their way to the disk; beyond it `add` refuses. */
export const MAX_WAITING = 10_000
/** Between two attempts to reach a database that is away, ms: the first and the longest. */
const RETRY_MS = { first: 250, longest: 5_000 } as const

/** So long an event of a call that is not known is tried again while records are on their way to the database, ms. */
export const EARLY_MS = 600_000

const FILE = 'tracking.sqlite'

interface Waiting {
  readonly body: string
  readonly settle: (error: Error | null) => void
}

export interface IntakeOptions {
  readonly dataDir: string
  readonly bytes: number
  readonly gatewayId: string
  readonly store: PostgresTracking
  readonly rules: ConversionRules
  /** Records of calls that are not in the database yet. */
  readonly recordsPending: () => number
  readonly log: StorageLog
}

/**
 * Reports of what became of calls, on their way to Postgres. Each is on the local disk, synced, before its sender hears that it was
 * taken, and goes from there to Postgres in batches, as often as it takes: the same event twice is one row. The file is made when the
 * first event comes.
 */
export class PostgresIntake implements TrackingIntake {
  readonly #options: IntakeOptions
  #spool: Promise<Spool> | null = null
  #opened: Spool | null = null
  #waiting: Waiting[] = []
  #appending: Promise<void> | null = null
  #moving: Promise<void> | null = null
  #mayBeBehind = true
  #endSleep: (() => void) | null = null
  #closed = false
  #saidAway = false

  constructor(options: IntakeOptions) {
    this.#options = options
  }

  /** Goes on with what an earlier process left, on the disk or uncounted. */
  async start(): Promise<void> {
    if (existsSync(join(this.#options.dataDir, FILE))) await this.#open()
    this.#move()
  }

  /** Events on the disk that are not in Postgres yet, and those on their way to the disk. */
  get pending(): number {
    return this.#waiting.length + (this.#opened?.count ?? 0)
  }

  async add(event: TrackedEvent, isChecked: boolean): Promise<void> {
    if (this.#closed) throw new StoreUnavailable('the exchange is stopping')
    if (this.#waiting.length >= MAX_WAITING) throw new StoreFull(`${MAX_WAITING} events wait for the disk`)
    await new Promise<void>((resolve, reject) => {
      const settle = (error: Error | null): void => (error === null ? resolve() : reject(error))
      this.#waiting.push({ body: spoolTracking({ event, isChecked }), settle })
      this.#append()
    })
  }

  wake(): void {
    this.#mayBeBehind = true
    this.#move()
  }

  /** Resolves when nothing is left that could be brought to Postgres now. */
  async drain(): Promise<void> {
    while (this.#appending ?? this.#moving) await (this.#appending ?? this.#moving)
  }

  /** Brings what waits to Postgres, and wipes the file it was in. */
  async settle(): Promise<void> {
    await this.drain()
    await this.#opened?.wipe()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#endSleep?.()
    await this.drain()
    await (await this.#spool?.catch(() => null))?.close()
  }

  #open(): Promise<Spool> {
    const { dataDir, bytes } = this.#options
    this.#spool ??= Spool.open(dataDir, bytes, FILE).then(
      (spool) => (this.#opened = spool),
      (error: Error) => {
        this.#spool = null // Tried again by the next event.
        throw new StoreUnavailable(`reports cannot be kept on the disk: ${error.message}`)
      },
    )
    return this.#spool
  }

  #append(): void {
    this.#appending ??= this.#appendAll().finally(() => {
      this.#appending = null
      this.#move()
    })
  }

  async #appendAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, BATCH_EVENTS)
      let failure: Error | null = null
      try {
        const spool = await this.#open()
        await spool.append(batch.map(({ body }) => body))
      } catch (error) {
        failure = error instanceof SpoolError ? new StoreFull(error.message) : (error as Error)
      }
      for (const { settle } of batch) settle(failure)
      this.#move()
    }
  }

  #move(): void {
    this.#moving ??= this.#moveAll().finally(() => {
      this.#moving = null
      if (!this.#closed && (this.#mayBeBehind || (this.#opened?.count ?? 0) > 0)) this.#move()
    })
  }

  /** Until nothing is left, or the end. What an event moves, it has moved before the next batch is looked at. */
  async #moveAll(): Promise<void> {
    const { store, rules } = this.#options
    let retryMs: number = RETRY_MS.first
    while (!this.#closed && (this.#mayBeBehind || (this.#opened?.count ?? 0) > 0)) {
      try {
        if (this.#opened && this.#opened.count < BATCH_EVENTS) await this.#sleep(GATHER_MS)
        const { moved, early } = await this.#moveBatch()
        if (moved > 0) this.#mayBeBehind = true
        if (this.#mayBeBehind && (await store.settleBehind(rules, this.#notSettled)) === 0) this.#mayBeBehind = false
        retryMs = RETRY_MS.first
        this.#back()
        if (early > 0 && moved === 0) await this.#sleep(RETRY_MS.first)
      } catch (error) {
        this.#away(error as Error)
        await this.#sleep(retryMs)
        retryMs = Math.min(RETRY_MS.longest, retryMs * 2)
      }
    }
  }

  /** Those that came too early go to the end of the file, so that nobody waits behind them; with a full file all stay where they are. */
  async #moveBatch(): Promise<{ moved: number; early: number }> {
    const records = (await this.#opened?.read(BATCH_EVENTS)) ?? []
    if (records.length === 0) return { moved: 0, early: 0 }
    const early = await this.#write(records.map(({ body }) => body))
    const earlyAtMs = this.#options.rules.now()
    if (early.length > 0) await this.#opened!.append(early.map((each) => spoolTracking({ earlyAtMs, ...each })))
    await this.#opened!.remove(records.at(-1)!.seq, false) // An event that comes again changes nothing.
    return { moved: records.length - early.length, early: early.length }
  }

  /** Answers with those to be tried again. One the tables refuse is put into quarantine alone. Throws only when Postgres is away, or has other tables. */
  async #write(bodies: readonly string[]): Promise<AcceptedEvent[]> {
    const { store, rules, recordsPending, gatewayId, log } = this.#options
    // Asked before the look-up: what is on its way now may be there when nothing is on its way any more.
    const isPending = recordsPending() > 0
    const giveUpMs = rules.now() - EARLY_MS
    try {
      const batch: AcceptedEvent[] = bodies.map(unspoolTracking)
      const { events, early } = await store.write(
        batch,
        (event) => rules.announceTracking(event),
        ({ earlyAtMs }) => isPending && (earlyAtMs ?? Infinity) > giveUpMs,
      )
      rules.tracked(events)
      return early
    } catch (error) {
      if (isAway(error) || isRetryable(error) || isOtherSchema(error)) throw error
      if (bodies.length > 1) {
        const early: AcceptedEvent[] = []
        for (const body of bodies) early.push(...(await this.#write([body])))
        return early
      }
      log.error(
        { error: (error as Error).message },
        'the database refused a report: it is kept in the table quarantine',
      )
      await store.quarantine(gatewayId, bodies[0]!, (error as Error).message)
      return []
    }
  }

  readonly #notSettled = (callId: string, error: Error): void =>
    this.#options.log.error({ callId, error: error.message }, 'the money of a call cannot be brought up to date')

  #back(): void {
    if (this.#saidAway) this.#options.log.info({}, 'reports of calls are counted again')
    this.#saidAway = false
  }

  #away(error: Error): void {
    if (!this.#saidAway)
      this.#options.log.warn({ error: error.message }, 'reports of calls cannot be counted now: they wait on the disk')
    this.#saidAway = true
  }

  async #sleep(ms: number): Promise<void> {
    if (this.#closed) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      const end = (): void => {
        clearTimeout(timer)
        resolve()
      }
      this.#endSleep = end
    })
    this.#endSleep = null
  }
}
