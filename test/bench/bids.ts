import type { Bid } from '../../model/bid.ts'
import type { BookChange } from '../../model/book.ts'
import { newId } from '../../model/ids.ts'
import { createRouting, type Routing } from '../../routing/route-call.ts'
import { aRequest, change, criteria, dollars, geography, NOON } from '../support/market.ts'
import type { BenchResult } from './bench-result.ts'
import { buildMarket } from './routing-market.ts'

const BIDS = 100_000
/** Updates between two looks at whether a call has come. */
const SLICE = 50
/** What streams in: half as much again as is promised. */
const UPDATES_PER_S = 150_000
/** Calls come this often, whatever else is done, ms. */
const CALL_EVERY_MS = 1
const SECONDS = 3

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
  const together = updateWhileSelling(routing, bids)
  const results: BenchResult[] = [
    { name: 'bids.placed', value: placedPerSecond, unit: '1/s', detail: `${BIDS} new bids into the index` },
    { name: 'bids.streamed', value: rate(raised), unit: '1/s', detail: `new amounts for ${BIDS} standing bids` },
    ...together,
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

/**
 * Amounts and statuses streamed into the book, while calls come once a millisecond and are sold: an auction's
 * time is from when its call was due, so the updates before it count; moments in which something else had the core do not.
 */
function updateWhileSelling(routing: Routing, bids: readonly Bid[]): BenchResult[] {
  const updates = bids.flatMap((bid, i) => {
    const raised = { ...bid, amountMicros: bid.amountMicros + 20_000n }
    // One in ten is paused and comes back.
    return i % 10 === 5
      ? [change.bid({ ...raised, status: 'paused' as const }), change.bid(raised)]
      : [change.bid(raised)]
  })
  const request = aRequest()
  let next = 0
  const hold = (atMs: number): number => {
    routing.auction({ ...request, receivedAtMs: NOON + atMs })
    return performance.now()
  }
  const apply = (): void => {
    for (let i = 0; i < SLICE; i++) routing.apply(updates[next++ % updates.length]!)
  }
  for (let i = 0; i < 5000; i++) hold(i)
  for (let i = 0; i < 2000; i++) apply()
  const took: number[] = []
  let left = 0
  let pausedMs = 0
  let switches = timesSwitched()
  next = 0
  const started = performance.now()
  let dueMs = started
  for (let now = started; now < started + SECONDS * 1000;) {
    const before = now
    const isDue = now >= dueMs
    if (isDue) hold(took.length)
    else if (next < ((now - started) / 1000) * UPDATES_PER_S) apply()
    now = performance.now()
    const switchesNow = timesSwitched()
    if (switchesNow === switches) {
      if (!isDue) continue
      took.push(now - dueMs)
      dueMs += CALL_EVERY_MS
    } else {
      // Something else had the core: what it took away is not the book's.
      switches = switchesNow
      pausedMs += now - before
      left++
      dueMs = now
    }
  }
  const busyMs = performance.now() - started - pausedMs
  const rate = (next / busyMs) * 1000
  took.sort((a, b) => a - b)
  const p99 = took[Math.floor(took.length * 0.99)]!
  const meanwhile = `${((took.length / busyMs) * 1000).toFixed(0)} auctions/s meanwhile, ${BIDS} standing bids`
  return [
    {
      name: 'bids.updates_while_selling',
      value: rate,
      unit: '1/s',
      detail: `amounts and statuses applied a second, promised ≥ 100,000; ${meanwhile}`,
    },
    {
      name: 'bids.auction_p99_while_updating',
      value: p99 * 1000,
      unit: 'us',
      detail: `from when the call was due, promised ≤ 1,000 (median ${(took[took.length >> 1]! * 1000).toFixed(0)}; ${left} times something else had the core, left out); ${meanwhile}`,
    },
  ]
}

/** How often the process was made to wait for a core. */
function timesSwitched(): number {
  return process.resourceUsage().involuntaryContextSwitches
}
