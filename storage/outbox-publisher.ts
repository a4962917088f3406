import { Worker } from 'node:worker_threads'
import type { OutboxFigures } from '../model/outbox-figures.ts'
import { startAs } from '../model/thread-priority.ts'
import type { KafkaOptions } from './kafka-sink.ts'
import type { PublisherOrder, PublisherSetup, PublisherWord } from './outbox-messages.ts'
import { OutboxSweeper, SWEEP_EVERY_MS } from './outbox-sweeper.ts'
import type { Postgres } from './postgres.ts'
import type { StorageLog } from './storage-log.ts'

/** A publisher that has died is started again after so long, ms. */
const RESTART_MS = 5_000
/** How long the end waits for the turn under way, ms: what it did not finish is published again by the next start. */
const CLOSE_MS = 5_000

export interface OutboxOptions {
  /** Null: nobody publishes. The outbox keeps what is younger than `maxAgeMs`. */
  readonly kafka: KafkaOptions | null
  readonly maxEvents: number
  readonly maxAgeMs: number
}

/** What becomes of the events in the outbox. */
export interface OutboxPublisher {
  /** A commit has brought events. */
  written(): void
  readonly figures: OutboxFigures
  close(): Promise<void>
}

const NO_FIGURES: OutboxFigures = { events: 0, ageSeconds: 0, published: 0, trimmed: 0, deadLetters: 0, isUp: false }

/** With brokers: publishes, in a thread of its own. Without: keeps the outbox within its limits. */
export function createPublisher(postgres: Postgres, options: OutboxOptions, log: StorageLog): OutboxPublisher {
  const { kafka, maxEvents } = options
  return kafka
    ? new PublisherThread({ connection: postgres.options, kafka, maxEvents }, log)
    : new Retention(new OutboxSweeper(postgres, options, log))
}

/** The outbox of who publishes nothing. It is looked at only when something was written, but for its age once in a while. */
class Retention implements OutboxPublisher {
  readonly #sweeper: OutboxSweeper
  readonly #timer: NodeJS.Timeout
  #sweeping: Promise<void> = Promise.resolve()
  #isDirty = true
  #idle = 0

  constructor(sweeper: OutboxSweeper) {
    this.#sweeper = sweeper
    this.#timer = setInterval(() => this.#look(), SWEEP_EVERY_MS)
    this.#timer.unref()
  }

  written(): void {
    this.#isDirty = true
  }

  get figures(): OutboxFigures {
    const { trimmed, state } = this.#sweeper
    return { ...NO_FIGURES, events: state.events, ageSeconds: state.ageSeconds, trimmed }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#sweeping
  }

  #look(): void {
    if (!this.#isDirty && ++this.#idle < IDLE_SWEEPS) return
    this.#isDirty = false
    this.#idle = 0
    this.#sweeping = this.#sweeping.then(() => this.#sweeper.sweep())
  }
}

/** Every so many looks at a quiet outbox, what has become too old goes: once in ten minutes. */
const IDLE_SWEEPS = 120

class PublisherThread implements OutboxPublisher {
  readonly #setup: PublisherSetup
  readonly #log: StorageLog
  #worker: Worker
  #restart: NodeJS.Timeout | null = null
  #closing = false
  /** Of threads that have died. */
  #before = NO_FIGURES
  #now = NO_FIGURES

  constructor(setup: PublisherSetup, log: StorageLog) {
    this.#setup = setup
    this.#log = log
    this.#worker = this.#start()
  }

  written(): void {
    this.#tell('wake')
  }

  get figures(): OutboxFigures {
    const [before, now] = [this.#before, this.#now]
    return {
      ...now,
      published: before.published + now.published,
      trimmed: before.trimmed + now.trimmed,
      deadLetters: before.deadLetters + now.deadLetters,
    }
  }

  async close(): Promise<void> {
    this.#closing = true
    if (this.#restart) clearTimeout(this.#restart)
    let timer: NodeJS.Timeout | undefined
    const exited = new Promise<void>((resolve) => this.#worker.once('exit', () => resolve()))
    if (this.#worker.threadId < 0) return
    this.#tell('close')
    await Promise.race([exited, new Promise<void>((resolve) => (timer = setTimeout(resolve, CLOSE_MS)))])
    clearTimeout(timer)
    await this.#worker.terminate()
  }

  #tell(order: PublisherOrder): void {
    this.#worker.postMessage(order)
  }

  #start(): Worker {
    const file = new URL('./outbox-thread.ts', import.meta.url)
    const worker = startAs('usual', () => new Worker(file, { workerData: this.#setup, name: 'outbox' }))
    worker.on('message', (word: PublisherWord) => {
      if (word.kind === 'log') this.#log[word.level](word.fields, word.message)
      else this.#now = word.figures
    })
    worker.on('error', (error) => this.#log.error({ error: error.message }, 'the publisher of events has failed'))
    worker.on('exit', () => {
      if (this.#closing) return
      this.#before = this.figures
      this.#now = NO_FIGURES
      this.#restart = setTimeout(() => (this.#worker = this.#start()), RESTART_MS)
    })
    return worker
  }
}
