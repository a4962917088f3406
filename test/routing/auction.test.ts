import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import type { AccountId } from '../../model/ids.ts'
import { CENT, ceilToCent, floorToCent } from '../../model/money.ts'
import { lowestPrice, meetsReserve, rankBids, type AuctionTerms, type Candidate } from '../../routing/auction.ts'

const DOLLAR = 1_000_000
const terms: AuctionTerms = { reserveMicros: DOLLAR, priceRule: 'second', maxAwards: 10 }

function bid(id: string, amount: number, changes: Partial<Candidate> = {}): Candidate {
  return {
    id,
    buyerId: `buyer of ${id}` as AccountId,
    createdAtMs: 0,
    amountMicros: Math.round(amount * DOLLAR),
    quality: 1000,
    rankKey: 0,
    payableMicros: Infinity,
    payableBy: 'insufficient_credit',
    ...changes,
  }
}
/** `b 3.01` for each award, best first. */
function outcome(bids: Candidate[], changes: Partial<AuctionTerms> = {}): string[] {
  return rankBids(bids, { ...terms, ...changes }).awards.map(
    ({ candidate, priceMicros }) => `${candidate.id} ${(priceMicros / DOLLAR).toFixed(2)}`,
  )
}

describe('a second-price auction', () => {
  it('charges each award one cent above what the next would pay', () => {
    assert.deepEqual(outcome([bid('a', 3), bid('b', 5), bid('c', 4)]), ['b 4.01', 'c 3.01', 'a 1.00'])
  })

  it('charges a sole bidder the reserve', () => {
    assert.deepEqual(outcome([bid('a', 9)]), ['a 1.00'])
  })

  it('sells for no less than a cent when there is no reserve', () => {
    assert.deepEqual(outcome([bid('a', 9)], { reserveMicros: 0 }), ['a 0.01'])
  })

  it('never charges more than the bid', () => {
    assert.deepEqual(outcome([bid('a', 5), bid('b', 5)]), ['a 5.00', 'b 1.00'])
    assert.deepEqual(outcome([bid('a', 5.005), bid('b', 5)]), ['a 5.00', 'b 1.00'])
  })

  it('charges whole cents: what would match rounded up, the own bid rounded down', () => {
    assert.deepEqual(outcome([bid('a', 9.999_999), bid('b', 4.001)]), ['a 4.02', 'b 1.00'])
    assert.deepEqual(outcome([bid('a', 4.019), bid('b', 4.001)]), ['a 4.01', 'b 1.00'])
  })

  it('rounds a sub-cent reserve up unless the bid itself is below that', () => {
    assert.deepEqual(outcome([bid('a', 9)], { reserveMicros: 2_505_000 }), ['a 2.51'])
    assert.deepEqual(outcome([bid('a', 2.505)], { reserveMicros: 2_505_000 }), ['a 2.50'])
  })

  it('does not let a buyer raise its own price with a second bid', () => {
    const buyerId = 'one' as AccountId
    assert.deepEqual(outcome([bid('a', 9, { buyerId }), bid('b', 8, { buyerId }), bid('c', 3)]), [
      'a 3.01',
      'b 3.01',
      'c 1.00',
    ])
    assert.deepEqual(outcome([bid('a', 9, { buyerId }), bid('b', 8, { buyerId })]), ['a 1.00', 'b 1.00'])
  })

  it('ranks by amount times quality and charges what would match at the own quality', () => {
    // 4.00 × 1.5 = 6.00 beats 5.00 × 1.0; to match 5.00 it needs 3.333334, so 3.34, and a cent.
    assert.deepEqual(outcome([bid('a', 5), bid('b', 4, { quality: 1500 })]), ['b 3.35', 'a 1.00'])
  })
})

describe('a soft floor', () => {
  it('lets bids below it pay what they bid, and those above it no less than it', () => {
    const softFloorMicros = 5 * DOLLAR
    assert.deepEqual(outcome([bid('a', 9), bid('b', 4), bid('c', 3)], { softFloorMicros }), [
      'a 5.00',
      'b 4.00',
      'c 3.00',
    ])
    assert.deepEqual(outcome([bid('a', 9), bid('b', 7)], { softFloorMicros }), ['a 7.01', 'b 5.00'])
    assert.deepEqual(outcome([bid('a', 5)], { softFloorMicros }), ['a 5.00'])
  })
})

