/** The server of idle WebSocket clients, with its application: measures itself and tells its parent. `ws|wss` */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { makeCertificate } from '../support/certificates.ts'
import { TestServer } from '../support/sip-server.ts'
import type { BenchResult } from './bench-result.ts'

const WANTED = 15_000
/** Over TLS the libraries hold far more than we do: fewer clients show it as well. */
const WANTED_SECURE = 3_000
/** Descriptors that are not clients': the runtime's, the application's. */
const SPARE_DESCRIPTORS = 500
const WARM_UP = 500
const SETTLE_MS = 3_000

async function measure(transport: 'ws' | 'wss', wanted: number): Promise<BenchResult[]> {
  const limit = openFiles()
  const count = Math.min(wanted, limit - SPARE_DESCRIPTORS)
  const server = await TestServer.start({
    listen: [{ transport, host: '127.0.0.1', port: 0 }],
    tls: await makeCertificate(['127.0.0.1']),
  })
  await server.srf({
    register: (req, res) => res.send(200, { headers: { Contact: req.get('Contact') } }),
  })
  const open = async (clients: number) => {
    const path = new URL('./sip-websocket-clients.ts', import.meta.url)
    const child = fork(path, [String(server.port(transport)), String(clients), transport])
    const [outcome]: { registered: number; failed: number }[] = await once(child, 'message')
    return { child, ...outcome! }
  }
  // Code compiled, pools grown, first pages touched: none of that is a client's.
  const warm = await open(WARM_UP)
  await end(warm.child)
  const before = await settledMemory()
  const startMs = performance.now()
  const { child, registered, failed } = await open(count)
  const tookMs = performance.now() - startMs
  const after = await settledMemory()
  const { connections, flows } = await server.handle.stats()
  await end(child)
  await server.close()
  const detail =
    `${registered} of ${count} clients registered (${connections[transport]} connections, ${flows} bindings), ${failed} failed` +
    (count < wanted ? `; ${wanted} wanted, but ulimit -n is ${limit}` : '')
  const perClient = (name: 'rss' | 'heapUsed'): number => (after[name] - before[name]) / registered
  return [
    { name: `idle ${transport} client, resident`, value: perClient('rss'), unit: 'bytes', detail },
    { name: `idle ${transport} client, heap`, value: perClient('heapUsed'), unit: 'bytes', detail },
    { name: `${transport}: handshake and REGISTER`, value: (registered / tookMs) * 1000, unit: '1/s', detail },
  ]
}

async function end(child: ReturnType<typeof fork>): Promise<void> {
  const exited = once(child, 'exit')
  child.disconnect()
  await exited
}

/** The memory in use once garbage is gone. */
async function settledMemory(): Promise<NodeJS.MemoryUsage> {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  await sleep(SETTLE_MS)
  if (typeof collect === 'function') for (let i = 0; i < 3; i++) Reflect.apply(collect, null, [])
  return process.memoryUsage()
}

function openFiles(): number {
  const report: unknown = process.report.getReport()
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Its types are `object`; what is used is looked at.
  const { userLimits } = report as { userLimits?: { open_files?: { soft: number | string } } }
  const soft = Number(userLimits?.open_files?.soft)
  return Number.isFinite(soft) ? soft : WANTED + SPARE_DESCRIPTORS
}

const transport = process.argv[2] === 'wss' ? 'wss' : 'ws'
process.send?.(await measure(transport, transport === 'ws' ? WANTED : WANTED_SECURE))
process.disconnect()
