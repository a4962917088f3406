import assert from 'node:assert/strict'
import fc from 'fast-check'
import { owedFor, postConversion, type Owed } from '../../accounts/conversion.ts'
import type { SoldTerms } from '../../model/cdr.ts'
import { newId, type AccountId } from '../../model/ids.ts'
import { CENT, type Micros } from '../../model/money.ts'
import { PAYING_TYPES, TRACKING_TYPES, type ConversionPricing, type TrackedEvent } from '../../model/tracking.ts'
import type { Payout } from '../../model/trunk.ts'

const BUYER = newId<AccountId>()
const SELLER = newId<AccountId>()
const OPERATOR = newId<AccountId>()
const CALL = newId<never>()
const UNTIL = new Date('2026-11-22T12:00:00Z')
const BEFORE = new Date('2026-11-22T11:00:00Z')
const NOTHING: Owed = { priceMicros: 0n, payoutMicros: 0n }

type Reported = Pick<
  TrackedEvent,
  'id' | 'type' | 'transactionId' | 'amountMicros' | 'accountId' | 'role' | 'receivedAt'
>

function sold(
  conversion: ConversionPricing,
  priceMicros = 50_000_000n,
  payout: Payout = { type: 'share', shareMillionths: 800_000n },
) {
  const [awardId, holdId, campaignId] = [newId<never>(), newId<never>(), newId<never>()]
  const of = { awardId, holdId, campaignId, buyerId: BUYER, sellerId: SELLER, currency: 'USD' }
  return { ...of, priceMicros, billableAfter: 30, payout, conversion } satisfies SoldTerms
}

const report = (
  type: Reported['type'],
  amountMicros: Micros | null = null,
  changes: Partial<Reported> = {},
): Reported => ({
  id: newId<never>(),
  type,
  transactionId: null,
  amountMicros,
  accountId: BUYER,
  role: 'buyer',
  receivedAt: BEFORE,
  ...changes,
})

const BY_SALE = { windowHours: 24, rateMillionths: 1, type: 'conversion', event: 'sale' } as const
const BY_SHARE = { windowHours: 24, rateMillionths: 1, type: 'sale_share', shareMillionths: 100_000 } as const

