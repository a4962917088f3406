import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Kafka, logLevel } from 'kafkajs'
import { findFreePort } from '../../sipp/free-port.ts'
import { mendRequestQueue } from '../../storage/kafkajs-queue.ts'
import { freeze, thaw } from './frozen.ts'

/** Where `.ci/kafka-broker` has put the broker's jars; undefined: nowhere. */
const LIBS = process.env['KAFKA_LIBS']
export const HAS_KAFKA = LIBS !== undefined && existsSync(LIBS)
export const NO_KAFKA = 'no Kafka: KAFKA_LIBS names no folder of jars (.ci/kafka-broker fetches them)'

/** Who may log in. */
export const LOGIN = { mechanism: 'plain', username: 'dce', password: 'correct horse' } as const

/** A real broker of its own, a single node that is its own controller (KRaft), on free ports of the loopback. */
export class KafkaBroker {
  readonly port: number
  /** Where it asks for a name and a password (SASL PLAIN): LOGIN. */
  readonly loginPort: number
  readonly #folder: string
  #process: ChildProcess | null = null

  private constructor(folder: string, port: number, loginPort: number) {
    this.#folder = folder
    this.port = port
    this.loginPort = loginPort
  }

  /** Prepares one that keeps its files in `folder`; `settings` go into its server.properties. */
  static async create(folder: string, settings: Record<string, string> = {}): Promise<KafkaBroker> {
    // None that the kernel gives away: whoever asks for one while it is down would meet himself there.
    const findPort = () => findFreePort('127.0.0.1')
    const [port, loginPort, controller] = [await findPort(), await findPort(), await findPort()]
    const broker = new KafkaBroker(folder, port, loginPort)
    const properties = {
      'process.roles': 'broker,controller',
      'node.id': '1',
      'controller.quorum.voters': `1@127.0.0.1:${controller}`,
      listeners: `PLAINTEXT://127.0.0.1:${port},LOGIN://127.0.0.1:${loginPort},CONTROLLER://127.0.0.1:${controller}`,
      'advertised.listeners': `PLAINTEXT://127.0.0.1:${port},LOGIN://127.0.0.1:${loginPort}`,
      'inter.broker.listener.name': 'PLAINTEXT',
      'sasl.enabled.mechanisms': 'PLAIN',
      'listener.name.login.plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required user_${LOGIN.username}="${LOGIN.password}";`,
      'controller.listener.names': 'CONTROLLER',
      'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,LOGIN:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT',
      'log.dirs': join(folder, 'log'),
      'offsets.topic.replication.factor': '1',
      'transaction.state.log.replication.factor': '1',
      'transaction.state.log.min.isr': '1',
      'group.initial.rebalance.delay.ms': '0',
      'auto.create.topics.enable': 'false',
      ...settings,
    }
    mkdirSync(join(folder, 'log'))
    const lines = Object.entries(properties).map(([key, value]) => `${key}=${value}\n`)
    writeFileSync(broker.#config, lines.join(''))
    const log =
      '<Configuration><Appenders><Console name="C"/></Appenders><Loggers><Root level="info"><AppenderRef ref="C"/></Root></Loggers></Configuration>'
    writeFileSync(join(folder, 'log4j2.xml'), log)
    const formatted = spawnSync(
      'java',
      ['-cp', `${LIBS}/*`, 'kafka.tools.StorageTool', 'format', '-t', 'MkU3OEVBNTcwNTJENDM2Qg', '-c', broker.#config],
      { encoding: 'utf8' },
    )
    if (formatted.status !== 0) throw new Error(`kafka could not be formatted: ${formatted.stderr}`)
    return broker
  }

  get #config(): string {
    return join(this.#folder, 'server.properties')
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  /** Resolves when it serves. */
  async start(): Promise<void> {
    const child = spawn(
      'java',
      [
        '-Xmx384m',
        '-XX:TieredStopAtLevel=1',
        `-Dlog4j2.configurationFile=${join(this.#folder, 'log4j2.xml')}`,
        '-cp',
        `${LIBS}/*`,
        'kafka.Kafka',
        this.#config,
      ],
      { stdio: ['ignore', 'pipe', 'ignore'] },
    )
    this.#process = child
    const lines = createInterface({ input: child.stdout })
    const said: string[] = []
    await new Promise<void>((resolve, reject) => {
      lines.on('line', (line) => {
        if (line.includes('Kafka Server started')) resolve()
        else if (said.push(line) > 50) said.shift()
      })
      child.once('exit', () => reject(new Error(`kafka ended: ${said.join('\n')}`)))
    })
  }

  /** It answers nobody from when this resolves, until it is told to go on. */
  pause(): Promise<void> {
    return freeze(this.#process!.pid!)
  }

  goOn(): void {
    thaw(this.#process!.pid!)
  }

  /** Ends it and waits until it is gone. What it has acknowledged is on its disk, or (SIGKILL) in the system's cache. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGKILL'): Promise<void> {
    const child = this.#process
    this.#process = null
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill(signal)
    await exited
  }
}

/** A message as a consumer reads it. */
export interface ReadEvent {
  readonly partition: number
  readonly key: string
  readonly type: string
  readonly event: Record<string, any>
}

/** Everything in a topic from its beginning on, as it comes. */
export class TopicReader {
  readonly events: ReadEvent[] = []
  readonly #consumer: ReturnType<Kafka['consumer']>
  #waiting: { until: (events: readonly ReadEvent[]) => boolean; resolve: () => void } | null = null

  private constructor(address: string) {
    mendRequestQueue()
    const kafka = new Kafka({
      clientId: 'test',
      brokers: [address],
      logLevel: logLevel.NOTHING,
      retry: { initialRetryTime: 100, maxRetryTime: 1000, retries: 100 },
    })
    this.#consumer = kafka.consumer({ groupId: `test-${process.pid}-${Math.random()}`, maxWaitTimeInMs: 100 })
  }

  static async open(address: string, topic = 'dce.events'): Promise<TopicReader> {
    const reader = new TopicReader(address)
    await reader.#consumer.connect()
    await reader.#consumer.subscribe({ topic, fromBeginning: true })
    await reader.#consumer.run({
      eachMessage: async ({ partition, message }) => {
        reader.events.push({
          partition,
          key: String(message.key),
          type: String(message.headers?.['type']),
          event: JSON.parse(String(message.value)) as Record<string, any>,
        })
        if (reader.#waiting?.until(reader.events)) reader.#waiting.resolve()
      },
    })
    return reader
  }

  /** Resolves once what was read is enough; the test's own timeout ends the wait. */
  async until(isEnough: (events: readonly ReadEvent[]) => boolean): Promise<void> {
    if (isEnough(this.events)) return
    await new Promise<void>((resolve) => (this.#waiting = { until: isEnough, resolve }))
  }

  async close(): Promise<void> {
    await this.#consumer.disconnect()
  }
}
