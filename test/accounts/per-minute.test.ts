import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { mostOf, owedFor, saleByConversion } from '../../accounts/conversion.ts'
import { createBalances } from '../../accounts/holds.ts'
import { settle, type Settlement } from '../../accounts/settlement.ts'
import type { Award } from '../../model/auction.ts'
import type { SoldTerms } from '../../model/cdr.ts'
import {
  newId,
  type AccountId,
  type AwardId,
  type CallId,
  type CampaignId,
  type HoldId,
  type PostingId,
} from '../../model/ids.ts'
import type { Hold } from '../../model/ledger.ts'
import { CENT } from '../../model/money.ts'
import {
  billedSeconds,
  expectedSecondsOf,
  mostOfMinutes,
  priceOfSeconds,
  rateFor,
  type MinutePricing,
  type MinuteTerms,
} from '../../model/per-minute.ts'
import type { Payout } from '../../model/trunk.ts'
import { anAccount, change, dollars, NOON } from '../support/market.ts'

const BUYER = 'buyer' as AccountId
const BY_MINUTE: MinutePricing = {
  type: 'minute',
  initialSeconds: 60,
  incrementSeconds: 60,
  maxBillableSeconds: 3600,
  atMax: 'continue',
}
const sold = (rateMicros: bigint, changes: Partial<MinuteTerms> = {}): MinuteTerms => ({
  ...BY_MINUTE,
  rateMicros,
  expectedSeconds: 180,
  ...changes,
})
function terms(minutes: MinuteTerms, payout: Payout, billableAfter = 0): SoldTerms {
  return {
    awardId: 'award' as AwardId,
    holdId: 'hold' as HoldId,
    buyerId: BUYER,
    sellerId: 'seller' as AccountId,
    campaignId: 'campaign' as CampaignId,
    currency: 'USD',
    priceMicros: mostOfMinutes(minutes.rateMicros, minutes),
    billableAfter,
    payout,
    minutes,
  }
}
const settled = (of: SoldTerms, durationMs: number): Settlement =>
  settle({
    terms: of,
    durationMs,
    endedAt: new Date(1000),
    postingId: newId<PostingId>(),
    callId: 'call' as CallId,
    operatorId: 'operator' as AccountId,
  })

/** As a person would count it: one increment after the other, until the call is over. */
function naiveSeconds(first: number, next: number, most: number, durationMs: number): number {
  let seconds = first
  while (seconds * 1000 < Math.floor(durationMs)) seconds += next
  return seconds > most ? most : seconds
}

/** One cent after the other, for as long as the seconds at this rate are worth it. */
function naivePrice(rateMicros: bigint, seconds: number): bigint {
  const worth60 = rateMicros * BigInt(seconds)
  const cents = worth60 / (60n * CENT)
  assert.ok(cents * CENT * 60n <= worth60 && (cents + 1n) * CENT * 60n > worth60)
  return cents * CENT
}

/** Nobody buys a call for nothing. */
function naiveCharge(rateMicros: bigint, seconds: number): bigint {
  const price = naivePrice(rateMicros, seconds)
  return price === 0n ? CENT : price
}

const increments = fc.record({
  initialSeconds: fc.integer({ min: 1, max: 120 }),
  incrementSeconds: fc.integer({ min: 1, max: 120 }),
})
const rates = fc.bigInt({ min: 1n, max: 10n ** 9n })
const durations = fc.oneof(
  fc.double({ min: 0, max: 7_200_000, noNaN: true }),
  // Where increments begin and end.
  fc
    .tuple(fc.integer({ min: 0, max: 7200 }), fc.constantFrom(-1, -0.1, 0, 0.1, 1))
    .map(([s, by]) => Math.max(0, s * 1000 + by)),
)

