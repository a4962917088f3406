import { setTimeout as wait } from 'node:timers/promises'
import { CompressionTypes, Kafka, logLevel, Partitioners } from 'kafkajs'
import type { KafkaConfig, Message, Producer, SASLOptions } from 'kafkajs'
import type { EventSink, Published, SinkEvent, Refused } from './event-sink.ts'
import { mendRequestQueue } from './kafkajs-queue.ts'

/** JSON in one produce request: below a broker's own limit of 1 MB (message.max.bytes), whatever partition it goes to. */
const MAX_REQUEST_BYTES = 768 * 1024
/** So often an event that the brokers refuse is tried by itself before it is given up, and so long between two attempts, ms. */
export const POISON_ATTEMPTS = 5
const POISON_PAUSE_MS = 100
/** How long a broker may take to be reached, ms. */
const CONNECT_MS = 3_000
/** How long it may take to answer, ms. Beyond it the events stay in the outbox, and are tried again. */
const REQUEST_MS = 10_000

/** Codes by which a broker says that a record will never do (the others are about the broker, the topic or who we are). */
const POISON = new Set([
  'CORRUPT_MESSAGE',
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_TIMESTAMP',
  'INVALID_RECORD',
])

export interface KafkaOptions {
  readonly brokers: readonly string[]
  readonly topic: string
  /** Of the topic, when it is not there yet. */
  readonly partitions: number
  readonly tls: boolean
  /** How long a broker may take to answer; absent: 10 s. */
  readonly requestMs?: number
  /** Null: nobody asks who we are. */
  readonly login: { readonly mechanism: string; readonly username: string; readonly password: string } | null
}

/** Publishes to one topic of Kafka, acknowledged by all in-sync replicas, partitioned by call. */
export class KafkaSink implements EventSink {
  readonly #kafka: Kafka
  readonly #producer: Producer
  readonly #options: KafkaOptions
  #connected = false

  constructor(options: KafkaOptions) {
    mendRequestQueue()
    this.#options = options
    this.#kafka = new Kafka({
      clientId: 'dce',
      brokers: [...options.brokers],
      ssl: options.tls,
      ...loginOf(options),
      connectionTimeout: CONNECT_MS,
      requestTimeout: options.requestMs ?? REQUEST_MS,
      enforceRequestTimeout: true,
      retry: { retries: 1, initialRetryTime: 100, maxRetryTime: 1_000 },
      logLevel: logLevel.NOTHING, // What matters is thrown, and said by the relay.
    })
    this.#producer = this.#kafka.producer({
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
      maxInFlightRequests: 1,
    })
    this.#producer.on('producer.disconnect', () => (this.#connected = false))
  }

  /** Connects on demand. What it could not publish is to be offered again, in the same order. */
  async publish(events: readonly SinkEvent[]): Promise<Published> {
    const refused: Refused[] = []
    let done = 0
    try {
      await this.#connect()
      while (done < events.length) {
        const some = upToBytes(events, done)
        refused.push(...(await this.#send(some)))
        done += some.length
      }
      return { done, refused, error: null }
    } catch (error) {
      return { done, refused, error: rootOf(error as Error) }
    }
  }

  async close(): Promise<void> {
    await this.#producer.disconnect().catch(() => {})
  }

  async #connect(): Promise<void> {
    if (this.#connected) return
    await this.#ensureTopic()
    await this.#producer.connect()
    this.#connected = true
  }

  /** Made with the partitions asked for, so that its order by call does not depend on a broker's default. */
  async #ensureTopic(): Promise<void> {
    const { topic, partitions: numPartitions } = this.#options
    const admin = this.#kafka.admin()
    await admin.connect()
    try {
      const topics = await admin.listTopics()
      if (!topics.includes(topic))
        await admin.createTopics({ topics: [{ topic, numPartitions }], waitForLeaders: true })
    } finally {
      await admin.disconnect().catch(() => {})
    }
  }

  /** Sends in order; when the brokers refuse one of them for good, the others go without it. Answers those refused. */
  async #send(events: readonly SinkEvent[], attempt = 1): Promise<Refused[]> {
    try {
      await this.#producer.send({
        topic: this.#options.topic,
        acks: -1,
        timeout: this.#options.requestMs ?? REQUEST_MS,
        compression: CompressionTypes.None,
        messages: events.map(messageOf),
      })
      return []
    } catch (error) {
      const root = rootOf(error as Error)
      if (!isPoison(root)) throw error
      if (events.length > 1) {
        const half = events.length >> 1
        const first = await this.#send(events.slice(0, half))
        return [...first, ...(await this.#send(events.slice(half)))]
      }
      if (attempt === POISON_ATTEMPTS) return [{ event: events[0]!, attempts: attempt, error: root.message }]
      await wait(POISON_PAUSE_MS)
      return this.#send(events, attempt + 1)
    }
  }
}

function messageOf({ key, type, version, json }: SinkEvent): Message {
  return { key, value: json, headers: { type, version } }
}

/** As many from `start` on as one request may hold, at least one. */
function upToBytes(events: readonly SinkEvent[], start: number): readonly SinkEvent[] {
  let bytes = 0
  let end = start
  while (end < events.length && (end === start || bytes + Buffer.byteLength(events[end]!.json) <= MAX_REQUEST_BYTES))
    bytes += Buffer.byteLength(events[end++]!.json)
  return events.slice(start, end)
}

/** What kafkajs has wrapped in its own words for having tried again. */
function rootOf(error: Error): Error {
  return error.cause instanceof Error ? rootOf(error.cause) : error
}

function isPoison(error: Error): boolean {
  return 'type' in error && POISON.has(String(error.type))
}

function loginOf({ login }: KafkaOptions): Pick<KafkaConfig, 'sasl'> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- The setting allows only the three that have a password.
  return login ? { sasl: login as SASLOptions } : {}
}
