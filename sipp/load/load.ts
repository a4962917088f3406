import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ApiClient } from '../api-client.ts'
import { ADMIN, ExchangeProcess } from '../exchange-process.ts'
import { startScenario, type ScenarioRun } from '../run.ts'
import { readStats } from '../stats.ts'
import { quantile, quantileOf, readHistogram, readMetric, since, type Buckets } from './histogram.ts'
import type { LoadOptions } from './options.ts'
import { seed, sumOfBalances, type Seeded } from './seed.ts'

/** What a run found. Times are ms. */
export interface LoadReport {
  readonly options: LoadOptions
  readonly offered: number
  readonly answered: number
  readonly failed: number
  /** Why calls failed: the status the carrier heard instead of 200, or SIPp’s word. */
  readonly failures: Readonly<Record<string, number>>
  /** From the exchange’s histogram, of the time at full rate. */
  readonly addedPdd: Percentiles & { readonly buckets: Buckets }
  /** INVITE to 200, by SIPp’s clock (4 ms coarse). */
  readonly setup: Percentiles
  readonly retransmissions: number
  /** CPU of the exchange (all its threads) per call, in µs. */
  readonly cpuPerCallUs: number
  readonly residentBytes: number
  /** Sum of all balances afterwards, in millionths. */
  readonly balanceSum: bigint
  /** Calls offered in each second. */
  readonly timeline: readonly { readonly second: number; readonly offered: number; readonly up: number }[]
}

export interface Percentiles {
  readonly p50: number
  readonly p95: number
  readonly p99: number
}

/** One line of what is going on. */
export type Progress = (line: string) => void

/** A cold start at the top rate measures the just-in-time compiler: every run climbs for so long first. */
const RAMP_STEPS = 5
const BUYERS = 2
/** A loopback address that is not 127.0.0.1, so that a running exchange’s own trunks are not mistaken for ours. */
const CARRIER_HOST = '127.0.0.73'
const SETTLE_LIMIT_MS = 20_000

/**
 * Drives an exchange with SIPp carriers and buyers: a ramp, then `cps` calls a second for `seconds`. Starts its own
 * exchange when none is named, and removes it again. Throws what the parts throw (SippMissing, ExchangeDidNotStart,
 * ApiFailure, …).
 */
export async function runLoad(options: LoadOptions, progress: Progress): Promise<LoadReport> {
  const directory = await mkdtemp(join(tmpdir(), 'dce-load-'))
  const started: { close(): Promise<void> }[] = []
  try {
    const target = options.target ?? (await ownExchange(started, progress))
    const api = new ApiClient(target.http)
    await api.login(target.email, target.password)
    const buyers = await startBuyers(options, directory)
    started.push({ close: async () => void (await Promise.all(buyers.map((buyer) => buyer.stop()))) })
    const run = String(Date.now() % 100_000).padStart(5, '0')
    const seeded = await seed(api, { run, carrierHost: CARRIER_HOST, buyers, directory })
    return await drive(options, { api, sip: target.sip, seeded, directory, progress })
  } finally {
    for (const one of started.toReversed()) await one.close()
    await rm(directory, { recursive: true, force: true })
  }
}

async function ownExchange(started: { close(): Promise<void> }[], progress: Progress) {
  progress('starting an exchange of our own …')
  // A range of its own: asking the kernel for free pairs costs more than the call at these rates.
  const exchange = await ExchangeProcess.start({ env: { DCE_TELEPHONY_RTP_PORT_RANGE: '10000-20000' } })
  started.push(exchange)
  return { sip: exchange.sip(), http: exchange.http, ...ADMIN }
}

async function startBuyers(options: LoadOptions, directory: string): Promise<ScenarioRun[]> {
  return Promise.all(
    Array.from({ length: BUYERS }, () =>
      startScenario({
        file: join(import.meta.dirname, 'uas-load-expect-200.xml'),
        calls: 100_000_000,
        limit: 15_000, // SIPp wants fewer than there may be open files.
        traceMessages: false,
        timeoutS: options.seconds + 600,
        logDirectory: directory,
      }),
    ),
  )
}

interface Drive {
  readonly api: ApiClient
  readonly sip: { readonly host: string; readonly port: number }
  readonly seeded: Seeded
  readonly directory: string
  readonly progress: Progress
}

