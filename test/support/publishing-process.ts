import { systemClock } from '../../model/clock.ts'
import { newId } from '../../model/ids.ts'
import type { DomainEvent, EventType } from '../../model/events.ts'
import { openStorage } from '../../storage/storage.ts'
import { callRecord, endedRecord, insertAccounts, soldRecord } from './records.ts'

/** A gateway that writes calls with their events, published to Kafka, and tells its parent of each event that is written; until it is killed. */
const [dataDir, broker] = process.argv.slice(2)
const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const storage = await openStorage({
  databaseUrl: null,
  dataDir: dataDir!,
  gatewayId: 'publishing',
  log,
  clock: systemClock,
  onBookChange: () => {},
  minFreeBytes: 0,
  outbox: {
    kafka: { brokers: [broker!], topic: 'dce.events', partitions: 4, tls: false, login: null },
    maxEvents: 1_000_000,
    maxAgeMs: 1,
  },
})
await insertAccounts(storage.queries)

async function carrier(): Promise<void> {
  for (;;) {
    const call = callRecord()
    const event = (type: EventType): DomainEvent => ({
      id: newId(),
      type,
      time: new Date().toISOString(),
      version: 1,
      callId: call.id,
      payload: {},
      audience: {},
    })
    const [routed, ended] = [event('call.routed'), event('call.ended')]
    await storage.writer.write(soldRecord(call, { events: [routed] }))
    process.send!(routed.id)
    await storage.writer.write(endedRecord(call, { events: [ended] }))
    process.send!(ended.id)
  }
}
await Promise.all(Array.from({ length: 20 }, carrier))
