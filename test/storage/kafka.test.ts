import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { DomainEvent } from '../../model/events.ts'
import { newId, type CallId } from '../../model/ids.ts'
import type { KafkaOptions } from '../../storage/kafka-sink.ts'
import { POISON_ATTEMPTS } from '../../storage/kafka-sink.ts'
import { HAS_KAFKA, KafkaBroker, LOGIN, NO_KAFKA, TopicReader, type ReadEvent } from '../support/kafka.ts'
import { openTestStorage, recordingLog, temporaryFolder, type TestStorage } from '../support/storage.ts'

const PUBLISHER = new URL('../support/publishing-process.ts', import.meta.url)

const event = (callId: CallId | null, payload: Record<string, unknown>): DomainEvent => ({
  id: newId(),
  type: 'call.ringing',
  time: new Date().toISOString(),
  version: 1,
  callId,
  payload,
  audience: {},
})

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 20))
}

/** The events of a topic as a consumer that knows ids takes them: each once, the first time it comes. */
function firstOfEach(read: readonly ReadEvent[]): ReadEvent[] {
  return [...new Map(read.toReversed().map((one) => [one.event['id'], one])).values()].toReversed()
}

describe(`the outbox's events in Kafka${HAS_KAFKA ? '' : ` (${NO_KAFKA})`}`, function () {
  this.timeout(180_000)
  let broker: KafkaBroker
  let reader: TopicReader
  let storage: TestStorage | null = null
  const log = recordingLog()

  before(async function () {
    if (!HAS_KAFKA) return this.skip()
    broker = await KafkaBroker.create(temporaryFolder())
  })
  after(async () => {
    await reader?.close()
    await broker?.stop()
  })
  afterEach(async () => {
    await storage?.close()
    storage = null
    log.lines.length = 0
  })

  const options = (): KafkaOptions => ({
    brokers: [broker.address],
    topic: 'dce.events',
    partitions: 4,
    tls: false,
    login: null,
    requestMs: 2000,
  })
  const open = async (maxEvents = 1_000_000): Promise<TestStorage> =>
    (storage = await openTestStorage({ log, outbox: { kafka: options(), maxEvents, maxAgeMs: 1 } }))
  const write = (one: DomainEvent): Promise<void> =>
    storage!.writer.write({ kind: 'events', callId: one.callId, events: [one] })
  const has = (ids: readonly string[]) => (read: readonly ReadEvent[]) => {
    const there = new Set(read.map(({ event: { id } }) => id))
    return ids.every((id) => there.has(id))
  }

  it('wait while no broker is there, the oldest going beyond the limit, and arrive when it is', async () => {
    await open(100)
    const events = Array.from({ length: 150 }, (_, n) => event(null, { n }))
    for (const one of events) await write(one)
    await until(() => storage!.outbox.figures.trimmed >= 50) // Some go before the last ones come.
    const { isUp, ageSeconds } = storage!.outbox.figures
    assert.ok(!isUp && ageSeconds > 0, `${isUp} ${ageSeconds}`)
    const isSaid = (line: string): boolean => log.lines.some(({ level, message }) => `${level}: ${message}` === line)
    await until(() => isSaid('warn: events cannot be published: they wait in the outbox'))
    await until(() => isSaid('error: events are lost to Kafka: more waited than outbox.max_events'))
    await broker.start()
    const left = events.slice(-100)
    await until(() => storage!.outbox.figures.events === 0 && storage!.outbox.figures.isUp)
    reader = await TopicReader.open(broker.address)
    await reader.until(has(left.map(({ id }) => id)))
    assert.deepEqual(
      firstOfEach(reader.events)
        .map(({ key }) => key)
        .toSorted(),
      left.map(({ id }) => id).toSorted(),
    )
  })

  it('go to the partition of their call, with their type beside them, as the WebSocket feed tells them', async () => {
    await open()
    const callId = newId<CallId>()
    const one = event(callId, { n: 1 })
    await write(one)
    await reader.until(has([one.id]))
    const { key, type, event: read } = reader.events.find(({ event: { id } }) => id === one.id)!
    assert.deepEqual(
      { key, type, read },
      {
        key: callId,
        type: 'call.ringing',
        read: { id: one.id, type: 'call.ringing', time: one.time, version: 1, call_id: callId, payload: { n: 1 } },
      },
    )
  })

  it('are published by who logs in, and wait while the password is wrong', async () => {
    const openAs = async (login: KafkaOptions['login']): Promise<void> => {
      const kafka = { ...options(), brokers: [`127.0.0.1:${broker.loginPort}`], login }
      storage = await openTestStorage({ log, outbox: { kafka, maxEvents: 1_000_000, maxAgeMs: 1 } })
    }
    await openAs({ ...LOGIN, password: 'wrong' })
    await write(event(null, { n: 'kept' }))
    await until(() => log.lines.some(({ message }) => message.startsWith('events cannot be published')))
    const { fields } = log.lines.find(({ message }) => message.startsWith('events cannot be published'))!
    assert.match(String(fields['error']), /authentication/i)
    assert.equal((await storage!.queries.rows('select id from outbox')).length, 1)
    await storage!.close()
    await openAs(LOGIN)
    const one = event(null, { n: 'sent' })
    await write(one)
    await reader.until(has([one.id]))
  })

  it('all arrive, in order by call, doubled only by id, though the broker is killed and stands still in the middle', async () => {
    await open()
    const calls = Array.from({ length: 40 }, () => newId<CallId>())
    const written: DomainEvent[] = []
    let n = 0
    const round = async (): Promise<void> => {
      n++
      await Promise.all(
        calls.map(async (id) => {
          const one = event(id, { n })
          await write(one)
          written.push(one)
        }),
      )
    }
    const rounds = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) await round()
    }
    await rounds(20)
    await reader.until(has([written[0]!.id]))
    const [killed] = await Promise.all([broker.stop('SIGKILL'), rounds(20)])
    assert.equal(killed, undefined)
    await until(() => log.lines.some(({ message }) => message.startsWith('events cannot be published')))
    await Promise.all([broker.start(), rounds(20)])
    await until(() => log.lines.some(({ message }) => message === 'events are published again'))
    log.lines.length = 0
    await broker.pause()
    await rounds(20) // Nobody who writes a call waits for it.
    await until(() => log.lines.some(({ message }) => message.startsWith('events cannot be published')))
    broker.goOn()
    await rounds(20)
    await reader.until(has(written.map(({ id }) => id)))
    for (const id of calls) {
      const ofCall = firstOfEach(reader.events).filter(({ key }) => key === id)
      assert.deepEqual(
        ofCall.map(({ event: { payload } }) => payload.n),
        Array.from({ length: 100 }, (_, i) => i + 1),
      )
      assert.equal(new Set(ofCall.map(({ partition }) => partition)).size, 1)
    }
  })

  it('go on without one that the broker will not have: that is kept, with the reason', async () => {
    await open()
    const callId = newId<CallId>()
    const tooLarge = event(callId, { text: 'x'.repeat(1_200_000) })
    const others = Array.from({ length: 20 }, (_, i) => event(callId, { i }))
    const all = [...others.slice(0, 10), tooLarge, ...others.slice(10)]
    await storage!.writer.write({ kind: 'events', callId, events: all })
    await reader.until(has(others.map(({ id }) => id)))
    await until(() => storage!.outbox.figures.deadLetters === 1)
    const letters = await storage!.queries.rows('select event_id, attempts, error, event from outbox_dead_letters')
    assert.equal(letters.length, 1)
    assert.deepEqual([letters[0]!['event_id'], letters[0]!['attempts']], [tooLarge.id, POISON_ATTEMPTS])
    assert.match(letters[0]!['error'], /larger than the max/i)
    assert.deepEqual(
      firstOfEach(reader.events)
        .filter(({ key }) => key === callId)
        .map(({ event: { payload } }) => payload.i),
      others.map((_, i) => i),
    )
  })

  it('arrive after kill -9 of the process that had written them: its next start publishes what was left', async () => {
    const dataDir = temporaryFolder()
    const child = fork(PUBLISHER, [dataDir, broker.address], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    const written: string[] = []
    child.on('message', (id: string) => {
      if (written.push(id) === 1000) child.kill('SIGKILL')
    })
    await once(child, 'exit')
    assert.equal(child.signalCode, 'SIGKILL')
    storage = await openTestStorage({
      databaseUrl: null,
      dataDir,
      gatewayId: 'publishing',
      outbox: { kafka: options(), maxEvents: 1_000_000, maxAgeMs: 1 },
    })
    await reader.until(has(written))
    const types = new Map<string, string[]>()
    for (const { key, type } of firstOfEach(reader.events)) types.set(key, [...(types.get(key) ?? []), type])
    for (const [callId, ofCall] of types)
      if (ofCall.includes('call.ended')) assert.deepEqual(ofCall, ['call.routed', 'call.ended'], callId)
  })
})
