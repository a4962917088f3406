import { Driver, openCalls } from './media-calls.ts'
import { startRelay, startRtpengine } from './media-engines.ts'

/**
 * What calls with audio keep in memory, measured in a process of its own: so many calls talk, then as many more are opened and talk in
 * their place. The garbage of so many packets is there both times, and the difference is the calls.
 */

const CALLS = 400
const SECONDS = 3

const engine = await (process.argv[2] === 'relay' ? startRelay(1) : startRtpengine())
const driver = new Driver()
const resident: number[] = []
const opened = []
for (let round = 0; round < 2; round++) {
  opened.push(await openCalls(engine, driver, CALLS, { caller: 'pcmu', buyer: 'pcmu' }))
  await driver.talk(SECONDS)
  resident.push(engine.residentBytes())
}
process.send!({ bytes: (resident[1]! - resident[0]!) / CALLS, calls: CALLS })
for (const { sessions } of opened) for (const session of sessions) await session.close()
driver.close()
await engine.close()
process.disconnect()
