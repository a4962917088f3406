import { parentPort, workerData } from 'node:worker_threads'
import { KafkaSink } from './kafka-sink.ts'
import type { PublisherOrder, PublisherSetup, PublisherWord } from './outbox-messages.ts'
import { OutboxRelay } from './outbox-relay.ts'
import { OutboxSweeper, SWEEP_EVERY_MS } from './outbox-sweeper.ts'
import { Postgres } from './postgres.ts'
import type { StorageLog } from './storage-log.ts'

/** The publisher's own thread: what it costs to read, print and send events does not delay a call. */
const { connection, kafka, maxEvents } = workerData as PublisherSetup
const port = parentPort!
const say = (word: PublisherWord): void => port.postMessage(word)
const at = (level: 'debug' | 'info' | 'warn' | 'error') => (fields: object, message: string) =>
  say({ kind: 'log', level, fields, message })
const log: StorageLog = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }

const postgres = new Postgres(connection, log)
const relay = new OutboxRelay(postgres, new KafkaSink(kafka), log)
const sweeper = new OutboxSweeper(postgres, { maxEvents, maxAgeMs: null }, log)

async function sweep(): Promise<void> {
  await sweeper.sweep()
  const { events, ageSeconds } = sweeper.state
  say({ kind: 'figures', figures: { events, ageSeconds, ...relay.counts, trimmed: sweeper.trimmed } })
}

let sweeping = sweep()
const timer = setInterval(() => void (sweeping = sweeping.then(sweep)), SWEEP_EVERY_MS)

port.on('message', (order: PublisherOrder) => {
  if (order === 'wake') return relay.wake()
  clearInterval(timer)
  void relay
    .close()
    .then(() => sweeping)
    .then(() => postgres.close())
    .finally(() => port.close())
})