describe('a first-price auction', () => {
  it('charges each award its own bid in whole cents', () => {
    assert.deepEqual(outcome([bid('a', 3.999), bid('b', 5)], { priceRule: 'first' }), ['b 5.00', 'a 3.99'])
  })
})

describe('ranking', () => {
  it('prefers the older of equal bids, then the lower id', () => {
    const older = bid('z', 5, { createdAtMs: 1 })
    const newer = bid('a', 5, { createdAtMs: 2 })
    assert.deepEqual(outcome([newer, older]), ['z 5.00', 'a 1.00'])
    assert.deepEqual(outcome([bid('y', 5), bid('x', 5)]), ['x 5.00', 'y 1.00'])
  })

  it('awards at most so many and calls the others outbid', () => {
    const bids = Array.from({ length: 25 }, (_, i) => bid(`bid ${i}`, 10 + i))
    const { awards, outbid, unaffordable } = rankBids(bids, { ...terms, maxAwards: 3 })
    assert.deepEqual(
      awards.map((award) => award.candidate.id),
      ['bid 24', 'bid 23', 'bid 22'],
    )
    assert.equal(awards[2]!.priceMicros, 31.01 * DOLLAR) // By the best of those outbid.
    assert.equal(outbid.length, 22)
    assert.equal(unaffordable.length, 0)
  })

  it('makes no award of no bids', () => {
    assert.deepEqual(rankBids([], terms), { awards: [], unaffordable: [], outbid: [] })
  })

  it('keeps amounts of a billion and the finest quality apart', () => {
    const most = 1_000_000_000 * DOLLAR
    const bids = [
      bid('a', 0, { amountMicros: most - 1, quality: 1500 }),
      bid('b', 0, { amountMicros: most, quality: 1500 }),
    ]
    assert.equal(rankBids(bids, terms).awards[0]!.candidate.id, 'b')
  })
})

describe('a bid without the money', () => {
  it('gives way when it cannot cover its own price, and does not raise that of the next', () => {
    const poor = bid('a', 10, { payableMicros: 5 * DOLLAR, payableBy: 'budget_exhausted' })
    const { awards, unaffordable } = rankBids([poor, bid('b', 8)], { ...terms, reserveMicros: 2 * DOLLAR })
    assert.deepEqual(
      awards.map(({ candidate, priceMicros }) => [candidate.id, priceMicros]),
      [['b', 2 * DOLLAR]],
    )
    assert.deepEqual(unaffordable, [poor])
  })

  it('raises the price of others by no more than it could pay', () => {
    assert.deepEqual(outcome([bid('a', 10), bid('b', 8, { payableMicros: 1.5 * DOLLAR })]), ['a 1.51', 'b 1.00'])
  })

  it('leaves its award to one that ranked beyond the limit', () => {
    const poor = Array.from({ length: 5 }, (_, i) => bid(`poor ${i}`, 20 + i, { payableMicros: DOLLAR }))
    assert.deepEqual(outcome([...poor, bid('rich', 10), bid('next', 9)], { maxAwards: 1 }), ['rich 9.01'])
  })
})

describe('the reserve', () => {
  it('lets in a bid that equals it, and nothing below a cent', () => {
    assert.equal(meetsReserve(DOLLAR, DOLLAR), true)
    assert.equal(meetsReserve(DOLLAR - 1, DOLLAR), false)
    assert.equal(meetsReserve(9_999, 0), false)
    assert.equal(meetsReserve(10_000, 0), true)
    assert.equal(lowestPrice(0), 10_000)
    assert.equal(lowestPrice(10_001), 20_000)
  })
})

const score = (b: Candidate): bigint => BigInt(b.amountMicros) * BigInt(b.quality)

