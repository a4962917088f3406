import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { setPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import { IN_OWN_NETWORK, type Lane } from './lanes.ts'

/** What test/support/counting-reporter.cjs leaves. */
export interface LaneCounts {
  readonly passes: number
  readonly failures: number
  readonly pending: number
  /** Outermost suites that mocha has not come to the end of: it gives up after an exception that no test can be blamed for. */
  readonly unended: number
  readonly failed: readonly Failure[]
  /** What failed at one attempt, and passed at the other. */
  readonly retried: readonly Failure[]
  readonly files: readonly FileCounts[]
}

export interface FileCounts {
  readonly file: string
  readonly ms: number
  readonly passes: number
  readonly pending: number
  /** The titles of those that did. */
  readonly passed: readonly string[]
}

export interface Failure {
  readonly file: string
  /** Of the test or the hook, with those of its suites. */
  readonly title: string
  readonly message: string
  /** As mocha lists it. */
  readonly listed: string
}

export interface LaneEnd {
  readonly lane: Lane
  readonly counts: LaneCounts
  readonly ms: number
  /** Why it ended without having counted, or badly although nothing failed. Such a lane has a failure more. */
  readonly crashed: string | null
}

const ROOT = join(import.meta.dirname, '../..')
const MOCHA = join(ROOT, 'node_modules/mocha/bin/mocha.js')
const REPORTER = join(ROOT, 'test/support/counting-reporter.cjs')
/** Where the exchanges that the tests start keep what Node has made of our sources. */
const COMPILED = join(ROOT, 'node_modules/.cache/dce')
const NONE: LaneCounts = { passes: 0, failures: 0, pending: 0, unended: 0, failed: [], retried: [], files: [] }

export interface LaneOptions {
  /** Is handed the lane's whole report when it has ended. Null: it goes where ours goes, as it comes. */
  readonly tellReport: ((report: string) => void) | null
  /** Ends the lane before its time. */
  readonly stop: AbortSignal
}

/** Runs a lane to its end, however it ends. */
export async function runLane(lane: Lane, { tellReport, stop }: LaneOptions): Promise<LaneEnd> {
  const folder = mkdtempSync(join(tmpdir(), 'dce-lane-'))
  const countsFile = join(folder, 'counts.json')
  const report = join(folder, 'report.txt')
  const output = tellReport ? openSync(report, 'w') : null
  const from = performance.now()
  try {
    const colour = tellReport && process.stdout.isTTY ? ['--color'] : []
    const first = lane.requires === null ? [] : ['--require', join(ROOT, lane.requires)]
    const mocha = [process.execPath, MOCHA, '--exit', '--reporter', REPORTER, ...first, ...colour, ...lane.files]
    const [command, ...args] = lane.ownNetwork ? [...IN_OWN_NETWORK, ...mocha] : mocha
    const child = spawn(command!, args, {
      cwd: ROOT,
      stdio: ['inherit', output ?? 'inherit', output ?? 'inherit'],
      env: {
        ...process.env,
        PATH: `${join(ROOT, 'node_modules/.bin')}:${process.env['PATH']}`,
        NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? COMPILED,
        DCE_TEST_COUNTS: countsFile,
      },
    })
    if (lane.niceness > 0 && child.pid !== undefined) setPriority(child.pid, lane.niceness)
    const end = (): void => void child.kill('SIGTERM')
    stop.addEventListener('abort', end)
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
    stop.removeEventListener('abort', end)
    const ms = performance.now() - from
    tellReport?.(readFileSync(report, 'utf8'))
    if (!existsSync(countsFile))
      return { lane, counts: NONE, ms, crashed: `mocha ended before it had counted its tests (${signal ?? code})` }
    const counts = JSON.parse(readFileSync(countsFile, 'utf8')) as LaneCounts
    return { lane, counts, ms, crashed: crashOf(counts, signal, code) }
  } finally {
    if (output !== null) closeSync(output)
    rmSync(folder, { recursive: true, force: true })
  }
}

function crashOf(counts: LaneCounts, signal: NodeJS.Signals | null, code: number | null): string | null {
  if (signal !== null) return `mocha was ended by ${signal}`
  if (counts.unended > 0) return `mocha gave up ${counts.unended} suites before its end`
  return code !== 0 && counts.failures === 0 ? `no test failed, but mocha ended with ${code}` : null
}