describe('time by the minute', () => {
  it('is counted as the trade counts it: 60/60, 30/6, 6/6, 1/1', () => {
    const count = (first: number, next: number, ...ms: number[]) =>
      ms.map((one) => billedSeconds({ initialSeconds: first, incrementSeconds: next }, one))
    assert.deepEqual(count(60, 60, 0, 1, 60_000, 60_000.9, 60_001, 120_000, 120_001), [60, 60, 60, 60, 120, 120, 180])
    assert.deepEqual(count(30, 6, 29_999, 30_000, 30_001, 36_000, 36_001), [30, 30, 36, 36, 42])
    assert.deepEqual(count(6, 6, 0, 6000, 6001), [6, 6, 12])
    assert.deepEqual(count(1, 1, 0, 999, 1000, 1001), [1, 1, 1, 2])
  })

  it('is that of counting one increment after the other, and never above the most (5,000 calls)', () => {
    fc.assert(
      fc.property(increments, durations, fc.integer({ min: 1, max: 7200 }), (by, durationMs, most) => {
        const seconds = billedSeconds(by, durationMs, most)
        assert.equal(seconds, naiveSeconds(by.initialSeconds, by.incrementSeconds, most, durationMs))
        assert.ok(Number.isInteger(seconds) && seconds <= most)
      }),
      { numRuns: 5000 },
    )
  })

  it('costs the whole cents that it is worth (5,000 prices)', () => {
    assert.equal(priceOfSeconds(dollars(0.85), 66), dollars(0.93)) // 0.935
    assert.equal(priceOfSeconds(12_500n, 6), 0n) // An eighth of a cent.
    fc.assert(
      fc.property(rates, fc.integer({ min: 1, max: 86_400 }), (rate, seconds) => {
        assert.equal(priceOfSeconds(rate, seconds), naivePrice(rate, seconds))
      }),
      { numRuns: 5000 },
    )
  })

  it('has a rate for every price: the lowest at which the expected seconds come to it (2,000 prices)', () => {
    fc.assert(
      fc.property(rates, fc.integer({ min: 1, max: 86_400 }), (price, seconds) => {
        const rate = rateFor(price, seconds)
        assert.ok(rate * BigInt(seconds) >= price * 60n && (rate - 1n) * BigInt(seconds) < price * 60n)
      }),
      { numRuns: 2000 },
    )
  })

  it('is expected within the terms: at least the first increment and what is billable, half an increment up, at most the most', () => {
    const by = { ...BY_MINUTE, initialSeconds: 30, incrementSeconds: 6, maxBillableSeconds: 600 }
    assert.deepEqual(
      [0, 10, 90, 596, 597, 9999].map((talk) => expectedSecondsOf(by, talk, 20)),
      [30, 30, 93, 599, 600, 600],
    )
    assert.equal(expectedSecondsOf(by, 10, 120), 123)
    // A step that calls of a hundred seconds never reach.
    assert.equal(expectedSecondsOf({ ...BY_MINUTE, initialSeconds: 180, incrementSeconds: 3600 }, 100, 0), 190)
  })
})

