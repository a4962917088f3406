import assert from 'node:assert/strict'
import fc from 'fast-check'
import { reverse, type ReversalInput } from '../../accounts/reversal.ts'
import { payoutOf } from '../../accounts/settlement.ts'
import { newId } from '../../model/ids.ts'
import { CENT } from '../../model/money.ts'

const input = (chargedMicros: bigint, paidMicros: bigint, creditMicros: bigint): ReversalInput => ({
  postingId: newId(),
  callId: newId(),
  buyerId: newId(),
  sellerId: newId(),
  operatorId: newId(),
  currency: 'USD',
  chargedMicros,
  paidMicros,
  creditMicros,
  at: new Date(0),
})

const cents = (most: number) => fc.bigInt({ min: 1n, max: BigInt(most) }).map((count) => count * CENT)

describe('a reversal', () => {
  it('of the whole price undoes what the call moved', () => {
    const terms = input(2_500_000n, 2_000_000n, 2_500_000n)
    const { clawbackMicros, posting } = reverse(terms)
    assert.equal(clawbackMicros, 2_000_000n)
    assert.deepEqual(posting.entries, [
      { accountId: terms.buyerId, amountMicros: 2_500_000n },
      { accountId: terms.sellerId, amountMicros: -2_000_000n },
      { accountId: terms.operatorId, amountMicros: -500_000n },
    ])
    assert.deepEqual([posting.kind, posting.callId], ['correction', null])
  })

  it('of a part takes the seller’s share of it, and the house bears the fraction of a cent', () => {
    const { clawbackMicros, posting } = reverse(input(1_000_000n, 330_000n, 500_000n))
    assert.equal(clawbackMicros, 160_000n)
    assert.deepEqual(
      posting.entries.map(({ amountMicros }) => amountMicros),
      [500_000n, -160_000n, -340_000n],
    )
  })

  it('has no entry for a seller who was paid nothing', () => {
    const { posting } = reverse(input(1_000_000n, 0n, 1_000_000n))
    assert.equal(posting.entries.length, 2)
  })

  it('balances, gives back no more than was paid, and never costs the seller more than its share (1,000 cases)', () => {
    const cases = fc.record({
      charged: cents(100_000),
      shareMillionths: fc.bigInt({ min: 0n, max: 1_000_000n }),
      part: fc.bigInt({ min: 1n, max: 1_000_000n }),
    })
    fc.assert(
      fc.property(cases, ({ charged, shareMillionths, part }) => {
        const paid = payoutOf({ type: 'share', shareMillionths }, charged, 0)
        const wanted = ((charged * part) / 1_000_000n / CENT) * CENT
        const credit = wanted === 0n ? CENT : wanted
        const { clawbackMicros, posting } = reverse(input(charged, paid, credit))
        assert.equal(
          posting.entries.reduce((sum, { amountMicros }) => sum + amountMicros, 0n),
          0n,
        )
        assert.ok(clawbackMicros <= paid && clawbackMicros <= credit)
        assert.ok(clawbackMicros * charged <= paid * credit)
        assert.equal(clawbackMicros % CENT, 0n)
        if (credit === charged) assert.equal(clawbackMicros, paid)
      }),
      { numRuns: 1000 },
    )
  })

  for (const [credit, why] of [
    [0n, 'nothing'],
    [1_000_001n, 'more than was charged'],
  ] as const)
    it(`of ${why} is a bug`, () => {
      assert.throws(() => reverse(input(1_000_000n, 500_000n, credit)))
    })
})
