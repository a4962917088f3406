import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { AccountId } from '../../model/ids.ts'
import { creditMicros, NO_FACTS, withNews, type PaymentNews } from '../../model/payment.ts'

const accountId = 'account' as AccountId
const PAID = { kind: 'paid', paymentId: 'p', currency: 'USD', amountMicros: 100n, accountId } as const
const refund = (refundId: string, amountMicros: bigint, isFailed = false): PaymentNews => ({
  kind: 'refund',
  paymentId: 'p',
  currency: 'USD',
  refundId,
  amountMicros,
  isFailed,
})
const dispute = (disputeId: string, amountMicros: bigint, isWithdrawn: boolean, isReinstated = false): PaymentNews => ({
  kind: 'dispute',
  paymentId: 'p',
  currency: 'USD',
  disputeId,
  amountMicros,
  isWithdrawn,
  isReinstated,
})
const creditOf = (...news: readonly PaymentNews[]): bigint => creditMicros(news.reduce(withNews, NO_FACTS))

describe('what a payment is worth', () => {
  it('is what was paid, less what went back', () => {
    assert.equal(creditOf(PAID), 100n)
    assert.equal(creditOf(PAID, refund('a', 30n), refund('b', 20n)), 50n)
    assert.equal(creditOf(PAID, refund('a', 30n), refund('a', 30n, true)), 100n)
    assert.equal(creditOf(PAID, dispute('d', 100n, false)), 100n)
    assert.equal(creditOf(PAID, dispute('d', 100n, true)), 0n)
    assert.equal(creditOf(PAID, dispute('d', 100n, true), dispute('d', 100n, false, true)), 100n)
    assert.equal(creditOf(refund('a', 30n)), 0n)
    assert.equal(creditOf(PAID, refund('a', 60n), dispute('d', 100n, true)), 0n)
  })

  it('is the same whatever comes twice and in whatever order', () => {
    const news = fc.oneof(
      fc.constant<PaymentNews>(PAID),
      fc.tuple(fc.constantFrom('a', 'b'), fc.bigInt(1n, 60n), fc.boolean()).map((args) => refund(...args)),
      fc
        .tuple(fc.constantFrom('d', 'e'), fc.bigInt(1n, 100n), fc.boolean(), fc.boolean())
        .map((args) => dispute(...args)),
    )
    const told = fc
      .array(news, { minLength: 1, maxLength: 8 })
      .chain((each) =>
        fc.tuple(fc.constant(each), fc.shuffledSubarray([...each, ...each], { minLength: 2 * each.length })),
      )
    fc.assert(
      fc.property(told, ([once, twice]) => assert.equal(creditOf(...twice), creditOf(...once))),
      { numRuns: 1000 },
    )
  })
})
