import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { ADMIN, ExchangeProcess } from '../../sipp/exchange-process.ts'
import { ApiClient } from '../../sipp/api-client.ts'
import { readMetric } from '../../sipp/load/histogram.ts'
import { runLoad } from '../../sipp/load/load.ts'
import type { BenchResult } from './bench-result.ts'
import { Inspector } from './inspector.ts'

const CPS = 300
/** Calls by each look. By the second every ring and cache has its size, and every heap its room: the others are compared with it. */
const LOOKS = [0, 10_000, 30_000, 60_000, 100_000]
const WARM = 1
/** Transactions that only absorb retransmissions linger for 32 s (RFC 3261, timers H and J): a look waits until they are gone. */
const LINGER_MS = 40_000
/** V8 gives back what a burst has left when a thread has been quiet for 100 s; the next of its rounds is 8 s later at most. */
const QUIET_MS = 150_000

/** What is left of calls that are over: resident bytes by kind, the main thread's heap after a forced collection, descriptors. 11 min. */
export async function run(): Promise<BenchResult[]> {
  const exchange = await ExchangeProcess.start({ env: { NODE_OPTIONS: '--inspect=127.0.0.1:0' } })
  try {
    const url = /ws:\/\/\S+/.exec(readFileSync(exchange.logFile, 'utf8'))?.[0]
    if (!url) throw new Error('the exchange did not say where its inspector is')
    const inspector = await Inspector.connect(url)
    const looks: Look[] = []
    let failed = 0
    for (const [i, calls] of LOOKS.entries()) {
      if (i > 0) failed += await callFor(exchange, calls - LOOKS[i - 1]!)
      looks.push(await look(exchange, inspector))
    }
    const warm = looks[WARM]!
    const last = looks.at(-1)!
    await sleep(QUIET_MS)
    const quiet = await look(exchange, inspector)
    const heap = await inspector.collectedHeapBytes()
    const metrics = await new ApiClient(exchange.http).metrics()
    inspector.close()
    const growth = ((last.resident / warm.resident - 1) * 100).toFixed(1)
    return [
      ...looks.map((each, i) => residentAfter(`${LOOKS[i]} calls`, each)),
      residentAfter('rest', quiet),
      {
        name: 'memory.growth',
        value: last.resident - warm.resident,
        unit: 'bytes',
        detail: `resident, from ${LOOKS[WARM]} calls to ${LOOKS.at(-1)}: ${growth} %; ${failed} calls failed`,
      },
      { name: 'memory.heap', value: heap, unit: 'bytes', detail: 'main thread, collected, at the end' },
      {
        name: 'memory.descriptors',
        value: last.descriptors,
        unit: '1/s',
        detail: `open files and sockets (not a rate); ${warm.descriptors} after ${LOOKS[WARM]} calls`,
      },
      {
        name: 'memory.calls',
        value: readMetric(metrics, 'dce_active_calls'),
        unit: '1/s',
        detail: 'calls the process still holds (not a rate): 0 is right',
      },
    ]
  } finally {
    await exchange.close()
  }
}

interface Look {
  readonly resident: number
  /** What of it is what, bytes. */
  readonly kinds: ReadonlyMap<string, number>
  readonly descriptors: number
}

function residentAfter(what: string, { resident, kinds }: Look): BenchResult {
  const detail = [...kinds].map(([kind, bytes]) => `${kind} ${(bytes / 1e6).toFixed(0)}`).join(', ')
  return { name: `memory.resident after ${what}`, value: resident, unit: 'bytes', detail: `MB: ${detail}` }
}

/** Resolves to the calls that were not answered. */
async function callFor(exchange: ExchangeProcess, calls: number): Promise<number> {
  const target = { sip: exchange.sip(), http: exchange.http, ...ADMIN }
  const seconds = Math.ceil(calls / CPS)
  const { failed } = await runLoad(
    { cps: CPS, seconds, rampSeconds: 4, talkMs: 100, media: false, html: null, target },
    () => {},
  )
  await sleep(LINGER_MS)
  return failed
}

async function look(exchange: ExchangeProcess, inspector: Inspector): Promise<Look> {
  const heaps = await inspector.heaps()
  const status = readFileSync(`/proc/${exchange.pid}/status`, 'utf8')
  const bytesOf = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]) * 1024
  const resident = bytesOf('VmRSS')
  const kinds = new Map(heaps.map((heap) => [`heap of ${heap.thread}`, heap.resident]))
  kinds.set('program and libraries', bytesOf('RssFile'))
  // The trace's ring, buffers, what the allocator keeps, pages V8 holds in reserve, stacks.
  kinds.set('everything else', resident - [...kinds.values()].reduce((sum, bytes) => sum + bytes, 0))
  return { resident, kinds, descriptors: readdirSync(`/proc/${exchange.pid}/fd`).length }
}