/** The rule of the house written down naively, in bigints and with a full sort, for bids that can all pay. */
function oracle(
  bids: readonly Candidate[],
  { reserveMicros, priceRule, softFloorMicros }: AuctionTerms,
): [string, bigint][] {
  const ranked = bids.toSorted((a, b) => {
    if (score(a) !== score(b)) return score(a) > score(b) ? -1 : 1
    if (a.createdAtMs !== b.createdAtMs) return a.createdAtMs - b.createdAtMs
    return a.id < b.id ? -1 : 1
  })
  return ranked.map((own, i) => {
    const most = floorToCent(BigInt(own.amountMicros))
    if (priceRule === 'first') return [own.id, most]
    if (softFloorMicros != null && own.amountMicros < softFloorMicros) return [own.id, most]
    const next = ranked.slice(i + 1).find((other) => other.buyerId !== own.buyerId)
    let price = ceilToCent(BigInt(reserveMicros))
    if (price < CENT) price = CENT
    if (softFloorMicros != null && price < ceilToCent(BigInt(softFloorMicros)))
      price = ceilToCent(BigInt(softFloorMicros))
    if (next) {
      const quality = BigInt(own.quality)
      const match = ceilToCent((score(next) + quality - 1n) / quality) + CENT
      if (match > price) price = match
    }
    return [own.id, price < most ? price : most]
  })
}

describe('the auction and a naive reading of the rules', () => {
  // Few amounts, buyers and moments, so that ties and bids of one buyer abound; some as large as money gets.
  const amounts = fc.oneof(
    fc.integer({ min: 10_000, max: 60_000 }),
    fc.integer({ min: 1, max: 12 }).map((n) => n * DOLLAR),
    fc.integer({ min: 10_000, max: 1_000_000_000_000_000 }),
    fc.integer({ min: 999_999_999_999_990, max: 1_000_000_000_000_000 }),
  )
  const candidates = fc
    .array(
      fc.record({
        buyer: fc.integer({ min: 1, max: 6 }),
        amountMicros: amounts,
        createdAtMs: fc.integer({ min: 1, max: 3 }),
        quality: fc.constantFrom(1000, 1000, 500, 733, 1499, 1500),
      }),
      { maxLength: 40 },
    )
    .map((list) =>
      list.map(({ buyer, ...rest }, i) => bid(`bid ${(i * 7) % 41}`, 0, { ...rest, buyerId: `${buyer}` as AccountId })),
    )

  it('agree on every rank and price', () => {
    fc.assert(
      fc.property(
        candidates,
        fc.oneof(fc.integer({ min: 0, max: 50_000 }), fc.integer({ min: 0, max: 1_000_000_000_000 })),
        fc.constantFrom('second' as const, 'first' as const),
        fc.integer({ min: 1, max: 12 }),
        fc.option(fc.oneof(fc.integer({ min: 0, max: 60_000 }), fc.integer({ min: 0, max: 12 * DOLLAR }))),
        (bids, reserveMicros, priceRule, maxAwards, softFloorMicros) => {
          const eligible = bids.filter((b) => meetsReserve(b.amountMicros, reserveMicros))
          const all = { reserveMicros, priceRule, maxAwards, softFloorMicros }
          const { awards, outbid, unaffordable } = rankBids(eligible, all)
          const expected = oracle(eligible, all).slice(0, maxAwards)
          assert.deepEqual(
            awards.map((a) => [a.candidate.id, BigInt(a.priceMicros)]),
            expected,
          )
          assert.equal(awards.length + outbid.length + unaffordable.length, eligible.length)
          for (const { candidate, priceMicros } of awards) {
            assert.ok(priceMicros >= 10_000 && priceMicros <= candidate.amountMicros && priceMicros % 10_000 === 0)
          }
        },
      ),
      { numRuns: 2000 },
    )
  })

  it('agree whatever order the bids come in', () => {
    fc.assert(
      fc.property(candidates, (bids) => {
        const forwards = rankBids(bids, terms).awards
        assert.deepEqual(rankBids(bids.toReversed(), terms).awards, forwards)
      }),
    )
  })

  it('never charge a bid more than it can pay', () => {
    fc.assert(
      fc.property(
        candidates,
        fc.array(fc.integer({ min: 0, max: 8 }), { minLength: 40, maxLength: 40 }),
        (bids, purses) => {
          const poor = bids.map((b, i) => ({ ...b, payableMicros: purses[i]! * DOLLAR }))
          for (const { candidate, priceMicros } of rankBids(poor, terms).awards) {
            assert.ok(priceMicros <= candidate.payableMicros && priceMicros <= candidate.amountMicros)
          }
        },
      ),
    )
  })
})
