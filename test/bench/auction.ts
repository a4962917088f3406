import type { AccountId } from '../../model/ids.ts'
import { newId } from '../../model/ids.ts'
import { rankBids, type Candidate } from '../../routing/auction.ts'
import { createRouting, type Routing } from '../../routing/route-call.ts'
import { decisionLine } from '../../storage/decision-rows.ts'
import { aRequest, dollars, NOON } from '../support/market.ts'
import type { BenchResult } from './bench-result.ts'
import { buildMarket, chance } from './routing-market.ts'

const FUNDS = dollars(1_000_000)

/** The Go predecessor on such a machine, CPU per decision: cost-based ranking of N bids without any eligibility check. */
const GO = new Map([
  [10, '8.4 µs to rank, 5.7 µs to finalize'],
  [100, '78 µs to rank, 70 µs to finalize'],
  [1000, '867 µs to rank, 1150 µs to finalize'],
])

/** Who is eligible, among how many, with the ranking and the prices; then these two alone: N eligible bids in, ten priced awards and the outbid out. */
export function run(): Promise<BenchResult[]> {
  return Promise.resolve([
    measureEligible(10_000, 100, 10),
    measureEligible(10_000, 1000, 80),
    measureEligible(100_000, 100, 25),
    ...measureKept(100, 10),
    ...measureKept(10_000, 100),
    ...[10, 100, 1000].map(measure),
  ])
}

/** The same auctions with what they were decided by, taken down while they are held; and then put into words, as it is written. */
function measureKept(total: number, eligible: number): BenchResult[] {
  const rounds = Math.ceil(200_000 / eligible)
  const request = aRequest()
  const { changes } = buildMarket(total, eligible)
  const auctionsOf = (keepsInputs: boolean): Routing => {
    const needs = { availableMicros: () => FUNDS, clock: { now: () => NOON }, newId }
    const routing = createRouting(needs, { keepsInputs })
    for (const change of changes) routing.apply(change)
    return routing
  }
  const cpuOf = (work: (i: number) => void): number => {
    let cpu = process.cpuUsage()
    for (let i = -rounds; i < rounds; i++) {
      if (i === 0) cpu = process.cpuUsage()
      work(i)
    }
    const { user, system } = process.cpuUsage(cpu)
    return (user + system) / rounds
  }
  const [bare, keeping] = [auctionsOf(false), auctionsOf(true)]
  const without = cpuOf((i) => void bare.auction({ ...request, receivedAtMs: NOON + i }))
  const kept = cpuOf((i) => void keeping.auction({ ...request, receivedAtMs: NOON + i }))
  const auction = keeping.auction(request)
  const words = cpuOf(() => void decisionLine(auction))
  const candidates = auction.inputs!.bids.length
  return [
    {
      name: `auction.kept_${eligible}_of_${total}`,
      value: kept - without,
      unit: 'us',
      detail: `CPU of taking down what an auction of ${candidates} candidates is decided by, over its own ${without.toFixed(1)}`,
    },
    {
      name: `auction.inputs_${eligible}_of_${total}`,
      value: words,
      unit: 'us',
      detail: `CPU of putting that into words, after the INVITE: ${decisionLine(auction)!.line.length} bytes stored`,
    },
  ]
}

/** Batches of one measurement: the middle one counts, since others on the machine make single ones slower. */
const BATCHES = 9

function measureEligible(total: number, eligible: number, promised: number): BenchResult {
  const routing = createRouting({ availableMicros: () => FUNDS, clock: { now: () => NOON }, newId })
  for (const change of buildMarket(total, eligible).changes) routing.apply(change)
  const rounds = Math.ceil(500_000 / eligible)
  const request = aRequest()
  const batch = (from: number): number => {
    const cpu = process.cpuUsage()
    for (let i = 0; i < rounds; i++) {
      // A new instant each time, as calls have: nothing remembered of the last one's may help.
      const auction = routing.auction({ ...request, receivedAtMs: NOON + from + i })
      if (auction.awards.length !== 10) throw new Error('the market of the bench has other bids than it says')
    }
    const { user, system } = process.cpuUsage(cpu)
    return (user + system) / rounds
  }
  batch(0)
  const micros = Array.from({ length: BATCHES }, (_, i) => batch((i + 1) * rounds)).toSorted((a, b) => a - b)
  const value = micros[BATCHES >> 1]!
  const name = `auction.eligible_${eligible}_of_${total}`
  const detail = `CPU of one auction, promised ≤ ${promised} (least of ${BATCHES} batches ${micros[0]!.toFixed(1)}): ${eligible} bids eligible of ${total} standing; who is, their ranking, prices and reasons by code`
  return { name, value, unit: 'us', detail }
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
