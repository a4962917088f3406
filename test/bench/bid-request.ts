import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { BookChange } from '../../model/book.ts'
import type { Ping, PingAnswer } from '../../model/ping.ts'
import { startApi } from '../support/api-harness.ts'
import { NUMBER, PingStage, SELLER } from '../support/ping-stage.ts'
import type { BenchResult } from './bench-result.ts'
import { buildMarket } from './routing-market.ts'

const BIDS = 10_000
const ELIGIBLE = 100
const CONNECTIONS = 16
const MILLISECONDS = 4_000
/** Short, so that as many pings end as begin. */
const VALIDITY_MS = 1_000
const ASKED = 20_000

/**
 * What a ping costs: decided in memory, and asked over real HTTP. Every one is of another caller, so every one is decided,
 * accepted, kept and in the end given back.
 */
export async function run(): Promise<BenchResult[]> {
  const stage = new PingStage({ validityMs: VALIDITY_MS, maxOpen: 1e6, maxOpenPerSeller: 1e6, maxPerSecond: 1e6 })
  stage.apply(...buildMarket(BIDS, ELIGIBLE).changes.map(roomy))
  // The stage's clock is moved by hand: here time is what it is.
  const started = performance.now()
  const startedAtMs = stage.clock.nowMs
  const tick = (): number => (stage.clock.nowMs = startedAtMs + (performance.now() - started))
  const detail = `${BIDS} standing bids, ${ELIGIBLE} eligible`
  const decided = decide(stage, tick)
  const served = await serve(stage, tick)
  return [
    {
      name: 'bid-request.decide',
      value: decided,
      unit: 'us',
      detail: `CPU of one ping in memory, its end included; ${detail}`,
    },
    ...served.map((result) => ({ ...result, detail: `${result.detail}; ${detail}` })),
  ]
}

/** Open pings fill places: here there are enough of them, so that each ping is accepted. */
function roomy(change: BookChange): BookChange {
  if (change.kind === 'bid' && change.value) return { ...change, value: { ...change.value, maxConcurrentCalls: null } }
  if (change.kind === 'target' && change.value)
    return { ...change, value: { ...change.value, maxConcurrentCalls: null } }
  if (change.kind !== 'campaign' || !change.value) return change
  return { ...change, value: { ...change.value, caps: { ...change.value.caps, concurrent: null } } }
}

function decide(stage: PingStage, tick: () => number): number {
  const ask = (i: number): PingAnswer => {
    tick()
    return stage.ask({ caller: `+1212${2_000_000 + i}` as Ping['caller'] })
  }
  for (let i = 0; i < ASKED; i++) ask(i)
  const cpu = process.cpuUsage()
  let accepted = 0
  for (let i = 0; i < ASKED; i++) if (ask(i + ASKED).kind === 'accepted') accepted++
  const { user, system } = process.cpuUsage(cpu)
  if (accepted < ASKED) throw new Error(`${ASKED - accepted} pings were not accepted`)
  stage.pass(VALIDITY_MS)
  return (user + system) / ASKED
}

async function serve(stage: PingStage, tick: () => number): Promise<BenchResult[]> {
  let count = 0
  const api = await startApi({
    pings: {
      ownerOf: () => seller.account.id,
      onlyNumberOf: () => NUMBER,
      ask(ping) {
        tick()
        count++
        return stage.ask({ ...ping, sellerId: SELLER })
      },
      quoted: () => null,
      decision: () => null,
    },
  })
  const seller = await api.person('seller')
  const { body } = await api.request('POST', `accounts/${seller.account.id}/api-keys`, {
    token: seller.token,
    json: { name: 'bench', scope: 'ping' },
  })
  const expiring = setInterval(() => (tick(), stage.pass(0)), 250)
  try {
    const asked = { caller: '+1212{n}', number: NUMBER, zip: '10001', tags: { sub_id: '7' } }
    const job = {
      url: `${api.url}/bid-request`,
      token: body.secret as string,
      method: 'POST',
      body: JSON.stringify(asked),
      expected: 200,
      connections: CONNECTIONS,
      milliseconds: MILLISECONDS,
    }
    const cpu = process.cpuUsage()
    const client = join(import.meta.dirname, 'api-client.ts')
    const { stdout } = await promisify(execFile)(process.execPath, [client, JSON.stringify(job)])
    const { user, system } = process.cpuUsage(cpu)
    const times = JSON.parse(stdout) as { count: number; p50: number; p99: number }
    const micros = (user + system) / count
    const detail = `${CONNECTIONS} connections, the client in another process`
    return [
      { name: 'bid-request.cpu', value: micros, unit: 'us', detail: `CPU of the server for each; ${detail}` },
      {
        name: 'bid-request.per_core',
        value: 1e6 / micros,
        unit: '1/s',
        detail: `what a core has the time for; ${detail}`,
      },
      { name: 'bid-request.rate', value: (times.count / MILLISECONDS) * 1000, unit: '1/s', detail },
      { name: 'bid-request.p50', value: times.p50, unit: 'ms', detail },
      { name: 'bid-request.p99', value: times.p99, unit: 'ms', detail },
    ]
  } finally {
    clearInterval(expiring)
    await api.api.close()
  }
}