describe('what is owed for a call sold by conversion', () => {
  const priceOf = (conversion: ConversionPricing, ...events: Reported[]) =>
    owedFor(sold(conversion), events, UNTIL).priceMicros

  it('is nothing until the event it is paid by has come, and then the price, once', () => {
    assert.equal(priceOf(BY_SALE), 0n)
    assert.equal(priceOf(BY_SALE, report('qualified'), report('conversion')), 0n)
    assert.equal(priceOf(BY_SALE, report('sale', 1n), report('sale', 2n)), 50_000_000n)
    assert.equal(owedFor(sold(BY_SALE), [report('sale')], UNTIL).payoutMicros, 40_000_000n)
  })

  it('is nothing any more once it was refunded, whatever comes after', () => {
    assert.equal(priceOf(BY_SALE, report('refund'), report('sale', 9n)), 0n)
  })

  it('is a share of what was sold, less what was refunded, in whole cents and at most the price', () => {
    assert.equal(priceOf(BY_SHARE, report('sale', 99_990_000n)), 9_990_000n)
    assert.equal(priceOf(BY_SHARE, report('sale', 99_990_000n), report('refund', 49_990_000n)), 5_000_000n)
    assert.equal(priceOf(BY_SHARE, report('sale', 900_000_000n)), 50_000_000n)
    assert.equal(priceOf(BY_SHARE, report('refund', 10_000_000n), report('sale', 5_000_000n)), 0n)
    assert.equal(priceOf(BY_SHARE, report('sale', 99_990_000n), report('refund')), 0n)
    assert.equal(priceOf(BY_SHARE, report('sale')), 0n)
  })

  it('is given back by the operator at any time, and by the buyer within the window', () => {
    const late = { receivedAt: new Date(UNTIL.getTime() + 1) }
    const admin = { role: 'admin', accountId: OPERATOR } as const
    assert.equal(priceOf(BY_SALE, report('sale', 1n), report('refund', null, { ...admin, ...late })), 0n)
    assert.equal(priceOf(BY_SALE, report('sale', 1n), report('refund', null, late)), 50_000_000n)
    assert.equal(priceOf(BY_SALE, report('sale', 1n, { ...admin, ...late })), 0n)
  })

  it('is of each transaction once, whoever reports it: what was said first', () => {
    const admin = { role: 'admin', accountId: OPERATOR } as const
    const at = (hour: number) => ({ receivedAt: new Date(Date.UTC(2026, 10, 22, hour)), transactionId: 'T' })
    const sale = report('sale', 100_000_000n, at(9))
    assert.equal(priceOf(BY_SHARE, sale, report('sale', 100_000_000n, { ...admin, ...at(10) })), 10_000_000n)
    assert.equal(priceOf(BY_SHARE, sale, report('sale', 70_000_000n, { ...admin, ...at(8) })), 7_000_000n)
    const other = { ...admin, ...at(10), transactionId: 'U' }
    assert.equal(priceOf(BY_SHARE, sale, report('sale', 100_000_000n, other)), 20_000_000n)
    const back = (from: object) => report('refund', 30_000_000n, { ...from, ...at(11) })
    assert.equal(priceOf(BY_SHARE, sale, back({}), back(admin)), 7_000_000n)
    assert.equal(priceOf(BY_SHARE, report('sale', 1_000_000n), report('sale', 1_000_000n, admin)), 200_000n)
    // What does not count takes no other's place.
    assert.equal(
      priceOf(BY_SHARE, report('sale', 1n, { ...at(7), role: 'seller', accountId: SELLER }), sale),
      10_000_000n,
    )
  })

  it('does not go by what the seller says, another account, or anybody after the window', () => {
    assert.equal(priceOf(BY_SALE, report('sale', 1n, { role: 'seller', accountId: SELLER })), 0n)
    assert.equal(priceOf(BY_SALE, report('sale', 1n, { accountId: newId() })), 0n)
    assert.equal(priceOf(BY_SALE, report('sale', 1n, { receivedAt: new Date(UNTIL.getTime() + 1) })), 0n)
    assert.equal(priceOf(BY_SALE, report('sale', 1n, { receivedAt: UNTIL })), 50_000_000n)
    assert.equal(priceOf(BY_SALE, report('sale', 1n, { role: 'admin', accountId: OPERATOR })), 50_000_000n)
  })

  it('pays the seller no more than the buyer pays', () => {
    const fixed = sold(BY_SHARE, 50_000_000n, { type: 'fixed', amountMicros: 30_000_000n })
    assert.deepEqual(owedFor(fixed, [report('sale', 100_000_000n)], UNTIL), {
      priceMicros: 10_000_000n,
      payoutMicros: 10_000_000n,
    })
  })

  const cents = (max: number) => fc.integer({ min: 0, max }).map((value) => BigInt(value) * CENT)
  const pricings: fc.Arbitrary<ConversionPricing> = fc.oneof(
    fc.constantFrom(...PAYING_TYPES).map((event): ConversionPricing => ({ ...BY_SALE, event })),
    fc
      .integer({ min: 1, max: 1_000_000 })
      .map((shareMillionths): ConversionPricing => ({ ...BY_SHARE, shareMillionths })),
  )
  const payouts: fc.Arbitrary<Payout> = fc.oneof(
    fc.integer({ min: 0, max: 1_000_000 }).map((share): Payout => ({ type: 'share', shareMillionths: BigInt(share) })),
    cents(10_000).map((amountMicros): Payout => ({ type: 'fixed', amountMicros })),
  )
  const events = fc.array(
    fc.record({
      id: fc.integer({ min: 0, max: 5 }),
      type: fc.constantFrom(...TRACKING_TYPES),
      transactionId: fc.constantFrom(null, 'T', 'U'),
      minute: fc.integer({ min: 0, max: 3 }),
      amountMicros: fc.option(fc.bigInt(0n, 500_000_000n)),
      who: fc.constantFrom('buyer' as const, 'admin' as const, 'seller' as const),
      isLate: fc.boolean(),
    }),
    { maxLength: 10 },
  )

  it('comes to the same money in any order and with any repetition, counted anew after each report or once', () => {
    fc.assert(
      fc.property(
        pricings,
        payouts,
        cents(20_000),
        events,
        fc.infiniteStream(fc.nat()),
        (pricing, payout, most, drawn, dice) => {
          const terms = sold(pricing, most, payout)
          const made = drawn.map(({ id, who, isLate, type, transactionId, minute, amountMicros }) => ({
            key: `${type} ${id}`,
            event: report(type, amountMicros, {
              role: who,
              transactionId,
              accountId: { buyer: BUYER, admin: OPERATOR, seller: SELLER }[who],
              receivedAt: isLate ? new Date(UNTIL.getTime() + 1) : new Date(BEFORE.getTime() + minute * 60_000),
            }),
          }))
          // One row for one key, as the database has it: the first that was drawn is the one.
          const rowOf = new Map(made.toReversed().map(({ key, event }) => [key, event]))
          const roll = (): number => dice.next().value
          const arriving = [...rowOf.keys(), ...rowOf.keys()]
            .map((key) => ({ key, place: roll() }))
            .toSorted((a, b) => a.place - b.place)
            .map(({ key }) => key)

          const balances = new Map<AccountId, Micros>()
          const seen = new Map<string, Reported>()
          let owed = NOTHING
          let nth = 0
          const count = (): void => {
            const to = owedFor(terms, [...seen.values()], UNTIL)
            const posting = postConversion({
              postingId: newId<never>(),
              callId: CALL,
              terms,
              operatorId: OPERATOR,
              from: owed,
              to,
              nth: nth + 1,
              at: BEFORE,
            })
            if (posting) nth++
            let sum = 0n
            for (const { accountId, amountMicros } of posting?.entries ?? []) {
              balances.set(accountId, (balances.get(accountId) ?? 0n) + amountMicros)
              sum += amountMicros
            }
            assert.equal(sum, 0n)
            owed = to
          }
          for (const key of arriving) {
            seen.set(key, rowOf.get(key)!)
            if (roll() % 2 === 0) count()
          }
          count()

          const naive = recount(terms, [...rowOf.values()])
          assert.equal(balances.get(BUYER) ?? 0n, -naive.price)
          assert.equal(balances.get(SELLER) ?? 0n, naive.payout)
          assert.equal(balances.get(OPERATOR) ?? 0n, naive.price - naive.payout)
          assert(naive.price <= most && naive.payout <= naive.price && naive.price % CENT === 0n)
        },
      ),
      { numRuns: 2000 },
    )
  })
})

