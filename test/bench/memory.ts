import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { ADMIN, ExchangeProcess } from '../../sipp/exchange-process.ts'
import { ApiClient } from '../../sipp/api-client.ts'
import { readMetric } from '../../sipp/load/histogram.ts'
import { runLoad } from '../../sipp/load/load.ts'
import type { BenchResult } from './bench-result.ts'
import { Inspector } from './inspector.ts'

const CPS = 300
/** Calls by the first look, when every ring and cache has its size, and by the second. */
const FIRST = 10_000
const SECOND = 100_000
/** Transactions that only absorb retransmissions linger for 32 s (RFC 3261, timers H and J): a look waits until they are gone. */
const LINGER_MS = 40_000

/** What is left of calls that are over: the heap after a forced collection, memory and descriptors, after 10,000 calls and after 100,000. 8 min. */
export async function run(): Promise<BenchResult[]> {
  const exchange = await ExchangeProcess.start({ env: { NODE_OPTIONS: '--inspect=127.0.0.1:0' } })
  try {
    const url = /ws:\/\/\S+/.exec(readFileSync(exchange.logFile, 'utf8'))?.[0]
    if (!url) throw new Error('the exchange did not say where its inspector is')
    const inspector = await Inspector.connect(url)
    const first = await look(exchange, inspector, FIRST)
    const second = await look(exchange, inspector, SECOND - FIRST)
    inspector.close()
    const detail = `after ${SECOND} calls, ${((second.heap / first.heap - 1) * 100).toFixed(1)} % from the ${(first.heap / 1e6).toFixed(1)} MB after ${FIRST}`
    return [
      { name: 'memory.heap', value: second.heap, unit: 'bytes', detail: `${detail}; collected, main thread` },
      {
        name: 'memory.resident',
        value: second.resident,
        unit: 'bytes',
        detail: `the whole process; ${(first.resident / 1e6).toFixed(0)} MB after ${FIRST} calls`,
      },
      {
        name: 'memory.descriptors',
        value: second.descriptors,
        unit: '1/s',
        detail: `open files and sockets (not a rate); ${first.descriptors} after ${FIRST} calls`,
      },
      {
        name: 'memory.calls',
        value: second.calls,
        unit: '1/s',
        detail: 'calls the process still holds (not a rate): 0 is right',
      },
    ]
  } finally {
    await exchange.close()
  }
}

async function look(
  exchange: ExchangeProcess,
  inspector: Inspector,
  calls: number,
): Promise<{ heap: number; resident: number; calls: number; descriptors: number }> {
  const target = { sip: exchange.sip(), http: exchange.http, ...ADMIN }
  const seconds = Math.ceil(calls / CPS)
  await runLoad({ cps: CPS, seconds, talkMs: 100, media: false, html: null, target }, () => {})
  await sleep(LINGER_MS)
  const heap = await inspector.collectedHeapBytes()
  const metrics = await new ApiClient(exchange.http).metrics()
  return {
    heap,
    resident: readMetric(metrics, 'dce_resident_bytes'),
    calls: readMetric(metrics, 'dce_active_calls'),
    descriptors: readdirSync(`/proc/${exchange.pid}/fd`).length,
  }
}
