import { execFileSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { Exchange } from './exchange.ts'
import { ManyCalls } from './many-calls.ts'
import { mediaOf } from './talks.ts'

/**
 * A program for a network namespace of its own (`unshare -n`): calls through a whole exchange, while the kernel does to loopback what
 * its arguments say: what is run at the start of the audio, and what at its end. Prints what the records say of each leg, as JSON.
 */
const [spoil, mend] = process.argv.slice(2)
const CALLS = 4
const TALK_MS = 6000

const shell = (command: string) => execFileSync('sh', ['-c', command], { stdio: ['ignore', 'ignore', 'inherit'] })

const exchange = await Exchange.start()
try {
  const calls = await ManyCalls.place(exchange, CALLS, 0)
  shell(spoil!)
  await sleep(TALK_MS)
  shell(mend!)
  await calls.hangUp()
  const records = await calls.market.records(CALLS)
  await calls.market.settled()
  await calls.close()
  process.stdout.write(
    `${JSON.stringify(records.map((record) => ({ ending: record.end_reason, media: mediaOf(record) })))}\n`,
  )
} finally {
  await exchange.close()
}
