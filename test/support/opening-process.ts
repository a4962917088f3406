import { systemClock } from '../../model/clock.ts'
import { openStorage } from '../../storage/storage.ts'

/** An exchange's storage alone: opens, tells its parent, and closes when told to. */
const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const storage = await openStorage({
  databaseUrl: null,
  dataDir: process.argv[2]!,
  gatewayId: 'other',
  log,
  clock: systemClock,
  onBookChange: () => {},
  spoolBytes: 1024 * 1024,
  minFreeBytes: 0,
})
process.once('message', () => void storage.close().then(() => process.disconnect()))
process.send!({ pid: storage.embeddedPid() })
