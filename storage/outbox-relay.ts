import { sinkEventOf, type EventSink, type SinkEvent } from './event-sink.ts'
import { finishTurn, lockOutbox, readTurn, type DeadLetter, type OutboxTurn } from './outbox.ts'
import type { Postgres } from './postgres.ts'
import type { StorageLog } from './storage-log.ts'

/** Without a word of a new row, the outbox is looked at so often, ms: another process may have written. */
export const LOOK_EVERY_MS = 1_000
/** After a turn that left nothing, so long is gathered before the next, ms: a turn is a transaction. */
const GATHER_MS = 20
/** Between two attempts to reach brokers or a database that are away, ms: the first and the longest. */
export const RETRY_MS = { first: 250, longest: 5_000 } as const

export interface RelayCounts {
  published: number
  deadLetters: number
  isUp: boolean
}

/**
 * Takes the outbox's rows, the oldest first, to where events go, and deletes what has arrived: at least once, in order, one turn after
 * the other. A turn is one transaction: a process that dies in it leaves the rows, and the next publishes them again, by the same ids.
 */
export class OutboxRelay {
  readonly counts: RelayCounts = { published: 0, deadLetters: 0, isUp: false }
  readonly #postgres: Postgres
  readonly #sink: EventSink
  readonly #log: StorageLog
  #closed = false
  #woken = false
  #wake: (() => void) | null = null
  #saidAway = false
  readonly #running: Promise<void>

  constructor(postgres: Postgres, sink: EventSink, log: StorageLog) {
    this.#postgres = postgres
    this.#sink = sink
    this.#log = log
    this.#running = this.#run()
  }

  /** There is something new in the outbox. */
  wake(): void {
    this.#woken = true
    this.#wake?.()
  }

  /** Ends with the turn under way. */
  async close(): Promise<void> {
    this.#closed = true
    this.#wake?.()
    await this.#running
    await this.#sink.close()
  }

  async #run(): Promise<void> {
    let retryMs: number = RETRY_MS.first
    while (!this.#closed) {
      try {
        this.#woken = false
        const found = await this.#turn()
        this.#back()
        retryMs = RETRY_MS.first
        if (!found) await this.#sleep(LOOK_EVERY_MS)
        else await this.#sleep(GATHER_MS, false)
      } catch (error) {
        this.#away(error as Error)
        await this.#sleep(retryMs, false)
        retryMs = Math.min(RETRY_MS.longest, retryMs * 2)
      }
    }
  }

  /** Publishes the oldest rows. False when there are none, or another process publishes. Throws when brokers or database are away. */
  async #turn(): Promise<boolean> {
    const { found, error } = await this.#postgres.transaction(async (tx) => {
      // A deletion that a crash undoes is published again: nobody need wait for the disk.
      await tx.rows('set local synchronous_commit = off')
      // It stands still while brokers take their time, and locks nothing that others wait for.
      await tx.rows('set local idle_in_transaction_session_timeout = 0')
      if (!(await lockOutbox(tx))) return { found: false, error: null }
      const turn = await readTurn(tx)
      if (turn.rows.length + turn.unreadable.length === 0) return { found: false, error: null }
      return { found: true, error: await this.#publish(turn, (ids, dead) => finishTurn(tx, ids, dead)) }
    })
    if (error) throw error
    return found
  }

  async #publish(
    { rows, unreadable }: OutboxTurn,
    finish: (ids: readonly string[], deadLetters: readonly DeadLetter[]) => Promise<void>,
  ): Promise<Error | null> {
    const events: SinkEvent[] = []
    const rowOf = new Map<SinkEvent, number>()
    /** How many events there are up to the end of each row. */
    const ends: number[] = []
    const dead: { row: number; letter: DeadLetter }[] = []
    for (const [row, { events: lines }] of rows.entries()) {
      for (const line of lines) {
        try {
          const event = sinkEventOf(line)
          events.push(event)
          rowOf.set(event, row)
        } catch (error) {
          const letter = { eventId: null, attempts: 1, error: (error as Error).message, event: line, body: null }
          dead.push({ row, letter })
        }
      }
      ends.push(events.length)
    }
    const { done, refused, error } = await this.#sink.publish(events)
    for (const { event, attempts, error: reason } of refused) {
      const letter = { eventId: event.id, attempts, error: reason, event: event.json, body: null }
      dead.push({ row: rowOf.get(event)!, letter })
    }
    // A row of which only some events have arrived is published again as a whole, with what was refused of it.
    const gone = ends.filter((end) => end <= done).length
    const letters = [
      ...unreadable.map(({ letter }) => letter),
      ...dead.filter(({ row }) => row < gone).map(({ letter }) => letter),
    ]
    await finish(
      [...rows.slice(0, gone), ...unreadable].map(({ id }) => id),
      letters,
    )
    this.counts.published += done - refused.length
    this.#countDead(letters)
    return error
  }

  #countDead(dead: readonly DeadLetter[]): void {
    this.counts.deadLetters += dead.length
    for (const { eventId, attempts, error } of dead)
      this.#log.error(
        { eventId, attempts, error },
        'an event could not be published: it is kept in outbox_dead_letters',
      )
  }

  #back(): void {
    this.counts.isUp = true
    if (this.#saidAway) this.#log.info({}, 'events are published again')
    this.#saidAway = false
  }

  #away(error: Error): void {
    this.counts.isUp = false
    if (!this.#saidAway && !this.#closed)
      this.#log.warn({ error: error.message }, 'events cannot be published: they wait in the outbox')
    this.#saidAway = true
  }

  /** Until the time is up, `close`, or (if that may be) `wake`. */
  async #sleep(ms: number, mayBeWoken = true): Promise<void> {
    if (this.#closed || (mayBeWoken && this.#woken)) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      const wake = (): void => {
        if (!mayBeWoken && !this.#closed) return
        clearTimeout(timer)
        resolve()
      }
      this.#wake = wake
    })
    this.#wake = null
  }
}
