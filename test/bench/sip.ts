import { BareB2bua } from './bare-b2bua.ts'
import type { BenchResult } from './bench-result.ts'
import { embeddedServer, runningServer } from './bench-server.ts'
import { WorkerProfiler } from './worker-profile.ts'

/** At the lower rates each message wakes a thread of its own; at the higher ones they travel together, and cost half. */
const RATES = (process.env['DCE_BENCH_RATES'] ?? '400,1000,1600,2000').split(',').map(Number)
const WARM_UP_RATE = 400
const WARM_UP_SECONDS = 3
const SECONDS = Number(process.env['DCE_BENCH_SECONDS'] ?? 5)

/**
 * Bridged calls (INVITE, 180, 200, ACK, BYE) over UDP through a SIP server under an unmodified drachtio-srf `createB2BUA` that
 * does nothing else: CPU a call of the server and of the application's thread. The server is the embedded one, in a thread, about
 * 40 s; or one that is running already (`runningServer`). `DCE_BENCH_RATES` (calls a second, by comma) and `DCE_BENCH_SECONDS`
 * (of each) change what is measured.
 */
export async function run(): Promise<BenchResult[]> {
  if (![...RATES, SECONDS].every((number) => number > 0)) {
    throw new Error('DCE_BENCH_RATES takes calls a second, by comma, and DCE_BENCH_SECONDS how long for each')
  }
  const running = await runningServer()
  const b2bua = await BareB2bua.start(running ?? (await embeddedServer()))
  const { server } = b2bua
  try {
    await b2bua.drive(Math.min(WARM_UP_RATE, ...RATES), WARM_UP_SECONDS)
    const results: BenchResult[] = []
    for (const rate of RATES) {
      const appBefore = process.threadCpuUsage()
      const before = await server.cpuMicros()
      const { calls, failed, refused, addedMs } = await b2bua.drive(rate, SECONDS)
      const after = await server.cpuMicros()
      const appCpu = process.threadCpuUsage(appBefore)
      const sorted = addedMs.toSorted((a, b) => a - b)
      const quantile = (q: number): number => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN
      const detail = `${calls} bridged calls over UDP, ${failed} failed, ${refused} refused; server ${server.place}`
      results.push(
        { name: `sip server CPU a call at ${rate}/s`, value: (after - before) / calls, unit: 'us', detail },
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
    if (!running) return [...results, ...(await serverParts(b2bua))]
    const detail = `resident memory after all of it; server ${server.place}`
    return [...results, { name: 'sip server memory', value: server.residentBytes(), unit: 'bytes', detail }]
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
  const before = await b2bua.server.cpuMicros()
  const { calls, failed } = await b2bua.drive(PARTS_RATE, SECONDS)
  const after = await b2bua.server.cpuMicros()
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
  const cpuMicros = (after - before) / calls
  const detail = `${calls} calls at ${PARTS_RATE}/s, ${failed} failed; its share of ${cpuMicros.toFixed(0)} us, by a profile`
  return [...PARTS.map(([name]) => name), 'the rest'].map((name) => ({
    name: `sip server: ${name}`,
    value: ((sums.get(name) ?? 0) / profiled) * cpuMicros,
    unit: 'us',
    detail,
  }))
}
