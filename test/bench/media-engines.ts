import { readdirSync, readFileSync } from 'node:fs'
import type { Worker } from 'node:worker_threads'
import type { MediaServer } from '../../media/media-server.ts'
import { createRelay } from '../../media/relay/relay.ts'
import type { RelayOptions } from '../../media/relay/relay-options.ts'
import { createRtpengine } from '../../media/rtpengine/rtpengine.ts'
import { RtpengineProcess } from '../support/rtpengine.ts'
import { waitedForCoreMs } from './cores.ts'

/** An engine under load, and the CPU time that its whole process has used, µs. */
export interface BenchedEngine {
  readonly name: string
  readonly server: MediaServer
  cpuUs(): number
  /** Of each of its threads for audio; empty where nobody can tell. */
  threadsCpuUs(): Promise<number[]>
  residentBytes(): number
  /** How long its threads were ready to run and had no core. */
  waitedMs(): number
  close(): Promise<void>
}

const needs = { log: { warn: () => {}, error: () => {} } }

/** In this process, which does nothing else while the audio runs: so all its CPU time counts, the garbage collector's too. */
export async function startRelay(threads: number, options: Partial<RelayOptions> = {}): Promise<BenchedEngine> {
  const workers: Worker[] = []
  const collect = (worker: Worker): void => void workers.push(worker)
  process.on('worker', collect)
  const server = await createRelay(needs, {
    address: '127.0.0.1',
    portRange: { from: 10_000, to: 15_999 },
    portQuietMs: 0,
    threads,
    ...options,
  })
  process.off('worker', collect)
  return {
    name: 'relay',
    server,
    cpuUs() {
      const { user, system } = process.cpuUsage()
      return user + system
    },
    async threadsCpuUs() {
      const used = await Promise.all(workers.slice(0, threads).map((worker) => worker.cpuUsage()))
      return used.map(({ user, system }) => user + system)
    },
    residentBytes: () => process.memoryUsage().rss,
    waitedMs: () => waitedForCoreMs(process.pid),
    close: () => server.close(),
  }
}

/** Debian's, in userspace, with one thread for audio. */
export async function startRtpengine(): Promise<BenchedEngine> {
  const program = await RtpengineProcess.start({ rtpPorts: [16_000, 19_999] })
  const { host, port, pid } = program
  const server = await createRtpengine(needs, { engines: [{ host, port, weight: 1 }] })
  return {
    name: 'rtpengine',
    server,
    // By thread: time on the CPU, ns.
    cpuUs: () =>
      readdirSync(`/proc/${pid}/task`)
        .map((task) => Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]) / 1000)
        .reduce((sum, us) => sum + us, 0),
    threadsCpuUs: () => Promise.resolve([]),
    residentBytes: () => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024,
    waitedMs: () => waitedForCoreMs(pid),
    async close() {
      await server.close()
      await program.close()
    },
  }
}
