import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import Srf from 'drachtio-srf'
import type { StartOptions } from '../../gateway/sip-server/start.ts'
import { foreignSipServer, readAnnounced } from '../../sipp/exchange-process.ts'
import { asApp, handleRequests, TestServer, type App, type Handler } from '../support/sip-server.ts'

/** A SIP server to be measured, with nobody on it but the application that `app` connects. */
export interface BenchServer {
  /** Where it is, for the text of a result. */
  readonly place: string
  /** Where it takes SIP over UDP. */
  readonly sip: { readonly host: string; readonly port: number }
  /** An unmodified drachtio-srf, connected, with these handlers. */
  app(handlers: Readonly<Record<string, Handler>>): Promise<App>
  /** CPU time it has used so far; NaN where nobody can tell. */
  cpuMicros(): Promise<number>
  /** Resident memory in bytes, of a server with a process of its own; otherwise NaN. */
  residentBytes(): number
  close(): Promise<void>
}

/** The one we bring, in a thread of this process. */
export async function embeddedServer(options: Partial<StartOptions> = {}): Promise<BenchServer> {
  const server = await TestServer.start({ inThread: true, ...options })
  return {
    place: 'embedded',
    sip: { host: '127.0.0.1', port: server.port('udp') },
    app: (handlers) => server.srf(handlers),
    cpuMicros: async () => (await server.handle.stats()).cpuMicros,
    residentBytes: () => NaN,
    close: () => server.close(),
  }
}

/**
 * A drachtio-server that is running already, ours or a real one: `DCE_DRACHTIO_HOST`, `_PORT` and `_SECRET` say where. Its
 * CPU time and memory are known where `DCE_BENCH_SERVER_PID` names its process. Undefined when the environment names none.
 */
export async function runningServer(): Promise<BenchServer | undefined> {
  const { DCE_DRACHTIO_HOST: host, DCE_DRACHTIO_PORT: port, DCE_DRACHTIO_SECRET: secret } = foreignSipServer()
  if (host === undefined || secret === undefined) return undefined
  const pid = process.env['DCE_BENCH_SERVER_PID']
  const srf = new Srf()
  srf.on('error', () => undefined)
  void srf.connect({ host, port: Number(port), secret })
  const connected = await Promise.race([once(srf, 'connect'), sleep(CONNECT_LIMIT_MS, undefined, { ref: false })])
  if (!connected) throw new Error(`no drachtio-server takes us at ${host}:${port} within ${CONNECT_LIMIT_MS} ms`)
  const announced = String(connected[1])
  const sip = readAnnounced(announced).find(({ transport }) => transport === 'udp')
  if (!sip) throw new Error(`the drachtio-server at ${host}:${port} has no UDP: ${announced}`)
  return {
    place: `at ${host}:${port}`,
    sip,
    app: async (handlers) => {
      handleRequests(srf, handlers)
      await sleep(ROUTES_MS)
      return asApp(srf)
    },
    cpuMicros: async () => (pid === undefined ? NaN : readCpuMicros(pid)),
    residentBytes: () => (pid === undefined ? NaN : readResidentBytes(pid)),
    close: async () => srf.disconnect(),
  }
}

const CONNECT_LIMIT_MS = 5_000
/** A server is told what we handle in frames of their own, whose answers drachtio-srf keeps to itself. */
const ROUTES_MS = 500
/** proc(5): times are in ticks, of which Linux shows a hundred a second on every machine. */
const TICK_MICROS = 10_000

function readCpuMicros(pid: string): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  // utime and stime are fields 14 and 15; field 2, the name in brackets, may hold spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_MICROS
}

function readResidentBytes(pid: string): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]
  return Number(kilobytes) * 1024
}
