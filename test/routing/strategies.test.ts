import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import type { Auction } from '../../model/auction.ts'
import type { AccountId, CampaignId, NumberId, TargetId } from '../../model/ids.ts'
import { newId } from '../../model/ids.ts'
import type { OutcomeKind } from '../../model/outcome.ts'
import { seedOf, type RoutingPlan, type Strategy } from '../../model/routing-plan.ts'
import { Chance } from '../../routing/chance.ts'
import { createRouting, type Routing } from '../../routing/route-call.ts'
import { Turns } from '../../routing/turns.ts'
import {
  aBid,
  aCampaign,
  aNumber,
  anAccount,
  aRequest,
  aTarget,
  change,
  criteria,
  dollars,
  NOON,
} from '../support/market.ts'

const CENT = 10_000n

function plan(strategy: Strategy, changes: Partial<RoutingPlan> = {}): RoutingPlan {
  return { strategy, buyers: [], skills: [], ...changes }
}

interface Offer {
  readonly buyer: string
  readonly amount: number
  readonly funds?: number
  /** When it was made, if not after the one before it. */
  readonly at?: number
  readonly tags?: Readonly<Record<string, string>>
}

/** One bid, campaign and target for each offer, in the order given; the offers of one buyer share its funds. */
function market(offers: Readonly<Record<string, Offer>>, ids: () => string = newId): Routing {
  const funds = new Map(Object.values(offers).map(({ buyer, funds: own }) => [buyer, own ?? 1_000_000]))
  const routing = createRouting({
    availableMicros: (id) => dollars(funds.get(id)!),
    clock: { now: () => NOON },
    newId: <T extends string>() => ids() as T,
  })
  for (const [i, [name, { buyer, amount, at = i, tags = {} }]] of Object.entries(offers).entries()) {
    routing.apply(change.account(anAccount(buyer)))
    routing.apply(change.target(aTarget(`${name}-target`, buyer)))
    routing.apply(change.campaign(aCampaign(`${name}-campaign`, buyer)))
    const asked = Object.entries(tags).map(([key, value]) => ({ key, values: [value], isNot: false }))
    routing.apply(
      change.bid(
        aBid(name, amount, {
          accountId: buyer as AccountId,
          campaignId: `${name}-campaign` as CampaignId,
          targetId: `${name}-target` as TargetId,
          createdAt: new Date(1_750_000_000_000 + at),
          criteria: criteria({ tags: asked }),
        }),
      ),
    )
  }
  return routing
}

const TAGS = { language: 'es', product: 'auto' }
const sell = (routing: Routing, asked: RoutingPlan | null, changes = {}): Auction =>
  routing.auction(aRequest({ number: aNumber({ tags: TAGS, routing: asked }), ...changes }))
const outcome = ({ awards }: Auction): string[] =>
  awards.map(({ bidId, priceMicros }) => `${bidId} ${(Number(priceMicros) / 1e6).toFixed(2)}`)

const THREE = { a: { buyer: 'A', amount: 5 }, b: { buyer: 'B', amount: 9 }, c: { buyer: 'C', amount: 7 } }