/** The rules of docs/tracking.md once more, by a table of columns and without a line of the real thing. */
function recount({ conversion, priceMicros, payout }: ReturnType<typeof sold>, events: Reported[]) {
  const inTime = events.filter(({ role, type, receivedAt }) => {
    if (receivedAt.getTime() <= UNTIL.getTime()) return role !== 'seller'
    return role === 'admin' && type === 'refund'
  })
  const byAge = inTime.toSorted((a, b) => a.receivedAt.getTime() - b.receivedAt.getTime() || (a.id < b.id ? -1 : 1))
  const valid = byAge.filter(
    (event, at) =>
      event.transactionId === null ||
      !byAge
        .slice(0, at)
        .some(({ type, transactionId }) => type === event.type && transactionId === event.transactionId),
  )
  const refunds = valid.filter(({ type }) => type === 'refund')
  let price = 0n
  if (conversion.type === 'conversion') {
    if (refunds.length === 0 && valid.some(({ type }) => type === conversion.event)) price = priceMicros
  } else if (refunds.every(({ amountMicros }) => amountMicros !== null)) {
    let net = 0n
    for (const { type, amountMicros } of valid)
      net += { sale: amountMicros ?? 0n, refund: -(amountMicros ?? 0n) }[type as string] ?? 0n
    const cents = net <= 0n ? 0n : (net * BigInt(conversion.shareMillionths)) / (1_000_000n * CENT)
    price = cents * CENT > priceMicros ? priceMicros : cents * CENT
  }
  const wanted =
    payout.type === 'share'
      ? (price * payout.shareMillionths) / 1_000_000n
      : (payout as { amountMicros: bigint }).amountMicros
  const capped = wanted > price ? price : wanted
  return { price, payout: capped - (capped % CENT) }
}
