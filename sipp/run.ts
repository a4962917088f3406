import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { closeSync, mkdtempSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { findFreePort, waitUntilBound } from './free-port.ts'
import { readStats, type ScenarioStats } from './stats.ts'

/** What one playing of a scenario needs to know. Everything but the file and the remote side has a default. */
export interface ScenarioOptions {
  /** A file of this folder, or an absolute path. */
  readonly file: string
  /** The exchange; for a buyer (`uas-…`) it may be left out. */
  readonly remote?: { readonly host: string; readonly port: number }
  /** Our address: on loopback each carrier takes one of its own out of 127.0.0.0/8. Default 127.0.0.1. */
  readonly host?: string
  /** Default: a free one. */
  readonly localPort?: number
  readonly transport?: 'udp' | 'tcp'
  /** The dialled number: SIPp’s `[service]`. */
  readonly service?: string
  /** Words of the scenario in square brackets, `ani` for instance. */
  readonly keys?: Readonly<Record<string, string>>
  /** A CSV whose columns are `[field0]`, `[field1]`, …: one line a call. */
  readonly csv?: string
  /** Calls in all. Default 1. */
  readonly calls?: number
  /** Calls a second. Default 10. */
  readonly rate?: number
  /** Most calls at once. Default: SIPp’s own. */
  readonly limit?: number
  /** What a `<pause />` of the scenario lasts, in ms. Default 200. */
  readonly pauseMs?: number
  /** Seconds after which SIPp gives up and fails. Default 20. */
  readonly timeoutS?: number
  /** Send back the RTP that comes in. */
  readonly rtpEcho?: boolean
  /** Keep every message; on by default up to 100 calls. */
  readonly traceMessages?: boolean
  /** Where the logs go. Default: a new folder under the system’s temporary one. */
  readonly logDirectory?: string
  /** More of SIPp’s own options. */
  readonly more?: readonly string[]
}

/** How a playing ended. `exitCode` 0: every call went as the scenario says (SIPp(1)); null: it had to be killed. */
export interface ScenarioResult {
  readonly exitCode: number | null
  readonly stats: ScenarioStats
  readonly logs: { readonly messages: string; readonly errors: string; readonly stats: string; readonly output: string }
}

/** A scenario that is being played. */
export interface ScenarioRun {
  readonly pid: number
  readonly host: string
  readonly port: number
  readonly logs: ScenarioResult['logs']
  readonly finished: Promise<ScenarioResult>
  /** Ends it now, and waits until it is gone. Idempotent. */
  stop(): Promise<void>
}

/** The program is not on this machine. `npm test` says how to get it. */
export class SippMissing extends Error {
  override readonly name = 'SippMissing'
}

/** SIPp ended or hung before it listened; the message carries what it said. */
export class ScenarioFailedToStart extends Error {
  override readonly name = 'ScenarioFailedToStart'
}

/** SIPp’s default buffers lose datagrams above some hundred calls a second. */
const SOCKET_BUFFER_BYTES = 4 * 1024 ** 2
/** How long SIPp may take until it listens. */
const START_LIMIT_MS = 30_000
/** SIPp ends itself at its `-timeout`; so much later we end it. */
const KILL_GRACE_MS = 5000

let installed: boolean | undefined

/** Whether SIPp can be run at all. */
export function sippIsInstalled(): boolean {
  installed ??= spawnSync('sipp', ['-v'], { stdio: 'ignore' }).error === undefined
  return installed
}

/** Starts a scenario and resolves once it listens. Throws SippMissing, ScenarioFailedToStart, NoFreePort. */
export async function startScenario(options: ScenarioOptions): Promise<ScenarioRun> {
  if (!sippIsInstalled()) throw new SippMissing('sipp is not installed (Debian: apt-get install sip-tester)')
  const host = options.host ?? '127.0.0.1'
  const transport = options.transport ?? 'udp'
  const port = options.localPort ?? (await findFreePort(host))
  const mediaPort = await findFreePort(host)
  const directory = options.logDirectory ?? mkdtempSync(join(tmpdir(), 'dce-sipp-'))
  const name = `${baseName(options.file)}-${port}`
  const logs = {
    messages: join(directory, `${name}.messages.log`),
    errors: join(directory, `${name}.errors.log`),
    stats: join(directory, `${name}.stats.csv`),
    output: join(directory, `${name}.output.log`),
  }
  const output = openSync(logs.output, 'w')
  const child = spawn('sipp', sippArguments(options, host, port, mediaPort, logs), {
    cwd: directory,
    stdio: ['ignore', output, output],
    env: { ...process.env, TERM: 'dumb' },
  })
  closeSync(output)
  const exited = waitForExit(child, ((options.timeoutS ?? 20) + 1) * 1000 + KILL_GRACE_MS)
  const finished = exited.then(async (exitCode) => ({ exitCode, stats: await readStats(logs.stats), logs }))
  const isServer = baseName(options.file).startsWith('uas-')
  if (isServer || transport === 'udp') {
    const bound = await Promise.race([waitUntilBound(transport, host, port, START_LIMIT_MS), exited.then(() => null)])
    // A caller may be bound, finished and gone before anyone looked.
    if (bound === false || (bound === null && isServer)) {
      child.kill('SIGKILL')
      throw new ScenarioFailedToStart(`${name} did not listen:\n${await explain(await finished)}`)
    }
  }
  return { pid: child.pid!, host, port, logs, finished, stop: () => stop(child, exited) }
}

/** Plays a scenario to its end. Throws SippMissing, ScenarioFailedToStart, NoFreePort; a failed call is in the result. */
export async function playScenario(options: ScenarioOptions): Promise<ScenarioResult> {
  return (await startScenario(options)).finished
}

/** What SIPp complained about, and its last messages: for the text of a failed assertion. */
export async function explain(result: ScenarioResult): Promise<string> {
  const errors = await readFile(result.logs.errors, 'utf8').catch(() => '')
  const output = errors === '' ? await readFile(result.logs.output, 'utf8').catch(() => '') : ''
  const messages = await readFile(result.logs.messages, 'utf8').catch(() => '')
  return [`exit code ${result.exitCode}`, errors.slice(0, 4000), output.slice(-2000), messages.slice(-6000)]
    .filter((part) => part !== '')
    .join('\n')
}

function sippArguments(
  options: ScenarioOptions,
  host: string,
  port: number,
  mediaPort: number,
  logs: ScenarioResult['logs'],
): string[] {
  const calls = options.calls ?? 1
  const file = isAbsolute(options.file) ? options.file : join(import.meta.dirname, options.file)
  const args = options.remote ? [`${options.remote.host}:${options.remote.port}`] : []
  args.push('-sf', file, '-i', host, '-p', String(port), '-mi', host, '-mp', String(mediaPort))
  args.push('-t', options.transport === 'tcp' ? 't1' : 'u1', '-nostdin', '-buff_size', String(SOCKET_BUFFER_BYTES))
  args.push('-m', String(calls), '-r', String(options.rate ?? 10), '-d', String(options.pauseMs ?? 200))
  args.push('-timeout', `${options.timeoutS ?? 20}s`, '-timeout_error')
  args.push('-trace_err', '-error_file', logs.errors, '-trace_stat', '-stf', logs.stats, '-fd', '1')
  if (options.traceMessages ?? calls <= 100) args.push('-trace_msg', '-message_file', logs.messages)
  if (options.limit !== undefined) args.push('-l', String(options.limit))
  if (options.service !== undefined) args.push('-s', options.service)
  if (options.csv !== undefined) args.push('-inf', options.csv)
  if (options.rtpEcho === true) args.push('-rtp_echo')
  // `fold`: SIPp strips the blanks a line begins with, so a folded header brings its own.
  for (const [key, value] of Object.entries({ fold: ' ', ...options.keys })) args.push('-key', key, value)
  return [...args, ...(options.more ?? [])]
}

function waitForExit(child: ChildProcess, limitMs: number): Promise<number | null> {
  const { promise, resolve } = Promise.withResolvers<number | null>()
  const timer = setTimeout(() => child.kill('SIGKILL'), limitMs)
  child.once('error', () => resolve(null))
  child.once('exit', (code) => resolve(code))
  return promise.finally(() => clearTimeout(timer))
}

async function stop(child: ChildProcess, exited: Promise<number | null>): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
  await exited
}

function baseName(file: string): string {
  return file.slice(file.lastIndexOf('/') + 1).replace(/\.xml$/, '')
}
