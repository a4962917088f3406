import type { AccountId } from '../../model/ids.ts'
import { newId } from '../../model/ids.ts'
import { rankBids, type Candidate } from '../../routing/auction.ts'
import { createRouting } from '../../routing/route-call.ts'
import { aRequest, dollars, NOON } from '../support/market.ts'
import type { BenchResult } from './bench-result.ts'
import { buildMarket, chance } from './routing-market.ts'

/** The Go predecessor on such a machine, CPU per decision: cost-based ranking of N bids without any eligibility check. */
const GO = new Map([
  [10, '8.4 µs to rank, 5.7 µs to finalize'],
  [100, '78 µs to rank, 70 µs to finalize'],
  [1000, '867 µs to rank, 1150 µs to finalize'],
])

/** Ranking and pricing alone: N eligible bids in, ten priced awards and the outbid out. Then with who is eligible, among how many. */
export function run(): Promise<BenchResult[]> {
  return Promise.resolve([
    ...[10, 100, 1000].map(measure),
    measureEligible(10_000, 100),
    measureEligible(10_000, 1000),
    measureEligible(100_000, 100),
  ])
}

function measureEligible(total: number, eligible: number): BenchResult {
  const routing = createRouting({ availableMicros: () => dollars(1_000_000), clock: { now: () => NOON }, newId })
  for (const change of buildMarket(total, eligible).changes) routing.apply(change)
  const rounds = Math.ceil(1_000_000 / eligible)
  let cpu = process.cpuUsage()
  for (let i = -rounds; i < rounds; i++) {
    if (i === 0) cpu = process.cpuUsage()
    // A new instant each time, as calls have: nothing remembered of the last one's may help.
    const auction = routing.auction(aRequest({ receivedAtMs: NOON + i }))
    if (auction.awards.length !== 10) throw new Error('the market of the bench has other bids than it says')
  }
  const { user, system } = process.cpuUsage(cpu)
  const name = `auction.eligible_${eligible}_of_${total}`
  const detail = `CPU of one auction, ${eligible} bids eligible of ${total} standing: who is, their ranking, prices and reasons`
  return { name, value: (user + system) / rounds, unit: 'us', detail }
}

function measure(count: number): BenchResult {
  const next = chance(count)
  const candidates: Candidate[] = Array.from({ length: count }, (_, i) => ({
    id: `bid-${i}`,
    buyerId: `buyer-${i % 50}` as AccountId,
    createdAtMs: i,
    amountMicros: Math.round(next() * 50_000_000) + 1_000_000,
    quality: 500 + Math.round(next() * 1000),
    rankKey: 0,
    payableMicros: 100_000_000,
    payableBy: 'insufficient_credit',
  }))
  const terms = { reserveMicros: 1_000_000, priceRule: 'second', maxAwards: 10 } as const
  const rounds = Math.ceil(2_000_000 / count)
  let cpu = process.cpuUsage()
  let awards = 0
  for (let i = -rounds; i < rounds; i++) {
    if (i === 0) cpu = process.cpuUsage()
    awards += rankBids(candidates, terms).awards.length
  }
  const { user, system } = process.cpuUsage(cpu)
  const detail = `CPU to rank and price ${count} bids (${awards / 2 / rounds} awards); the Go predecessor: ${GO.get(count)}`
  return { name: `auction.rank_${count}`, value: (user + system) / rounds, unit: 'us', detail }
}
