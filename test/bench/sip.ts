import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { TestServer } from '../support/sip-server.ts'
import type { BenchResult } from './bench-result.ts'
import type { FromPhones, PhonesData } from './sip-phones.ts'

/** At the lower rate each message wakes a thread of its own; at the higher one they travel together, and cost half. */
const RATES = [400, 1000]
const WARM_UP_SECONDS = 3
const SECONDS = 5
const HOLD_MS = 100

/**
 * Bridged calls (INVITE, 180, 200, ACK, BYE) over UDP through the embedded server under an unmodified drachtio-srf
 * `createB2BUA` that does nothing else: CPU a call of the server's thread and of the application's. About 20 s.
 */
export async function run(): Promise<BenchResult[]> {
  const server = await TestServer.start({ inThread: true })
  let calleePort = 0
  const app = await server.srf({
    invite: async (req, res) => {
      try {
        const options = { localSdpB: req.body, headers: { 'X-Call': req.get('X-Call') } }
        const { uas, uac } = await app.createB2BUA(req, res, `sip:callee@127.0.0.1:${calleePort}`, options)
        uas.on('destroy', () => void uac.destroy())
        uac.on('destroy', () => void uas.destroy())
      } catch {
        // The phones count what failed.
      }
    },
  })
  const drive = async (callsPerSecond: number, seconds: number): Promise<Extract<FromPhones, { kind: 'done' }>> => {
    const workerData: PhonesData = {
      serverPort: server.port('udp'),
      callsPerSecond,
      seconds,
      holdMs: HOLD_MS,
    }
    const phones = new Worker(new URL('./sip-phones.ts', import.meta.url), { workerData })
    const [ready]: FromPhones[] = await once(phones, 'message')
    if (ready?.kind === 'ready') calleePort = ready.calleePort
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread, not a window
    phones.postMessage('go')
    const [done]: FromPhones[] = await once(phones, 'message')
    await phones.terminate()
    if (done?.kind !== 'done') throw new Error('the phones said something else')
    return done
  }
  try {
    await drive(RATES[0]!, WARM_UP_SECONDS)
    const results: BenchResult[] = []
    for (const rate of RATES) {
      const appBefore = process.threadCpuUsage()
      const before = await server.handle.stats()
      const { calls, failed, addedMs } = await drive(rate, SECONDS)
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
    await server.close()
  }
}
