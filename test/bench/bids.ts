import type { BookChange } from '../../model/book.ts'
import { newId } from '../../model/ids.ts'
import { createRouting } from '../../routing/route-call.ts'
import { change, criteria, dollars, geography } from '../support/market.ts'
import type { BenchResult } from './bench-result.ts'
import { buildMarket } from './routing-market.ts'

const BIDS = 100_000

/** How fast the book takes bids: new ones, streamed amounts, and bids that move to another place of the index. */
export function run(): Promise<BenchResult[]> {
  const { changes, bids } = buildMarket(BIDS, 100)
  const routing = createRouting({ availableMicros: () => dollars(1e6), clock: { now: () => Date.now() }, newId })
  const others = changes.filter(({ kind }) => kind !== 'bid')
  for (const one of others) routing.apply(one)
  const heap = process.memoryUsage().heapUsed
  const placed = changes.filter(({ kind }) => kind === 'bid')
  const raised = bids.map((bid) => change.bid({ ...bid, amountMicros: bid.amountMicros + 10_000n }))
  const moved = bids.map((bid) =>
    change.bid({ ...bid, criteria: criteria({ geography: geography({ states: ['NV'] }) }) }),
  )
  const rate = (list: readonly BookChange[]): number => {
    const started = performance.now()
    for (const one of list) routing.apply(one)
    return (list.length / (performance.now() - started)) * 1000
  }
  const placedPerSecond = rate(placed)
  const bytes = process.memoryUsage().heapUsed - heap
  const results: BenchResult[] = [
    { name: 'bids.placed', value: placedPerSecond, unit: '1/s', detail: `${BIDS} new bids into the index` },
    { name: 'bids.streamed', value: rate(raised), unit: '1/s', detail: `new amounts for ${BIDS} standing bids` },
    { name: 'bids.moved', value: rate(moved), unit: '1/s', detail: `new criteria for ${BIDS} standing bids` },
    {
      name: 'bids.memory',
      value: bytes / BIDS,
      unit: 'bytes',
      detail: `heap of the index per bid, ${BIDS} bids (not collected before)`,
    },
  ]
  return Promise.resolve(results)
}
