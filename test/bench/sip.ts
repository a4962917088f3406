import { BareB2bua } from './bare-b2bua.ts'
import type { BenchResult } from './bench-result.ts'
import { WorkerProfiler } from './worker-profile.ts'

/** At the lower rates each message wakes a thread of its own; at the higher ones they travel together, and cost half. */
const RATES = [400, 1000, 1600, 2000]
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
    return [...results, ...(await serverParts(b2bua))]
  } finally {
    await b2bua.close()
  }
}

const PARTS_RATE = 1000

/** The parts of the server, by the files they are in; what is in none of them is the rest. */
const PARTS: readonly (readonly [name: string, files: RegExp])[] = [
  [
    'parser',
    /sip-server\/(parse-message|start-line|head|field-checks|header-|name-addr|uri|via|characters|message|serialize)/,
  ],
  ['transactions', /sip-server\/(transactions|client-transaction|server-transaction|timer|state|matching|delivery)/],
  [
    'user agents and dialogs',
    /sip-server\/(uas|uac|dialog|reliable|offers|forks|session|engine|responses|app-headers|sender|locate)/,
  ],
  ['control protocol', /sip-server\/control|writeLatin1String|stream_base_commons|node:net/],
  ['datagrams', /^send$|dgram|sip-server\/(udp|transport|tap)/],
  ['garbage collection', /garbage collector/],
]

/** What a call costs the server's thread, by part: a profile of its own, since profiling costs a little too. */
async function serverParts(b2bua: BareB2bua): Promise<BenchResult[]> {
  const profiler = await WorkerProfiler.attach('sip-server')
  await profiler.start()
  const before = await b2bua.server.handle.stats()
  const { calls, failed } = await b2bua.drive(PARTS_RATE, SECONDS)
  const after = await b2bua.server.handle.stats()
  const micros = await profiler.stop()
  profiler.close()
  const sums = new Map<string, number>()
  for (const [place, time] of micros) {
    if (place === '(idle)' || place === '(program)') continue
    const part = PARTS.find(([, files]) => files.test(place))?.[0] ?? 'the rest'
    sums.set(part, (sums.get(part) ?? 0) + time)
  }
  // A profile's clock runs on while the thread is kept waiting for a core: its shares count, and the thread's CPU is shared out.
  const profiled = [...sums.values()].reduce((sum, time) => sum + time, 0)
  const cpuMicros = (after.cpuMicros - before.cpuMicros) / calls
  const detail = `${calls} calls at ${PARTS_RATE}/s, ${failed} failed; its share of ${cpuMicros.toFixed(0)} us, by a profile`
  return [...PARTS.map(([name]) => name), 'the rest'].map((name) => ({
    name: `sip server: ${name}`,
    value: ((sums.get(name) ?? 0) / profiled) * cpuMicros,
    unit: 'us',
    detail,
  }))
}
