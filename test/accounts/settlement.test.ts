import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { payoutOf, settle, type Settlement } from '../../accounts/settlement.ts'
import type { SoldTerms } from '../../model/cdr.ts'
import type { AccountId, AwardId, CallId, CampaignId, HoldId, PostingId } from '../../model/ids.ts'
import { CENT } from '../../model/money.ts'
import { dollars } from '../support/market.ts'

const TERMS: SoldTerms = {
  awardId: 'award' as AwardId,
  holdId: 'hold' as HoldId,
  buyerId: 'buyer' as AccountId,
  sellerId: 'seller' as AccountId,
  campaignId: 'campaign' as CampaignId,
  currency: 'USD',
  priceMicros: dollars(3.01),
  billableAfter: 30,
  payout: { type: 'share', shareMillionths: 800_000n },
}
const settled = (durationMs: number, changes: Partial<SoldTerms> = {}): Settlement =>
  settle({
    terms: { ...TERMS, ...changes },
    durationMs,
    endedAt: new Date(1000),
    postingId: 'posting' as PostingId,
    callId: 'call' as CallId,
    operatorId: 'operator' as AccountId,
  })

describe('settling a call', () => {
  it('bills from the very millisecond of its buffer', () => {
    const short = settled(29_999.9)
    assert.deepEqual(short, {
      billable: false,
      billableMs: 0,
      priceMicros: 0n,
      payoutMicros: 0n,
      marginMicros: 0n,
      minutes: null,
      posting: null,
    })
    const long = settled(30_000)
    assert.equal(long.billable, true)
    assert.equal(long.billableMs, 30_000)
  })

  it('pays the seller its share floored to the cent and the operator the rest', () => {
    const { priceMicros, payoutMicros, marginMicros, posting } = settled(45_000.7)
    assert.deepEqual([priceMicros, payoutMicros, marginMicros], [dollars(3.01), dollars(2.4), dollars(0.61)])
    assert.deepEqual(posting, {
      id: 'posting',
      kind: 'call',
      callId: 'call',
      currency: 'USD',
      reference: 'call call',
      entries: [
        { accountId: 'buyer', amountMicros: -dollars(3.01) },
        { accountId: 'seller', amountMicros: dollars(2.4) },
        { accountId: 'operator', amountMicros: dollars(0.61) },
      ],
      postedAt: new Date(1000),
    })
  })

  it('is the same each time', () => {
    assert.deepEqual(settled(45_000), settled(45_000))
  })

  it('bills a call with no buffer that was answered and hung up at once', () => {
    assert.equal(settled(0, { billableAfter: 0 }).billable, true)
  })

  it('leaves out who gets nothing', () => {
    const all = settled(45_000, { payout: { type: 'share', shareMillionths: 1_000_000n } })
    assert.deepEqual(
      all.posting!.entries.map(({ accountId }) => accountId),
      ['buyer', 'seller'],
    )
    const none = settled(45_000, { payout: { type: 'fixed', amountMicros: 0n } })
    assert.deepEqual(
      none.posting!.entries.map(({ accountId }) => accountId),
      ['buyer', 'operator'],
    )
    const free = settled(45_000, { priceMicros: 0n })
    assert.deepEqual([free.billable, free.posting], [true, null])
  })

  it('keeps one entry for an operator that sells its own numbers', () => {
    const own = settled(45_000, { sellerId: 'operator' as AccountId })
    assert.deepEqual(
      own.posting!.entries.map(({ amountMicros }) => amountMicros),
      [-dollars(3.01), dollars(3.01)],
    )
  })

  it('moves what the buyer pays to seller and operator, to the micro, or nothing at all (2,000 calls)', () => {
    const payout = fc.oneof(
      fc.record({ type: fc.constant('share' as const), shareMillionths: fc.bigInt({ min: 0n, max: 1_000_000n }) }),
      fc.record({ type: fc.constant('fixed' as const), amountMicros: fc.bigInt({ min: 0n, max: 10n ** 12n }) }),
    )
    const calls = fc.record({
      durationMs: fc.double({ min: 0, max: 7_200_000, noNaN: true }),
      billableAfter: fc.integer({ min: 0, max: 3600 }),
      cents: fc.bigInt({ min: 1n, max: 10n ** 8n }),
      payout,
      isOwnNumber: fc.boolean(),
    })
    fc.assert(
      fc.property(calls, ({ durationMs, billableAfter, cents, payout: terms, isOwnNumber }) => {
        const priceMicros = cents * CENT
        const sellerId = (isOwnNumber ? 'operator' : 'seller') as AccountId
        const one = settled(durationMs, { billableAfter, priceMicros, payout: terms, sellerId })
        const again = settled(durationMs, { billableAfter, priceMicros, payout: terms, sellerId })
        assert.deepEqual(one, again)
        if (durationMs < billableAfter * 1000) {
          assert.deepEqual([one.billable, one.priceMicros, one.payoutMicros, one.posting], [false, 0n, 0n, null])
          return
        }
        assert.equal(one.priceMicros, priceMicros)
        assert.equal(one.marginMicros, one.priceMicros - one.payoutMicros)
        const moved = new Map(
          one.posting!.entries.map(({ accountId, amountMicros }) => [accountId as string, amountMicros]),
        )
        assert.equal(moved.size, one.posting!.entries.length)
        assert.equal(moved.get('buyer'), -priceMicros)
        const [paid, kept] = [moved.get('seller') ?? 0n, moved.get('operator') ?? 0n]
        assert.equal(paid + kept, priceMicros)
        assert.equal(paid, isOwnNumber ? 0n : one.payoutMicros)
        assert.ok([...moved.values()].every((amount) => amount !== 0n))
      }),
      { numRuns: 2000 },
    )
  })

  it('never lasts less than nothing', () => {
    assert.throws(() => settled(-1), /no less than nothing/)
    assert.throws(() => settled(NaN), /no less than nothing/)
  })
})

describe('a payout', () => {
  it('is a fixed amount, but never above the price', () => {
    assert.equal(payoutOf({ type: 'fixed', amountMicros: dollars(2) }, dollars(3), 0), dollars(2))
    assert.equal(payoutOf({ type: 'fixed', amountMicros: dollars(5) }, dollars(3), 0), dollars(3))
    assert.equal(payoutOf({ type: 'fixed', amountMicros: dollars(1.239) }, dollars(3), 0), dollars(1.23))
  })

  it('is whole cents between nothing and the price, whatever the terms', () => {
    const payout = fc.oneof(
      fc.record({ type: fc.constant('share' as const), shareMillionths: fc.bigInt({ min: 0n, max: 1_000_000n }) }),
      fc.record({ type: fc.constant('fixed' as const), amountMicros: fc.bigInt({ min: 0n, max: 10n ** 15n }) }),
    )
    fc.assert(
      fc.property(payout, fc.bigInt({ min: 0n, max: 10n ** 11n }), (terms, cents) => {
        const paid = payoutOf(terms, cents * CENT, 0)
        assert.ok(paid >= 0n && paid <= cents * CENT && paid % CENT === 0n)
      }),
      { numRuns: 1000 },
    )
  })
})
