import { availableParallelism } from 'node:os'
import { stolenMs } from './cores.ts'
import { closeCalls, openCalls, type CallKind, type Driver, type OpenCalls, type Talk } from './media-calls.ts'
import type { BenchedEngine } from './media-engines.ts'

const WARM_UP_SECONDS = 1
export const SECONDS = 4
/** Each engine in turn, so often; the least CPU time counts: what it costs rather than what else the machine did. */
const ROUNDS = 2

/** What an engine made of so many calls. */
export interface Load {
  readonly report: Talk
  /** Phone to phone at p50 and p99, in the quietest second of all rounds. */
  readonly quietUs: { readonly p50: number; readonly p99: number }
  /** Of the engine's whole process, for each packet that it passed on: a lost one costs it nothing. */
  readonly cpuUs: number
  /** Of its busiest thread alone; NaN where nobody can tell. */
  readonly busiestUs: number
  /** Of the time: how long its threads had no core though they had work, and what the host gave to others of all cores. */
  readonly waitedShare: number
  readonly stolenShare: number
}

/** Each engine's cheapest load, in the engines' order. */
export async function measureInTurn(
  driver: Driver,
  engines: readonly (() => Promise<BenchedEngine>)[],
  calls: number,
  kind: CallKind,
): Promise<Load[]> {
  const best: Load[] = []
  for (let turn = 0; turn < ROUNDS; turn++)
    for (const [i, start] of engines.entries()) {
      const found = await load(driver, start, calls, kind)
      const before = best[i] ?? found
      const cheapest = found.cpuUs < before.cpuUs ? found : before
      best[i] = { ...cheapest, quietUs: found.quietUs.p99 < before.quietUs.p99 ? found.quietUs : before.quietUs }
    }
  return best
}

export async function load(
  driver: Driver,
  start: () => Promise<BenchedEngine>,
  calls: number,
  kind: CallKind,
): Promise<Load> {
  const engine = await start()
  let opened: OpenCalls = { sessions: [], setups: [] }
  try {
    opened = await openCalls(engine, driver, calls, kind)
    await driver.talk(WARM_UP_SECONDS)
    const threadsBefore = await engine.threadsCpuUs()
    const [before, waitedBefore, stolenBefore] = [engine.cpuUs(), engine.waitedMs(), stolenMs()]
    const startMs = performance.now()
    const report = await driver.talk(SECONDS)
    const tookMs = performance.now() - startMs
    const cpuUs = (engine.cpuUs() - before) / report.received
    const waitedShare = (engine.waitedMs() - waitedBefore) / tookMs
    const threads = (await engine.threadsCpuUs()).map((us, i) => us - threadsBefore[i]!)
    if (report.wrong > 0) throw new Error(`${engine.name}: ${report.wrong} packets were not what they should be`)
    return {
      report,
      quietUs: { p50: report.quietLatencyUs(0.5), p99: report.quietLatencyUs(0.99) },
      cpuUs,
      busiestUs: threads.length === 0 ? NaN : Math.max(...threads) / report.received,
      waitedShare,
      stolenShare: (stolenMs() - stolenBefore) / (tookMs * availableParallelism()),
    }
  } finally {
    await closeCalls(opened)
    await engine.close()
  }
}

/** Packets, losses, and whether the machine let it be measured. */
export function describeLoad({ report, waitedShare, stolenShare }: Load): string {
  const machine = `it waited for its core ${percent(waitedShare)} of the time, the host gave ${percent(stolenShare)} to others`
  return `${describeTalk(report)}; ${machine}`
}

export function describeTalk({ sent, received, packetsPerSecond }: Talk): string {
  return `${Math.round(packetsPerSecond)} packets/s, lost ${sent - received} of ${sent}`
}

function percent(share: number): string {
  return Number.isNaN(share) ? 'an unknown part' : `${Math.round(share * 100)} %`
}