describe('a number’s strategy', () => {
  it('is the auction unless it says otherwise', () => {
    const routing = market(THREE)
    assert.deepEqual(outcome(sell(routing, null)), ['b 7.01', 'c 5.01', 'a 1.00'])
    assert.equal(sell(routing, null).strategy, undefined)
  })

  it('by priority follows the seller’s order; who is not named comes last, and each pays its own bid', () => {
    const buyers = [
      { buyerId: 'C' as AccountId, priority: 2, weight: 1 },
      { buyerId: 'A' as AccountId, priority: 1, weight: 1 },
    ]
    const auction = sell(market(THREE), plan('priority', { buyers }))
    assert.deepEqual(outcome(auction), ['a 5.00', 'c 7.00', 'b 9.00'])
    assert.deepEqual([auction.strategy, auction.priceRule], ['priority', 'first'])
  })

  it('by priority draws equals by weight, and the same again from the decision’s id', () => {
    const buyers = [
      { buyerId: 'A' as AccountId, priority: 1, weight: 300 },
      { buyerId: 'C' as AccountId, priority: 1, weight: 100 },
    ]
    const routing = market(THREE)
    let won = 0
    for (let i = 0; i < 4000; i++) {
      const auction = sell(routing, plan('priority', { buyers }))
      if (auction.awards[0]!.bidId === 'a') won++
      if (i < 100) {
        const again = sell(
          market(THREE, () => auction.id),
          plan('priority', { buyers }),
        )
        assert.deepEqual(outcome(again), outcome(auction))
      }
    }
    assert.ok(won > 2850 && won < 3150, `${won} of 4,000`)
  })

  it('round robin goes from target to target, one turn for each call that came', () => {
    const routing = market(THREE)
    const winners = Array.from({ length: 7 }, () => sell(routing, plan('round_robin')).awards[0]!.bidId)
    assert.equal(winners.join(''), 'bcabcab')
    const ping = () => sell(routing, plan('round_robin'), { isPing: true })
    assert.equal(ping().awards[0]!.bidId, 'c') // It is asked, and nobody’s turn is over.
    const pinged = ping()
    assert.equal(pinged.awards[0]!.bidId, 'c')
    routing.cameAfter(pinged, NOON)
    assert.equal(ping().awards[0]!.bidId, 'a')
    assert.deepEqual(outcome(ping()), ['a 5.00', 'b 9.00', 'c 7.00'])
  })

  it('by skill prefers who asks for the call’s tags by name, the first of them most', () => {
    const routing = market({
      a: { buyer: 'A', amount: 5, tags: { language: 'es' } },
      b: { buyer: 'B', amount: 9 },
      c: { buyer: 'C', amount: 7, tags: { product: 'auto' } },
      d: { buyer: 'D', amount: 2, tags: { product: 'auto', language: 'es' } },
      e: { buyer: 'E', amount: 99, tags: { language: 'en' } },
    })
    assert.deepEqual(outcome(sell(routing, plan('skill', { skills: ['language', 'product'] }))), [
      'd 2.00',
      'a 5.00',
      'c 7.00',
      'b 9.00',
    ])
    assert.equal(outcome(sell(routing, plan('skill', { skills: ['product'] })))[0], 'c 7.00')
  })

  it('by least cost begins with the lowest bid that meets the reserve', () => {
    const routing = market({ ...THREE, d: { buyer: 'D', amount: 0.5 } })
    assert.deepEqual(outcome(sell(routing, plan('least_cost'))), ['a 5.00', 'c 7.00', 'b 9.00'])
  })

  it('passes over who cannot pay its own bid', () => {
    const routing = market({ ...THREE, b: { buyer: 'B', amount: 9, funds: 8 } })
    const { awards, nonBids } = sell(routing, plan('round_robin'))
    assert.deepEqual(awards.map(({ bidId }) => bidId).join(''), 'ca')
    assert.equal(nonBids[0]!.code, 'insufficient_credit')
  })
})

