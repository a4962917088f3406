import { createBalances } from '../../accounts/holds.ts'
import type { AccountId } from '../../model/ids.ts'
import { systemClock } from '../../model/clock.ts'
import { newId } from '../../model/ids.ts'
import { createRouting } from '../../routing/route-call.ts'
import { anAccount, aNumber, aRequest, change, NOON } from '../support/market.ts'
import type { BenchResult } from './bench-result.ts'
import { buildMarket } from './routing-market.ts'

const BIDS = 10_000
const ELIGIBLE = 100
const WARM_UP = 20_000
const CALLS = 50_000

/** One decision after the other, each timed: candidates, auction, places and hold of the winner; given back afterwards. */
export async function run(): Promise<BenchResult[]> {
  const needs = { clock: systemClock, newId }
  const balances = createBalances(needs)
  const routing = createRouting({ ...needs, availableMicros: (id) => balances.availableMicros(id) })
  balances.apply(change.account(anAccount('seller')))
  for (const one of buildMarket(BIDS, ELIGIBLE).changes) {
    balances.apply(one)
    routing.apply(one)
  }
  const number = aNumber({ accountId: 'seller' as AccountId })
  const micros = new Float64Array(CALLS)
  let awarded = 0
  let candidates = 0
  let cpu = process.cpuUsage()
  for (let i = -WARM_UP; i < CALLS; i++) {
    if (i === 0) cpu = process.cpuUsage()
    // A new instant each time, as calls have: nothing remembered of the last one's may help.
    const request = aRequest({ number, receivedAtMs: NOON + i })
    const from = process.hrtime.bigint()
    const auction = routing.auction(request)
    const award = auction.awards[0]!
    const places = routing.reserve(award, request.callId, request.ani, request.receivedAtMs)
    const hold = balances.hold(award.buyerId, request.callId, award.priceMicros, auction.currency)
    const to = process.hrtime.bigint()
    if (typeof places === 'string' || typeof hold === 'string')
      throw new Error('the winner was refused its places or its hold')
    if (i >= 0) {
      micros[i] = Number(to - from) / 1000
      awarded += auction.awards.length
      candidates += auction.awards.length + auction.nonBids.length
    }
    if (i % 10 === 0) places.settle(award.priceMicros)
    else places.release()
    balances.void(hold)
  }
  const { user, system } = process.cpuUsage(cpu)
  micros.sort()
  const detail = `${BIDS} standing bids, ${candidates / CALLS} candidates, ${awarded / CALLS} awards: auction, places and hold, without compliance`
  return [
    { name: 'routing.p50', value: micros[CALLS >> 1]!, unit: 'us', detail },
    { name: 'routing.p99', value: micros[Math.floor(CALLS * 0.99)]!, unit: 'us', detail },
    {
      name: 'routing.cpu',
      value: (user + system) / CALLS,
      unit: 'us',
      detail: 'CPU of one decision, measuring included',
    },
  ]
}