describe('a call by the minute', () => {
  it('costs its billed seconds, pays the seller its share of that or its own minutes, and says both', () => {
    const by30 = sold(dollars(0.9), { initialSeconds: 30, incrementSeconds: 6 })
    const share = settled(terms(by30, { type: 'share', shareMillionths: 800_000n }, 20), 61_000)
    assert.deepEqual([share.priceMicros, share.payoutMicros], [dollars(0.99), dollars(0.79)])
    assert.deepEqual(share.minutes, { price: { rateMicros: dollars(0.9), seconds: 66 }, payout: null })
    const own = { type: 'minute', rateMicros: dollars(0.4), initialSeconds: 60, incrementSeconds: 60 } as const
    const both = settled(terms(by30, own, 20), 61_000)
    assert.deepEqual(
      [both.priceMicros, both.payoutMicros, both.marginMicros],
      [dollars(0.99), dollars(0.8), dollars(0.19)],
    )
    assert.deepEqual(both.minutes!.payout, { rateMicros: dollars(0.4), seconds: 120 })
    const { minutes: _none, ...perCall } = { ...terms(by30, own), priceMicros: dollars(5) }
    const flat = settled(perCall, 125_000)
    assert.deepEqual([flat.priceMicros, flat.payoutMicros], [dollars(5), dollars(1.2)])
    assert.deepEqual(flat.minutes, { price: null, payout: { rateMicros: dollars(0.4), seconds: 180 } })
  })

  it('costs nothing below the minimum, and no more beyond the most', () => {
    const of = terms(sold(dollars(1), { maxBillableSeconds: 150 }), { type: 'share', shareMillionths: 0n }, 45)
    assert.deepEqual([settled(of, 44_999.9).priceMicros, settled(of, 44_999.9).minutes], [0n, null])
    assert.equal(settled(of, 45_000).priceMicros, dollars(1))
    for (const ms of [120_001, 150_000, 7_200_000]) assert.equal(settled(of, ms).priceMicros, dollars(2.5))
  })

  it('charges what a naive count says, never more than was held, and gives the rest back (2,000 calls)', () => {
    const calls = fc.record({
      by: increments,
      rateMicros: rates,
      mostSeconds: fc.integer({ min: 120, max: 7200 }),
      durationMs: durations,
      billableAfter: fc.integer({ min: 0, max: 120 }),
      payout: fc.oneof(
        fc.record({ type: fc.constant('share' as const), shareMillionths: fc.bigInt({ min: 0n, max: 1_000_000n }) }),
        fc.record({ type: fc.constant('fixed' as const), amountMicros: rates }),
        fc.record({
          type: fc.constant('minute' as const),
          rateMicros: rates,
          initialSeconds: fc.constantFrom(1, 6, 30, 60),
          incrementSeconds: fc.constantFrom(1, 6, 60),
        }),
      ),
    })
    fc.assert(
      fc.property(calls, ({ by, rateMicros, mostSeconds, durationMs, billableAfter, payout }) => {
        const minutes = sold(rateMicros, { ...by, maxBillableSeconds: mostSeconds })
        const balances = createBalances({ clock: { now: () => NOON }, newId })
        const account = anAccount(BUYER, { creditLimitMicros: 10n ** 15n })
        balances.apply(change.account(account))
        const award = { minutes, priceMicros: 1n, amountMicros: rateMicros } as Award
        const hold = balances.hold(BUYER, 'call' as CallId, mostOf(award), 'USD') as Hold
        assert.equal(hold.amountMicros, naiveCharge(rateMicros, mostSeconds))
        const { posting, priceMicros, payoutMicros, billable } = settled(
          terms(minutes, payout, billableAfter),
          durationMs,
        )
        const isBillable = durationMs >= billableAfter * 1000
        assert.equal(billable, isBillable)
        const seconds = naiveSeconds(by.initialSeconds, by.incrementSeconds, mostSeconds, durationMs)
        assert.equal(priceMicros, isBillable ? naiveCharge(rateMicros, seconds) : 0n)
        const wanted = {
          share: () => (priceMicros * (payout as { shareMillionths: bigint }).shareMillionths) / 1_000_000n,
          fixed: () => (payout as { amountMicros: bigint }).amountMicros,
          minute: () => {
            const own = payout as Extract<Payout, { type: 'minute' }>
            const most = Number.MAX_SAFE_INTEGER
            return naivePrice(own.rateMicros, naiveSeconds(own.initialSeconds, own.incrementSeconds, most, durationMs))
          },
        }[payout.type]()
        const paid = wanted < priceMicros ? wanted : priceMicros
        assert.equal(payoutMicros, isBillable ? paid - (paid % CENT) : 0n)
        if (posting) balances.post(hold, posting)
        else balances.void(hold)
        assert.deepEqual([balances.heldMicros(BUYER), balances.balanceMicros(BUYER)], [0n, -priceMicros])
      }),
      { numRuns: 2000 },
    )
  })

  it('that is paid by conversion has its seller’s minutes settled with its end, whenever the conversion comes', () => {
    const payout = { type: 'minute', rateMicros: dollars(0.5), initialSeconds: 60, incrementSeconds: 60 } as const
    const conversion = { type: 'conversion', event: 'sale', windowHours: 24, rateMillionths: 200_000 } as const
    const { minutes: _none, ...plain } = terms(sold(dollars(1)), payout)
    const sale = saleByConversion({ ...plain, conversion }, {} as Hold, new Date(0), 150_000)!
    assert.deepEqual(sale.terms.payout, { type: 'fixed', amountMicros: dollars(1.5) })
    const event = {
      id: 'e',
      type: 'sale',
      transactionId: null,
      amountMicros: null,
      accountId: BUYER,
      role: 'buyer',
      receivedAt: new Date(1),
    }
    assert.equal(owedFor(sale.terms, [event as never], sale.until).payoutMicros, dollars(1.5))
  })
})
