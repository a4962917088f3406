import { spawnSync } from 'node:child_process'
import { createLogger } from '../../config/logger.ts'
import type { Claim } from '../../model/claim.ts'
import { newId, type HoldId } from '../../model/ids.ts'
import { RedisCounters } from '../../storage/redis/redis-counters.ts'
import { aBid, aCampaign, anAccount, aTarget, change, dollars, NOON } from '../support/market.ts'
import { RedisServer } from '../support/redis.ts'
import { ReservingGateway, WrittenCalls } from '../support/reserving-stage.ts'
import type { BenchResult } from './bench-result.ts'

const AWARDS = 20_000
const BUYERS = 500
const CAPS = { hourly: 1e6, daily: 1e6, monthly: 1e6, total: 1e6, concurrent: 1e6 }

/**
 * Awards in a real redis-server beside us: a buyer's places on bid, target, campaign and account, caps of every period, a daily budget and funds, each
 * in one round trip; given back without being waited for, as in the gateway, and not counted.
 */
export async function run(): Promise<BenchResult[]> {
  if (spawnSync('redis-server', ['--version']).status !== 0) {
    process.stderr.write('redis is left out: redis-server (Debian: redis-server) is not installed\n')
    return []
  }
  const server = await RedisServer.start()
  const { logger: log } = createLogger({ level: 'silent' })
  const options = { url: server.url, leaseMs: 60_000, deadlineMs: 60_000, connectTimeoutMs: 10_000, log }
  const counters = new RedisCounters(options)
  const market = aMarket()
  try {
    while (!counters.isConnected) await new Promise((resolve) => setTimeout(resolve, 10))
    await counters.join()
    const totals = { balanceMicros: 1e12, version: 0, totals: [], claims: [], kept: [], contacts: [] }
    for (let i = 0; i < BUYERS; i++) await counters.rebuild(buyer(i), async () => totals)
    const results: BenchResult[] = []
    for (const inFlight of [1, 50, 200]) {
      const claims = Array.from({ length: AWARDS }, (_, i) => claimOf(market, i))
      const waits: number[] = []
      const before = serverCpu(server)
      const cpu = process.cpuUsage()
      const start = performance.now()
      let next = 0
      const work = async (): Promise<void> => {
        for (let claim = claims[next++]; claim !== undefined && next <= some(inFlight); claim = claims[next++]) {
          const asked = performance.now()
          const answer = await counters.reserve(claim)
          waits.push(performance.now() - asked)
          if (answer.kind !== 'ok') throw new Error(`Redis said ${answer.kind}`)
        }
      }
      await Promise.all(Array.from({ length: inFlight }, work))
      const seconds = (performance.now() - start) / 1000
      const { user, system } = process.cpuUsage(cpu)
      const onServer = serverCpu(server) - before
      waits.sort((a, b) => a - b)
      const name = `redis.awards.${inFlight}`
      const made = waits.length
      const detail = `awards of one round trip each, ${inFlight} in flight; ${((user + system) / made).toFixed(1)} µs of our CPU and ${(onServer / made).toFixed(1)} µs of the server's an award`
      results.push({ name, value: made / seconds, unit: '1/s', detail })
      const p50 = waits[made >> 1]! * 1000
      results.push({ name: `${name}.p50`, value: p50, unit: 'us', detail: 'from the question to the answer' })
      for (const { id, buyerId } of claims.slice(0, made))
        void counters.end(buyerId, id, 'release', { priceMicros: 0, fundsMicros: 0 })
      await counters.renew(buyer(0), [])
    }
    return results
  } finally {
    counters.close()
    await market.close()
    await server.kill()
  }
}

/** One at a time is for its latency: a fifth of the awards will do. */
const some = (inFlight: number): number => (inFlight === 1 ? AWARDS / 5 : AWARDS)
const name = (i: number): string => `00000000-0000-7000-8000-${String(i).padStart(12, '0')}`
const bidOf = (i: number) => aBid(name(i), 2)
const buyer = (i: number) => bidOf(i % BUYERS).accountId

function aMarket(): ReservingGateway {
  const book = Array.from({ length: BUYERS }, (_, i) => {
    const bid = bidOf(i)
    const budget = { dailyMicros: dollars(1e6), totalMicros: null }
    return [
      change.account(anAccount(bid.accountId, { caps: CAPS })),
      change.target(aTarget(bid.targetId, bid.accountId, { maxConcurrentCalls: 1e6 })),
      change.campaign(aCampaign(bid.campaignId, bid.accountId, { caps: CAPS, budget })),
      change.bid(bid),
    ]
  })
  return new ReservingGateway(book.flat(), new WrittenCalls())
}

function claimOf({ routing }: ReservingGateway, i: number): Claim {
  const { id: bidId, campaignId, targetId, accountId: buyerId } = bidOf(i % BUYERS)
  const of = { id: newId<HoldId>(), bidId, campaignId, targetId, buyerId, sellerId: null, ani: null }
  return routing.claim({ ...of, atMs: NOON, priceMicros: 2_000_000, fundsMicros: 2_000_000 })
}

/** µs of CPU the server has used; 0 where the system does not tell. */
function serverCpu({ url }: RedisServer): number {
  const { stdout } = spawnSync('redis-cli', ['-u', url, 'info', 'cpu'], { encoding: 'utf8' })
  const used = (field: string): number => Number(new RegExp(`${field}:([\\d.]+)`).exec(stdout ?? '')?.[1] ?? 0)
  return (used('used_cpu_sys') + used('used_cpu_user')) * 1e6
}
