import type { BenchResult } from './bench-result.ts'
import { CORES, hasCoresToShare, keepOn } from './cores.ts'
import type { CallKind, Driver } from './media-calls.ts'
import type { BenchedEngine } from './media-engines.ts'
import { describeLoad, measureInTurn, SECONDS, type Load } from './media-load.ts'

/**
 * How long packets are under way, phone to phone: without an engine, through the relay, and through rtpengine. The engine has a core of its
 * own and the phones have the others, since packets that wait while a phone has the engine's core say nothing of either. Each phone sends
 * every 20 ms, each at its own moment: the phones of a process are spread over those 20 ms, and every millisecond it sends what is due.
 */
export async function measureLatency(
  driver: Driver,
  engines: readonly (() => Promise<BenchedEngine>)[],
  calls: number,
  kind: CallKind,
): Promise<{ results: BenchResult[]; loads: Load[] }> {
  const isApart = hasCoresToShare()
  if (isApart) {
    keepOn(CORES.measured, process.pid)
    driver.keepOn(CORES.load)
  }
  await driver.openPhones(calls, kind)
  await driver.meet(null)
  await driver.talk(1)
  const direct = await driver.talk(SECONDS)
  const loads = await measureInTurn(driver, engines, calls, kind)
  if (isApart) {
    keepOn(CORES.all, process.pid)
    driver.keepOn(CORES.all)
  }
  const [relay, rtpengine] = loads
  const where = isApart ? 'the engine on a core of its own' : 'engine and phones on the same cores'
  const alone = `the same phones without it: p50 ${round(direct.latencyUs(0.5))} us, p99 ${round(direct.latencyUs(0.99))} us`
  const detail = (load: Load): string =>
    `phone to phone, ${calls} calls, sending spread over 20 ms by the millisecond, ${where}; ${describeLoad(load)}; ${alone}`
  const quietly = `p99 of the quietest second of the phones without it ${round(direct.quietLatencyUs(0.99))} us`
  const quietAdded = ({ quietUs }: Load): number => (quietUs.p99 - direct.quietLatencyUs(0.99)) / 1000
  const results: BenchResult[] = [
    { name: 'media.latency.p50', value: relay!.report.latencyUs(0.5), unit: 'us', detail: detail(relay!) },
    { name: 'media.latency.p99', value: relay!.report.latencyUs(0.99), unit: 'us', detail: detail(relay!) },
    {
      name: 'media.latency.added.p99',
      value: (relay!.report.latencyUs(0.99) - direct.latencyUs(0.99)) / 1000,
      unit: 'ms',
      detail: detail(relay!),
    },
    {
      name: 'media.latency.added.quiet.p99',
      value: quietAdded(relay!),
      unit: 'ms',
      detail: `quietest second; ${quietly}`,
    },
  ]
  if (rtpengine)
    results.push(
      {
        name: 'media.latency.rtpengine.p50',
        value: rtpengine.report.latencyUs(0.5),
        unit: 'us',
        detail: detail(rtpengine),
      },
      {
        name: 'media.latency.rtpengine.p99',
        value: rtpengine.report.latencyUs(0.99),
        unit: 'us',
        detail: detail(rtpengine),
      },
      {
        name: 'media.latency.rtpengine.added.quiet.p99',
        value: quietAdded(rtpengine),
        unit: 'ms',
        detail: `quietest second; ${quietly}`,
      },
      {
        name: 'media.latency.ratio',
        value: relay!.quietUs.p99 / rtpengine.quietUs.p99,
        unit: 'ratio',
        detail: `p99, relay to rtpengine, each in its quietest second: ${round(relay!.quietUs.p99)} and ${round(rtpengine.quietUs.p99)} us`,
      },
    )
  return { results, loads }
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
