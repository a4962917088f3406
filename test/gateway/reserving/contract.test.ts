import assert from 'node:assert/strict'
import type { Bid, Campaign, NonBidCode } from '../../../model/bid.ts'
import type { Account } from '../../../model/account.ts'
import type { BookChange } from '../../../model/book.ts'
import type { Target } from '../../../model/trunk.ts'
import type { Taken } from '../../../gateway/taken.ts'
import type { PhoneNumber } from '../../../model/phone-number.ts'
import { NO_CAPS } from '../../../model/caps.ts'
import { aBid, aCampaign, anAccount, aTarget, CALLER, change, dollars, NOON } from '../../support/market.ts'
import { RedisServer } from '../../support/redis.ts'
import { RedisCluster } from '../../support/redis-cluster.ts'
import { ReservingGateway, SELLER, WrittenCalls } from '../../support/reserving-stage.ts'

const HOUR = 3_600_000
const OTHER = '+13125550123' as PhoneNumber
const BUYER = anAccount('a-buyer').id

interface Market {
  readonly campaign?: Partial<Campaign>
  readonly bid?: Partial<Bid>
  readonly target?: Partial<Target>
  readonly buyer?: Partial<Account>
  readonly seller?: Partial<Account>
  readonly funds?: number
}

// One contract, and everything that keeps it: a process that counts alone, and several that count together.
for (const [name, count, kind] of [
  ['of one gateway', 1],
  ['of three gateways with one Redis', 3],
  ['of three gateways with a cluster of Redis', 3, 'cluster'],
] as const) {
  describe(`reservations ${name}`, () => {
    let redis: RedisServer | null = null
    let cluster: RedisCluster | null = null
    const open: ReservingGateway[] = []
    let n = 0

    before(async function () {
      this.timeout(60_000)
      if (kind === 'cluster') cluster = await RedisCluster.start()
      else if (count > 1) redis = await RedisServer.start()
    })
    afterEach(() => Promise.all(open.splice(0).map((gateway) => gateway.close())))
    after(async () => {
      await redis?.kill()
      await cluster?.kill()
    })

    /** A market of one bid of $2, in a database of its own. */
    async function stage({ campaign, bid, target, buyer, seller, funds = 1000 }: Market = {}) {
      const a = aBid('a', 2, bid)
      const book: BookChange[] = [
        change.account(anAccount(a.accountId, buyer)),
        change.target(aTarget(a.targetId, a.accountId, target)),
        change.campaign(aCampaign(a.campaignId, a.accountId, campaign)),
        change.bid(a),
      ]
      const written = new WrittenCalls()
      written.deposit(BUYER, dollars(funds))
      await cluster?.flush()
      const options = cluster
        ? { url: cluster.url, cluster: cluster.others }
        : redis
          ? { url: `${redis.url}/${n++ % 16}` }
          : {}
      const gateways = Array.from({ length: count }, () => {
        const gateway = new ReservingGateway(book, written, options)
        gateway.fund(BUYER, dollars(funds))
        if (seller) gateway.apply(change.account(anAccount(SELLER, { type: 'seller', ...seller })))
        return gateway
      })
      open.push(...gateways)
      for (const gateway of gateways) if (gateway.sharing) assert(await gateway.sharing.joined(10_000))
      let turn = 0
      return {
        a,
        gateways,
        next: () => gateways[turn++ % count]!,
        settled: () => Promise.all(gateways.map((g) => g.settled())),
      }
    }

    it('never exceed a cap though 10,000 are asked for at once, and leak none', async function () {
      this.timeout(120_000)
      for (const most of [1, 7, 50]) {
        const { a, next, settled } = await stage({ campaign: { caps: { ...NO_CAPS, concurrent: most } }, funds: 1e6 })
        for (const round of [1, 2]) {
          const tries = Array.from({ length: 5000 }, async () => {
            const gateway = next()
            return { gateway, got: await gateway.reserve(a, dollars(2), { ani: null }) }
          })
          const results = await Promise.all(tries)
          const won = results.flatMap(({ gateway, got }) => (typeof got === 'string' ? [] : [{ gateway, got }]))
          const codes = new Set(results.flatMap(({ got }) => (typeof got === 'string' ? [got] : [])))
          assert.equal(won.length, most, `round ${round}`)
          assert.deepEqual([...codes], ['campaign_concurrency'])
          for (const { gateway, got } of won) gateway.giveBack(got)
          await settled()
        }
      }
    })

    for (const [what, market, code] of [
      ['bid’s', { bid: { maxConcurrentCalls: 1 } }, 'bid_concurrency'],
      ['target’s', { target: { maxConcurrentCalls: 1 } }, 'target_concurrency'],
      ['campaign’s', { campaign: { caps: { ...NO_CAPS, concurrent: 1 } } }, 'campaign_concurrency'],
      ['buyer’s', { buyer: { caps: { ...NO_CAPS, concurrent: 1 } } }, 'buyer_concurrency'],
      ['seller’s', { seller: { caps: { ...NO_CAPS, concurrent: 1 } } }, 'seller_concurrency'],
    ] as readonly (readonly [string, Market, NonBidCode])[])
      it(`keep the ${what} places, which come back when a call ends, however it ends`, async () => {
        const { a, next, settled } = await stage(market)
        for (const end of ['release', 'settle'] as const) {
          const gateway = next()
          const taken = await gateway.taken(a, dollars(2))
          assert.equal(await next().reserve(a, dollars(2)), code)
          assert.equal(await next().reserve(a, dollars(2)), code)
          if (end === 'release') gateway.giveBack(taken)
          else gateway.end(taken, 0n)
          taken.reservation.release() // Ended already: nothing more comes back.
          taken.reservation.settle(0n)
          await settled()
          const again = await next().taken(a, dollars(2))
          again.reservation.release()
          await settled()
        }
      })

    for (const [what, market, code] of [
      ['target’s', { target: { caps: { ...NO_CAPS, hourly: 2 } } }, 'target_cap'],
      ['campaign’s', { campaign: { caps: { ...NO_CAPS, daily: 2 } } }, 'campaign_cap'],
      ['campaign’s total', { campaign: { caps: { ...NO_CAPS, total: 2 } } }, 'campaign_cap'],
      ['buyer’s', { buyer: { caps: { ...NO_CAPS, monthly: 2 } } }, 'buyer_cap'],
      ['seller’s', { seller: { caps: { ...NO_CAPS, hourly: 2 } } }, 'seller_cap'],
    ] as readonly (readonly [string, Market, NonBidCode])[])
      it(`count ended calls in the ${what} cap, and none that was not answered`, async () => {
        const { a, next, settled } = await stage(market)
        for (let i = 0; i < 4; i++) {
          const gateway = next()
          gateway.giveBack(await gateway.taken(a, dollars(2)))
          await settled()
        }
        for (let i = 0; i < 2; i++) {
          const gateway = next()
          gateway.end(await gateway.taken(a, dollars(2)), 0n)
          await settled()
        }
        for (let i = 0; i < 3; i++) assert.equal(await next().reserve(a, dollars(2)), code)
        const later = await next().reserve(a, dollars(2), { atMs: NOON + 32 * 24 * HOUR })
        if (what === 'campaign’s total') assert.equal(later, code)
        else assert.equal(typeof later, 'object', 'another period')
      })

    it('hold a price in the budgets of the day and of all days, and leave there what was billed', async () => {
      for (const budget of [
        { dailyMicros: dollars(5), totalMicros: null },
        { dailyMicros: null, totalMicros: dollars(5) },
      ]) {
        const { a, next, settled } = await stage({ campaign: { budget } })
        const one = next()
        const first = await one.taken(a, dollars(2))
        await next().taken(a, dollars(2))
        assert.equal(await next().reserve(a, dollars(2)), 'budget_exhausted')
        one.end(first, dollars(1))
        await settled()
        await next().taken(a, dollars(2))
        assert.equal(await next().reserve(a, dollars(1)), 'budget_exhausted')
      }
    })

    it('never hold more than a balance and its credit line, and hold again what comes back', async () => {
      const { a, next, settled } = await stage({ funds: 3, buyer: { creditLimitMicros: dollars(2) } })
      const one = next()
      const first = await one.taken(a, dollars(2))
      const two = next()
      const second = await two.taken(a, dollars(2))
      assert.equal(await next().reserve(a, dollars(2)), 'insufficient_credit')
      one.giveBack(first)
      await settled()
      const third = await next().taken(a, dollars(2))
      two.end(second, dollars(2))
      await settled()
      assert.equal(await next().reserve(a, dollars(2)), 'insufficient_credit', 'it has been paid')
      await next().taken(a, dollars(1))
      assert(third)
    })

    it('count the calls of a caller, those that ring too, and only as long as the rule looks back', async () => {
      const { a, next, settled } = await stage({ campaign: { frequency: { calls: 1, hours: 24 } } })
      const gateway = next()
      const taken = await gateway.taken(a, dollars(2))
      assert.equal(await next().reserve(a, dollars(2)), 'frequency_cap')
      await next().taken(a, dollars(2), { ani: OTHER })
      await next().taken(a, dollars(2), { ani: null })
      gateway.giveBack(taken)
      await settled()
      const again = next()
      again.end(await again.taken(a, dollars(2)), 0n)
      await settled()
      assert.equal(await next().reserve(a, dollars(2), { atMs: NOON + 23 * HOUR }), 'frequency_cap')
      await next().taken(a, dollars(2), { atMs: NOON + 25 * HOUR })
    })

    it('count only billed calls where the rule says so', async () => {
      const frequency = { calls: 1, hours: 24, after: 'converted', per: 'buyer' } as const
      const { a, next, settled } = await stage({ campaign: { frequency } })
      for (const billed of [0n, dollars(2)]) {
        const gateway = next()
        gateway.end(await gateway.taken(a, dollars(2)), billed)
        await settled()
      }
      assert.equal(await next().reserve(a, dollars(2)), 'frequency_cap')
    })

    it('are of another caller when the call has come, if that one may', async () => {
      const { a, next, settled } = await stage({ campaign: { frequency: { calls: 1, hours: 24 } } })
      const taken: Taken = await next().taken(a, dollars(2))
      await next().taken(a, dollars(2), { ani: OTHER })
      assert.equal(await taken.reservation.callsFrom(OTHER), 'frequency_cap')
      const third = '+12125550199' as PhoneNumber
      assert.equal(await taken.reservation.callsFrom(CALLER), null)
      assert.equal(await taken.reservation.callsFrom(third), null)
      await settled()
      await next().taken(a, dollars(2), { ani: CALLER })
      assert.equal(await next().reserve(a, dollars(2), { ani: third }), 'frequency_cap')
    })

    it('leave the seller its place when the buyer has none', async () => {
      const { a, next, settled } = await stage({
        seller: { caps: { ...NO_CAPS, concurrent: 2, daily: 3 } },
        campaign: { caps: { ...NO_CAPS, concurrent: 1 } },
      })
      const gateway = next()
      const taken = await gateway.taken(a, dollars(2))
      for (let i = 0; i < 6; i++) assert.equal(await next().reserve(a, dollars(2)), 'campaign_concurrency')
      gateway.giveBack(taken)
      await settled()
      await next().taken(a, dollars(2))
    })
  })
}