describe('the predictive strategy', () => {
  const learn = (routing: Routing, target: string, counts: Partial<Record<OutcomeKind, number>>): void => {
    for (const [kind, count] of Object.entries(counts))
      routing.learn({
        kind: kind as OutcomeKind,
        atMs: NOON,
        targetId: `${target}-target` as TargetId,
        campaignId: 'x' as CampaignId,
        sellerId: 'seller' as AccountId,
        count,
      })
  }
  const shareOf = (routing: Routing, bid: string, calls = 1000): number => {
    let won = 0
    for (let i = 0; i < calls; i++) if (sell(routing, plan('predictive')).awards[0]!.bidId === bid) won++
    return won / calls
  }

  it('ranks by what a call is expected to bring, and prices by the number’s rule', () => {
    const routing = market(THREE)
    learn(routing, 'a', { attempted: 10_000, answered: 9000, billed: 8000 })
    learn(routing, 'b', { attempted: 10_000, answered: 5000, billed: 1000 })
    learn(routing, 'c', { attempted: 10_000, answered: 5000, billed: 2000 })
    const auction = sell(routing, plan('predictive'))
    assert.deepEqual(
      auction.awards.map(({ bidId }) => bidId),
      ['a', 'c', 'b'],
    )
    const [winner, next] = auction.awards
    assert.ok(winner!.quality! > 780 && winner!.quality! < 820)
    const match = (next!.score + BigInt(winner!.quality!) - 1n) / BigInt(winner!.quality!)
    assert.equal(winner!.priceMicros, ((match + CENT - 1n) / CENT) * CENT + CENT)
    assert.equal(shareOf(routing, 'a', 200), 1)
  })

  it('gives a new target some calls, more the less is known, and leaves it once it is known to be worse', () => {
    const routing = market({ a: { buyer: 'A', amount: 5 }, b: { buyer: 'B', amount: 5 } })
    learn(routing, 'a', { attempted: 10_000, answered: 6000, billed: 4500 })
    const unknown = shareOf(routing, 'b')
    assert.ok(unknown > 0.3 && unknown < 0.7, `${unknown}`)
    learn(routing, 'b', { attempted: 20, answered: 10, billed: 6 })
    const little = shareOf(routing, 'b')
    assert.ok(little > 0.02 && little < unknown, `${little}`)
    learn(routing, 'b', { attempted: 2000, answered: 1000, billed: 600 })
    assert.equal(shareOf(routing, 'b'), 0)
  })

  it('draws the same again from the decision’s id, whatever order the bids came in and whoever else bids', () => {
    const ids = fc.uuid({ version: 7 })
    const offers = fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { minLength: 2, maxLength: 8 })
    const counts = fc.array(fc.tuple(fc.nat({ max: 300 }), fc.nat({ max: 300 })), { minLength: 12, maxLength: 12 })
    fc.assert(
      fc.property(ids, offers, counts, (id, amounts, seen) => {
        const sold = (list: readonly number[]): Auction => {
          const routing = market(
            Object.fromEntries(list.map((n) => [`bid${n}`, { buyer: `buyer${n}`, amount: n + 1, at: 0 }])),
            () => id,
          )
          for (const n of amounts) {
            const [attempted, billed] = seen[n - 1]!
            learn(routing, `bid${n}`, { attempted, answered: attempted, billed: Math.min(attempted, billed) })
          }
          return sell(routing, plan('predictive'))
        }
        const ranked = ({ awards }: Auction) => awards.map(({ bidId, score, quality }) => ({ bidId, score, quality }))
        const all = sold(amounts)
        assert.deepEqual(ranked(sold(amounts.toReversed())), ranked(all))
        const [one] = amounts
        assert.deepEqual(
          ranked(sold(amounts.slice(1))),
          ranked(all).filter(({ bidId }) => bidId !== `bid${one}`),
        )
      }),
      { numRuns: 1000 },
    )
  })
})

