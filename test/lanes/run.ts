// Runs the suite in lanes, or the mocha arguments it is given in one, and leaves the sum for test/run-all.js in the file DCE_TEST_COUNTS.
import { globSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { canSeparateNetworks, sortIntoLanes, type Lane } from './lanes.ts'
import { runLane } from './run-lane.ts'
import { withSecondAttempts } from './second-attempt.ts'
import { sumOf } from './sum.ts'

const ROOT = join(import.meta.dirname, '../..')
const named = process.argv.slice(2)

const lanes = named.length > 0 ? [asked(named)] : sortIntoLanes(ROOT, suite(), canSeparateNetworks())
const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopping.abort())
const ends = await Promise.all(
  lanes.map((lane, at) => {
    const tell = (report: string): void =>
      void process.stdout.write(`\n—— ${lane.name}, beside the above ——\n${report}`)
    return runLane(lane, { tellReport: at > 0 ? tell : null, stop: stopping.signal })
  }),
)
const again =
  process.env['DCE_TEST_SECOND_ATTEMPTS'] && !stopping.signal.aborted
    ? await withSecondAttempts(ends, (lane) => {
        process.stdout.write(`\n—— ${lane.name} ——\n`)
        return runLane(lane, { tellReport: null, stop: stopping.signal })
      })
    : ends
writeFileSync(process.env['DCE_TEST_COUNTS']!, JSON.stringify(sumOf(again)))

function suite(): string[] {
  return globSync('test/**/*.test.ts', { cwd: ROOT }).toSorted()
}

/** What was named on the command line is run as mocha would: in that order, by one process. */
function asked(files: readonly string[]): Lane {
  return { name: 'asked for', files, niceness: 0, ownNetwork: false, requires: null }
}
