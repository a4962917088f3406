import { systemClock } from '../../model/clock.ts'
import { openStorage } from '../../storage/storage.ts'
import { conversionRules, endedByConversion, trackedOf } from './conversions.ts'
import { insertAccounts } from './records.ts'

/** A gateway that takes reports of calls and tells its parent of each that was acknowledged, until it is killed. */
const [dataDir] = process.argv.slice(2)
const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const storage = await openStorage({
  databaseUrl: null,
  dataDir: dataDir!,
  gatewayId: 'killed',
  log,
  clock: systemClock,
  onBookChange: () => {},
  spoolBytes: 1024 * 1024,
  minFreeBytes: 0,
})
await insertAccounts(storage.queries)
const { call, record } = endedByConversion()
await storage.writer.write(record)
const intake = storage.intake(conversionRules().rules)

async function reporter(): Promise<void> {
  for (;;) {
    const event = trackedOf(call)
    await intake.add(event, true)
    process.send!(event.id)
  }
}
await Promise.all(Array.from({ length: 20 }, reporter))
