import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../model/clock.ts'
import { fullEventJson, type DomainEvent, type EventType } from '../../model/events.ts'
import { newId } from '../../model/ids.ts'
import type { CallId } from '../../model/ids.ts'
import { packEvents } from '../../storage/outbox-body.ts'
import { openStorage } from '../../storage/storage.ts'
import { HAS_KAFKA, KafkaBroker, NO_KAFKA } from '../support/kafka.ts'
import { callRecord } from '../support/records.ts'
import type { BenchResult } from './bench-result.ts'

const CALLS = 20_000
const TYPES: EventType[] = ['call.received', 'call.routed', 'call.ringing', 'call.answered', 'bid.won', 'call.ended']
/** Of one group commit under load. */
const CALLS_A_ROW = 50

/**
 * What keeping events costs, and a backlog of them published to a real Kafka broker on the same machine, by the thread that does it in
 * the exchange; where there is no broker the latter is left out.
 */
export async function run(): Promise<BenchResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'dce-bench-'))
  const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
  const open = (kafka: string | null) =>
    openStorage({
      databaseUrl: null,
      dataDir: join(folder, 'data'),
      gatewayId: 'bench',
      log,
      clock: systemClock,
      onBookChange: () => {},
      minFreeBytes: 0,
      outbox: {
        kafka: kafka === null ? null : { brokers: [kafka], topic: 'bench', partitions: 12, tls: false, login: null },
        maxEvents: 1e9,
        maxAgeMs: 1e9,
      },
    })
  let broker: KafkaBroker | null = null
  let storage = await open(null)
  try {
    let events = 0
    let bytes = 0
    let printMs = 0
    for (let call = 0; call < CALLS; call += CALLS_A_ROW) {
      const announced = Array.from({ length: CALLS_A_ROW }, callEvents).flat()
      const start = performance.now()
      const lines = announced.map(fullEventJson)
      const body = packEvents(lines)
      printMs += performance.now() - start
      await storage.queries.rows('insert into outbox (events, body) values ($1, $2)', [lines.length, body])
      events += lines.length
      bytes += body.length
    }
    const kept: BenchResult[] = [
      {
        name: 'events.kept',
        value: (printMs * 1000) / CALLS,
        unit: 'us',
        detail: `printing and packing the ${TYPES.length} events of a call for the outbox`,
      },
      { name: 'events.stored', value: bytes / CALLS, unit: 'bytes', detail: 'what those take in the outbox' },
    ]
    if (!HAS_KAFKA) {
      process.stderr.write(`events.published is left out: ${NO_KAFKA}\n`)
      return kept
    }
    mkdirSync(join(folder, 'broker'))
    broker = await KafkaBroker.create(join(folder, 'broker'))
    await broker.start()
    await storage.close()
    storage = await open(broker.address)
    const cpu = process.cpuUsage()
    const start = performance.now()
    const isLeft = async (): Promise<boolean> =>
      (await storage.queries.rows('select id from outbox limit 1')).length > 0
    while (await isLeft()) await new Promise((resolve) => setTimeout(resolve, 20))
    const seconds = (performance.now() - start) / 1000
    const used = process.cpuUsage(cpu)
    return [
      {
        name: 'events.published',
        value: events / seconds,
        unit: '1/s',
        detail: `a backlog of ${events} events, outbox → Kafka (acks=all), connecting included, PostgreSQL and broker beside it`,
      },
      {
        name: 'events.cpu',
        value: (used.user + used.system) / events,
        unit: 'us',
        detail: 'CPU of this process an event published: reading, unpacking, sending',
      },
      ...kept,
    ]
  } finally {
    await storage.close()
    await broker?.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

function callEvents(): DomainEvent[] {
  const { id, ani, dnis, sellerId, buyerId, bidId } = callRecord({ id: newId<CallId>() })
  return TYPES.map((type) => ({
    id: newId(),
    type,
    time: new Date().toISOString(),
    version: 1,
    callId: id,
    payload: {
      id,
      state: 'ended',
      outcome: 'answered',
      from: ani,
      to: dnis,
      vertical: 'insurance',
      seller_id: sellerId,
      buyer_id: buyerId,
      bid_id: bidId,
      duration_ms: 31_000.5,
      billable_ms: 31_000.5,
      sip_status: 200,
      end_reason: 'caller_hung_up',
      hung_up_by: 'caller',
    },
    audience: { sellerId },
  }))
}
