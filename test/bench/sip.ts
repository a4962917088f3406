import { BareB2bua } from './bare-b2bua.ts'
import type { BenchResult } from './bench-result.ts'

/** At the lower rate each message wakes a thread of its own; at the higher one they travel together, and cost half. */
const RATES = [400, 1000]
const WARM_UP_SECONDS = 3
const SECONDS = 5

/**
 * Bridged calls (INVITE, 180, 200, ACK, BYE) over UDP through the embedded server under an unmodified drachtio-srf
 * `createB2BUA` that does nothing else: CPU a call of the server's thread and of the application's. About 20 s.
 */
export async function run(): Promise<BenchResult[]> {
  const b2bua = await BareB2bua.start()
  const { server } = b2bua
  try {
    await b2bua.drive(RATES[0]!, WARM_UP_SECONDS)
    const results: BenchResult[] = []
    for (const rate of RATES) {
      const appBefore = process.threadCpuUsage()
      const before = await server.handle.stats()
      const { calls, failed, addedMs } = await b2bua.drive(rate, SECONDS)
      const after = await server.handle.stats()
      const appCpu = process.threadCpuUsage(appBefore)
      const sorted = addedMs.toSorted((a, b) => a - b)
      const quantile = (q: number): number => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN
      const detail = `${calls} bridged calls over UDP, ${failed} failed`
      results.push(
        {
          name: `sip server CPU a call at ${rate}/s`,
          value: (after.cpuMicros - before.cpuMicros) / calls,
          unit: 'us',
          detail,
        },
        {
          name: `bare createB2BUA CPU a call at ${rate}/s`,
          value: (appCpu.user + appCpu.system) / calls,
          unit: 'us',
          detail: `${detail}; the application's thread`,
        },
        { name: `INVITE in to INVITE out at ${rate}/s, p50`, value: quantile(0.5), unit: 'ms', detail },
        { name: `INVITE in to INVITE out at ${rate}/s, p99`, value: quantile(0.99), unit: 'ms', detail },
      )
    }
    return results
  } finally {
    await b2bua.close()
  }
}
