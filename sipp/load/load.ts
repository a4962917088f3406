import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ApiClient } from '../api-client.ts'
import { ADMIN, ExchangeProcess } from '../exchange-process.ts'
import { createAgentDriver } from './agent-driver.ts'
import { percentiles, type Driver, type LoadReport, type Progress } from './driver.ts'
import { quantile, quantileOf, readHistogram, readMetric, since } from './histogram.ts'
import type { LoadOptions, RunningTarget } from './options.ts'
import { seed, sumOfBalances } from './seed.ts'
import { createSippDriver } from './sipp-driver.ts'

/** A loopback address that is not 127.0.0.1, so that a running exchange’s own trunks are not mistaken for ours. */
const CARRIER_HOST = '127.0.0.73'
/** The default range: asking the kernel for a free pair costs more than the rest of the call. */
const RTP_PORTS = '10000-20000'
const SETTLE_LIMIT_MS = 20_000

/**
 * Drives an exchange: a ramp, then `cps` calls a second for `seconds`. Starts its own exchange when none is named, and
 * removes it again. Throws what the parts throw (SippMissing, ExchangeDidNotStart, ApiFailure, …).
 */
export async function runLoad(options: LoadOptions, progress: Progress): Promise<LoadReport> {
  const directory = await mkdtemp(join(tmpdir(), 'dce-load-'))
  const started: { close(): Promise<unknown> }[] = []
  try {
    const target = options.target ?? (await ownExchange(started, progress))
    const api = new ApiClient(target.http)
    await api.login(target.email, target.password)
    const driver = options.media
      ? await createAgentDriver(options, CARRIER_HOST, progress)
      : await createSippDriver(options, directory, progress)
    started.push(driver)
    return await measure(options, driver, api, target, directory)
  } finally {
    for (const one of started.toReversed()) await one.close()
    await rm(directory, { recursive: true, force: true })
  }
}

async function ownExchange(started: { close(): Promise<unknown> }[], progress: Progress): Promise<RunningTarget> {
  progress('starting an exchange of our own …')
  const exchange = await ExchangeProcess.start({ env: { DCE_TELEPHONY_RTP_PORT_RANGE: RTP_PORTS } })
  started.push(exchange)
  return { sip: exchange.sip(), http: exchange.http, ...ADMIN }
}

async function measure(
  options: LoadOptions,
  driver: Driver,
  api: ApiClient,
  target: RunningTarget,
  directory: string,
): Promise<LoadReport> {
  // Part of the numbers that are called: a 1 in front could make the exchange code 211, which nobody may have.
  const run = String(20_000 + (Date.now() % 80_000))
  const seeded = await seed(api, { run, carrierHost: CARRIER_HOST, buyers: driver.buyers, directory })
  await driver.rampUp(target.sip, seeded)
  await settled(api)
  const before = await api.metrics()
  const { setupMs, ...seen } = await driver.drive(target.sip, seeded)
  await settled(api)
  const after = await api.metrics()
  const grown = (name: string) => readMetric(after, name) - readMetric(before, name)
  const buckets = since(readHistogram(after, 'dce_added_pdd_seconds'), readHistogram(before, 'dce_added_pdd_seconds'))
  return {
    options,
    ...seen,
    failed: seen.offered - seen.answered,
    addedPdd: { ...percentiles((q) => quantile(buckets, q) * 1000), buckets },
    setup: percentiles((q) => quantileOf(setupMs, q)),
    cpuPerCallUs: (grown('dce_cpu_seconds_total') * 1e6) / grown('dce_calls_total'),
    residentBytes: readMetric(after, 'dce_resident_bytes'),
    balanceSum: await sumOfBalances(api),
  }
}

/** Waits until the exchange has no call left, so that what is measured is of all calls and no others. */
async function settled(api: ApiClient): Promise<void> {
  const deadline = performance.now() + SETTLE_LIMIT_MS
  while (performance.now() < deadline) {
    if (readMetric(await api.metrics(), 'dce_active_calls') === 0) return
    await sleep(100)
  }
}
