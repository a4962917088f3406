import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startScenario, type ScenarioOptions, type ScenarioRun } from '../run.ts'
import { readStats } from '../stats.ts'
import { rampOf, type Address, type Driver, type DriveResult, type Progress, type Timeline } from './driver.ts'
import type { LoadOptions } from './options.ts'
import { processorTimeUs } from './processor-time.ts'
import type { Seeded } from './seed.ts'

const BUYERS = 2
/** SIPp wants fewer calls than there may be open files. */
const MAX_CALLS_UP = 15_000

/** SIPp carriers and buyers: signalling without audio, at rates that matter. Throws SippMissing. */
export async function createSippDriver(options: LoadOptions, directory: string, progress: Progress): Promise<Driver> {
  const buyers = await Promise.all(
    Array.from({ length: BUYERS }, () =>
      startScenario({
        file: join(import.meta.dirname, 'uas-load-expect-200.xml'),
        calls: 100_000_000,
        limit: MAX_CALLS_UP,
        traceMessages: false,
        timeoutS: 2 * options.rampSeconds + options.seconds + 600, // Each step of a ramp has its calls' ends, too.
        logDirectory: directory,
      }),
    ),
  )
  const carrier = (to: Address, seeded: Seeded): ScenarioOptions => ({
    file: join(import.meta.dirname, 'uac-load-expect-200.xml'),
    remote: to,
    host: seeded.carrierHost,
    csv: seeded.csv,
    pauseMs: options.talkMs,
    limit: Math.min(MAX_CALLS_UP, Math.max(1000, Math.ceil((options.cps * (options.talkMs + 5000)) / 1000))),
    traceMessages: false,
    logDirectory: directory,
  })
  return {
    buyers,
    async rampUp(to, seeded) {
      const { rates, seconds } = rampOf(options)
      for (const rate of rates) {
        progress(`ramp: ${rate} calls/s`)
        const timeoutS = 60 + seconds + Math.ceil(options.talkMs / 1000)
        await (
          await startScenario({ ...carrier(to, seeded), rate, calls: rate * seconds, timeoutS })
        ).finished
      }
    },
    async drive(to, seeded) {
      const run = await startScenario({
        ...carrier(to, seeded),
        rate: options.cps,
        calls: options.cps * options.seconds,
        timeoutS: options.seconds + Math.ceil(options.talkMs / 1000) + 60,
        more: ['-trace_rtt', '-rtt_freq', '10', '-trace_error_codes'],
      })
      const taken = (): number | null => processorTimeUs([run.pid, ...buyers.map(({ pid }) => pid)])
      return watch(run, options, directory, progress, taken)
    },
    async close() {
      await Promise.all(buyers.map((buyer) => buyer.stop()))
    },
  }
}

/** Follows SIPp’s statistics, a line of progress a second, until the run is over. */
async function watch(
  run: ScenarioRun,
  options: LoadOptions,
  directory: string,
  progress: Progress,
  taken: () => number | null,
): Promise<DriveResult> {
  const timeline: Timeline[number][] = []
  const atFirst = taken()
  let ownCpuPerCallUs: number | null = null
  let lastCreated = 0
  for (let second = 1; ; second++) {
    const result = await Promise.race([run.finished, sleep(1000)])
    const stats = await readStats(run.logs.stats)
    const offered = stats.created - lastCreated
    lastCreated = stats.created
    if (offered > 0 || stats.current > 0) timeline.push({ second, offered, up: stats.current })
    const share = String(Math.min(100, Math.round((100 * stats.created) / (options.cps * options.seconds))))
    const counts = `${stats.created} offered, ${stats.successful} done, ${stats.failed} failed, ${stats.current} up`
    progress(`${share.padStart(3)} %  ${counts}`)
    const now = taken() // Null once it has ended: the second before counts.
    if (now !== null && atFirst !== null && stats.created > 0) ownCpuPerCallUs = (now - atFirst) / stats.created
    if (!result) continue
    const codes = await readErrorCodes(directory)
    const { created, successful, retransmissions } = result.stats
    return {
      offered: created,
      answered: successful,
      // SIPp calls every status it did not expect one; the codes say which.
      failures: Object.keys(codes).length > 0 ? codes : result.stats.failures,
      setupMs: await readSetupTimes(directory),
      retransmissions,
      timeline,
      audio: null,
      ownCpuPerCallUs,
    }
  }
}

/** Every response time of the run: SIPp writes `…_rtt.csv` with a line a call, the second column being ms. */
async function readSetupTimes(directory: string): Promise<number[]> {
  const times: number[] = []
  for (const line of await readLines(directory, '_rtt.csv')) {
    const ms = Number(line.split(';')[1])
    if (Number.isFinite(ms)) times.push(ms)
  }
  return times
}

/** The statuses that came where 200 was expected: `…_error_codes.csv`, a line a second: time; elapsed; codes. */
async function readErrorCodes(directory: string): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const line of await readLines(directory, '_error_codes.csv')) {
    for (const code of line.split(';').slice(2).join(',').split(','))
      if (/^[3-6]\d\d$/.test(code)) counts[code] = (counts[code] ?? 0) + 1
  }
  return counts
}

async function readLines(directory: string, ending: string): Promise<string[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith(ending))
  const texts = await Promise.all(names.map((name) => readFile(join(directory, name), 'utf8')))
  return texts.flatMap((text) => text.split('\n')).filter((line) => line !== '')
}
