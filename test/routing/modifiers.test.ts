import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import type { Modifiers } from '../../model/modifiers.ts'
import { localTime } from '../../model/time-window.ts'
import type { ZipPlace } from '../../model/places.ts'
import { times } from '../../routing/effective-bid.ts'
import { modifierOf } from '../../routing/modifiers.ts'
import { WallClocks } from '../../routing/opening.ts'
import { createRouting } from '../../routing/route-call.ts'
import { newId } from '../../model/ids.ts'
import { aBid, aNumber, aRequest, dollars, marketOf, NOON } from '../support/market.ts'

const ZONES = ['America/New_York', 'Asia/Kathmandu']
const ZIP: ZipPlace = {
  zip: '78701',
  city: 'Austin',
  state: 'TX',
  timezone: 'America/Chicago',
  lat: 30.27,
  lon: -97.74,
}
const STATES = ['TX', 'NY', 'NJ']
const thousandths = fc.integer({ min: 0, max: 2000 })
const dictionary = (...keys: string[]): fc.Arbitrary<Record<string, number>> =>
  fc.dictionary(fc.constantFrom(...keys), thousandths)

const modifiers: fc.Arbitrary<Modifiers> = fc.record({
  zips: dictionary('78701', '10001'),
  states: dictionary(...STATES),
  hours: dictionary(...Array.from({ length: 24 }, (_, hour) => String(hour))),
  tags: dictionary('language=es', 'language=en', 'device=mobile', 'constructor=x'),
  timezone: fc.constantFrom(...ZONES),
})
const call = fc.record({
  zip: fc.constantFrom(ZIP, null),
  states: fc.subarray(STATES),
  tags: fc.dictionary(fc.constantFrom('language', 'device'), fc.constantFrom('es', ' EN ', 'mobile')),
  atMs: fc.integer({ min: 0, max: 400 * 24 }).map((hours) => NOON + hours * 3_600_000),
})

/** The rules one by one, in whole numbers of any size. */
function oracle(
  rules: Modifiers,
  { zip, states, tags, atMs }: typeof call extends fc.Arbitrary<infer T> ? T : never,
): bigint {
  const factors: number[] = []
  if (zip !== null && zip.zip in rules.zips) factors.push(rules.zips[zip.zip]!)
  if (states.length > 0) factors.push(Math.min(...states.map((state) => rules.states[state] ?? 1000)))
  factors.push(rules.hours[Math.floor(localTime(rules.timezone, atMs).minuteOfDay / 60)] ?? 1000)
  for (const [pair, factor] of Object.entries(rules.tags)) {
    const [key, value] = pair.split('=') as [string, string]
    if (Object.entries(tags).some(([name, own]) => name === key && own.trim().toLowerCase() === value))
      factors.push(factor)
  }
  const product = factors.reduce((so, factor) => (so * BigInt(factor)) / 1000n, 1000n)
  return product > 2000n ? 2000n : product
}

describe('the modifiers of a bid', () => {
  it('are what the rules one by one come to', () => {
    const clocks = new WallClocks()
    fc.assert(
      fc.property(modifiers, call, (rules, one) => {
        const caller = { states: one.zip === null ? one.states : [one.zip.state], zip: one.zip, bits: null }
        const found = modifierOf(rules, clocks.find(rules.timezone), caller, one.tags, one.atMs)
        assert.equal(BigInt(found), oracle(rules, { ...one, states: caller.states }))
      }),
      { numRuns: 3000 },
    )
  })

  it('multiply exactly, amounts of a billion too', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e15 }), thousandths, (micros, factor) => {
        assert.equal(BigInt(times(micros, factor)), (BigInt(micros) * BigInt(factor)) / 1000n)
      }),
      { numRuns: 3000 },
    )
  })

  it('decide the auction and its price, never above the amount, and stand in the award', () => {
    fc.assert(
      fc.property(
        thousandths,
        fc.integer({ min: 100, max: 3000 }),
        fc.constantFrom('first', 'second'),
        (factor, cents, priceRule) => {
          const plain = { zips: {}, hours: {}, tags: {}, timezone: 'America/New_York' }
          const routing = createRouting({ availableMicros: () => dollars(1000), clock: { now: () => NOON }, newId })
          const bid = aBid('a', cents / 100, { modifiers: { ...plain, states: { NY: factor } } })
          for (const one of [...marketOf(bid), ...marketOf(aBid('b', 10))]) routing.apply(one)
          const number = aNumber({ priceRule })
          const { awards, nonBids } = routing.auction(aRequest({ number }))
          const amount = BigInt(cents) * 10_000n
          const product = (amount * BigInt(factor)) / 1000n
          const effective = product < amount ? product : amount
          const own = awards.find(({ bidId }) => bidId === 'a')
          if (effective < dollars(1)) {
            assert.deepEqual(
              nonBids.map(({ code }) => code),
              [factor === 0 ? 'modified_away' : 'below_reserve'],
            )
            return
          }
          assert.deepEqual(own!.effective, {
            micros: effective,
            factors: { modifier: factor, performance: 1000, competition: 1000, pacing: 1000 },
          })
          assert.equal(own!.rank, effective > dollars(10) ? 1 : effective === dollars(10) ? own!.rank : 2)
          const whole = effective - (effective % 10_000n)
          const second = own!.rank === 1 ? dollars(10.01) : dollars(1)
          assert.equal(own!.priceMicros, priceRule === 'first' || second > whole ? whole : second)
        },
      ),
      { numRuns: 1000 },
    )
  })
})
