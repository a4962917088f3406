import type { AccountId } from '../../model/ids.ts'
import { rankBids, type Candidate } from '../../routing/auction.ts'
import type { BenchResult } from './bench-result.ts'
import { chance } from './routing-market.ts'

/** The Go predecessor on such a machine, CPU per decision: cost-based ranking of N bids without any eligibility check. */
const GO = new Map([
  [10, '8.4 µs to rank, 5.7 µs to finalize'],
  [100, '78 µs to rank, 70 µs to finalize'],
  [1000, '867 µs to rank, 1150 µs to finalize'],
])

/** Ranking and pricing alone: N eligible bids in, ten priced awards and the outbid out. */
export function run(): Promise<BenchResult[]> {
  return Promise.resolve([10, 100, 1000].map(measure))
}

function measure(count: number): BenchResult {
  const next = chance(count)
  const candidates: Candidate[] = Array.from({ length: count }, (_, i) => ({
    id: `bid-${i}`,
    buyerId: `buyer-${i % 50}` as AccountId,
    createdAtMs: i,
    amountMicros: Math.round(next() * 50_000_000) + 1_000_000,
    quality: 500 + Math.round(next() * 1000),
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