async function drive(options: LoadOptions, { api, sip, seeded, directory, progress }: Drive): Promise<LoadReport> {
  const before = await api.metrics()
  const ramp = { ...carrier(options, seeded, directory), remote: sip }
  const stepRate = Math.max(1, Math.floor(options.cps / RAMP_STEPS))
  for (let step = 1; step < RAMP_STEPS; step++) {
    const rate = step * stepRate
    progress(`ramp: ${rate} calls/s`)
    await finish(await startScenario({ ...ramp, rate, calls: rate, timeoutS: 60 }))
  }
  const rampDone = await api.metrics()
  const full = await startScenario({
    ...ramp,
    rate: options.cps,
    calls: options.cps * options.seconds,
    timeoutS: options.seconds + Math.ceil(options.talkMs / 1000) + 60,
    more: ['-trace_rtt', '-rtt_freq', '10', '-trace_error_codes'],
  })
  const { result, timeline } = await watch(full, options, progress)
  await settled(api)
  const after = await api.metrics()
  const pdd = since(readHistogram(after, 'dce_added_pdd_seconds'), readHistogram(rampDone, 'dce_added_pdd_seconds'))
  const setup = await readSetupTimes(directory)
  const cpuSeconds = readMetric(after, 'dce_cpu_seconds_total') - readMetric(before, 'dce_cpu_seconds_total')
  const calls = readMetric(after, 'dce_calls_total') - readMetric(before, 'dce_calls_total')
  return {
    options,
    offered: result.stats.created,
    answered: result.stats.successful,
    failed: result.stats.failed + (result.stats.created - result.stats.successful - result.stats.failed),
    failures: { ...result.stats.failures, ...(await readErrorCodes(directory)) },
    addedPdd: { ...percentiles((q) => quantile(pdd, q) * 1000), buckets: pdd },
    setup: percentiles((q) => quantileOf(setup, q)),
    retransmissions: result.stats.retransmissions,
    cpuPerCallUs: calls > 0 ? (cpuSeconds * 1e6) / calls : Number.NaN,
    residentBytes: readMetric(after, 'dce_resident_bytes'),
    balanceSum: await sumOfBalances(api),
    timeline,
  }
}

function carrier(options: LoadOptions, seeded: Seeded, directory: string) {
  return {
    file: join(import.meta.dirname, 'uac-load-expect-200.xml'),
    host: seeded.carrierHost,
    csv: seeded.csv,
    pauseMs: options.talkMs,
    limit: Math.max(1000, Math.ceil((options.cps * (options.talkMs + 5000)) / 1000)),
    traceMessages: false,
    logDirectory: directory,
  }
}

async function finish(run: ScenarioRun): Promise<void> {
  await run.finished
}

/** Follows SIPp’s statistics, a line of progress a second, until the run is over. */
async function watch(run: ScenarioRun, options: LoadOptions, progress: Progress) {
  const timeline: { second: number; offered: number; up: number }[] = []
  let lastCreated = 0
  for (let second = 1; ; second++) {
    const result = await Promise.race([run.finished, sleep(1000)])
    const stats = await readStats(run.logs.stats)
    const offered = stats.created - lastCreated
    lastCreated = stats.created
    if (offered > 0 || stats.current > 0) timeline.push({ second, offered, up: stats.current })
    const share = Math.min(100, Math.round((100 * stats.created) / (options.cps * options.seconds)))
    progress(
      `${String(share).padStart(3)} %  ${stats.created} offered, ${stats.successful} done, ${stats.failed} failed, ${stats.current} up`,
    )
    if (result) return { result, timeline }
  }
}

/** Waits until the exchange has no call left, so that what follows is measured on all of them. */
async function settled(api: ApiClient): Promise<void> {
  const deadline = performance.now() + SETTLE_LIMIT_MS
  while (performance.now() < deadline) {
    if (readMetric(await api.metrics(), 'dce_active_calls') === 0) return
    await sleep(100)
  }
}

function percentiles(at: (q: number) => number): Percentiles {
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) }
}

/** Every response time of the run: SIPp writes `…_rtt.csv` with a line a call, the second column being ms. */
async function readSetupTimes(directory: string): Promise<number[]> {
  const times: number[] = []
  for (const name of await readdir(directory)) {
    if (!name.endsWith('_rtt.csv')) continue
    for (const line of (await readFile(join(directory, name), 'utf8')).split('\n').slice(1)) {
      const ms = Number(line.split(';')[1])
      if (line !== '' && Number.isFinite(ms)) times.push(ms)
    }
  }
  return times
}

/** The statuses that came where 200 was expected: `…_error_codes.csv`, a line a second. */
async function readErrorCodes(directory: string): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const name of await readdir(directory)) {
    if (!name.includes('_error_codes')) continue
    for (const line of (await readFile(join(directory, name), 'utf8')).split('\n')) {
      const [, , ...codes] = line.split(';') // The first two are the time.
      for (const code of codes) if (/^[3-6]\d\d$/.test(code)) counts[code] = (counts[code] ?? 0) + 1
    }
  }
  return counts
}