describe('strategies and a naive reading of them', () => {
  const offer = fc.record({
    buyer: fc.constantFrom('A', 'B', 'C', 'D'),
    amount: fc.integer({ min: 50, max: 1200 }).map((cents) => cents / 100),
    language: fc.option(fc.constant('es')),
    product: fc.option(fc.constant('auto')),
  })
  const buyers = fc.uniqueArray(
    fc.record({
      buyerId: fc.constantFrom(...['A', 'B', 'C', 'D'].map((id) => id as AccountId)),
      priority: fc.integer({ min: 1, max: 4 }),
    }),
    { selector: ({ priority, buyerId }) => `${priority}${buyerId}`.slice(0, 1), minLength: 1 },
  )

  it('agree on every rank and price, and on who is left without an award', () => {
    fc.assert(
      fc.property(
        fc.array(offer, { minLength: 1, maxLength: 14 }),
        buyers,
        fc.constantFrom('priority' as const, 'round_robin' as const, 'skill' as const, 'least_cost' as const),
        fc.integer({ min: 1, max: 6 }),
        (list, order, strategy, calls) => {
          const named = [...new Map(order.map((one) => [one.buyerId, one])).values()]
          const offers = list.map(({ buyer, amount, language, product }, i) => ({
            id: `b${String(i).padStart(2, '0')}`,
            buyer,
            amount,
            tags: { ...(language && { language }), ...(product && { product }) },
            turn: 0,
          }))
          const routing = market(Object.fromEntries(offers.map((one) => [one.id, one])))
          const asked = plan(strategy, {
            ...(strategy === 'priority' && { buyers: named.map((one) => ({ ...one, weight: 1 })) }),
            ...(strategy === 'skill' && { skills: ['language', 'product'] }),
          })
          const keyOf = (one: (typeof offers)[number]): number => {
            if (strategy === 'priority') return named.find(({ buyerId }) => buyerId === one.buyer)?.priority ?? 5
            if (strategy === 'skill') return 4 - ('language' in one.tags ? 2 : 0) - ('product' in one.tags ? 1 : 0)
            return strategy === 'least_cost' ? one.amount : one.turn
          }
          for (let call = 1; call <= calls; call++) {
            const expected = offers
              .filter(({ amount }) => amount >= 1)
              .toSorted((a, b) => keyOf(a) - keyOf(b) || b.amount - a.amount || (a.id < b.id ? -1 : 1))
            const auction = sell(routing, asked)
            assert.deepEqual(
              outcome(auction),
              expected.slice(0, 10).map(({ id, amount }) => `${id} ${amount.toFixed(2)}`),
            )
            assert.equal(
              auction.nonBids.filter(({ code }) => code === 'outbid').length,
              Math.max(0, expected.length - 10),
            )
            if (expected[0]) expected[0].turn = call
          }
        },
      ),
      { numRuns: 1000 },
    )
  })
})

describe('chance', () => {
  it('is even between 0 and 1, and its sum of twelve of mean 0 and variance 1', () => {
    const chance = new Chance(seedOf('0192' as Auction['id']))
    let [sum, mean, square] = [0, 0, 0]
    for (let i = 0; i < 20_000; i++) {
      const [drawn, normal] = [chance.next(), chance.normal()]
      assert.ok(drawn >= 0 && drawn < 1)
      sum += drawn / 20_000
      mean += normal / 20_000
      square += normal ** 2 / 20_000
    }
    assert.ok(Math.abs(sum - 0.5) < 0.02 && Math.abs(mean) < 0.03 && Math.abs(square - 1) < 0.05)
  })

  it('is the same in every version of this code', () => {
    const chance = new Chance(seedOf('a decision' as Auction['id']))
    assert.deepEqual(
      [seedOf('a decision' as Auction['id']), chance.next(), chance.normal()],
      [2_838_864_170, 0.4789237647783011, 1.5234635854139924],
    )
  })
})

describe('turns', () => {
  it('are kept of no more numbers and targets than the limits', () => {
    const turns = new Turns(2, 2)
    for (const number of ['n1', 'n2', 'n3'])
      for (const target of ['a', 'b', 'c']) turns.take(number as NumberId, target as TargetId)
    const lastOf = (number: string, target: string) => turns.lastOf(number as NumberId, target as TargetId)
    assert.deepEqual([lastOf('n1', 'c'), lastOf('n3', 'a')], [0, 0])
    assert.ok(lastOf('n2', 'b') > 0 && lastOf('n3', 'c') > lastOf('n3', 'b'))
  })
})
