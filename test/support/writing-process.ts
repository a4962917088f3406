import { systemClock } from '../../model/clock.ts'
import { openStorage } from '../../storage/storage.ts'
import { freeze } from './frozen.ts'
import { callRecord, endedRecord, insertAccounts, soldRecord } from './records.ts'

/** A gateway that writes records and tells its parent of each that was acknowledged, until it is killed. */
const [dataDir, situation] = process.argv.slice(2)
const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const storage = await openStorage({
  databaseUrl: null,
  dataDir: dataDir!,
  gatewayId: 'killed',
  log,
  clock: systemClock,
  onBookChange: () => {},
  spoolBytes: 16 * 1024 * 1024,
  minFreeBytes: 0,
})
await insertAccounts(storage.queries)
if (situation === 'spooling') {
  const backends = await storage.queries.rows(
    "select pid from pg_stat_activity where application_name like 'dce writer%'",
  )
  await freeze(storage.embeddedPid()!)
  for (const { pid } of backends) process.kill(pid, 'SIGTERM')
  while (storage.writer.state() === 'database') await new Promise((resolve) => setTimeout(resolve, 10))
}

async function carrier(): Promise<void> {
  for (;;) {
    const call = callRecord()
    await storage.writer.write(soldRecord(call))
    process.send!({ sold: call.id })
    await storage.writer.write(endedRecord(call))
    process.send!({ ended: call.id })
  }
}
await Promise.all(Array.from({ length: 20 }, carrier))
