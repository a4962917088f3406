import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { CENT, ceilToCent, floorToCent, formatMoney, MAX_MONEY, parseMoney, parseShare } from '../../model/money.ts'

const RUNS = { numRuns: 2000 }
const micros = fc.oneof(fc.bigInt({ min: 0n, max: MAX_MONEY }), fc.bigInt({ min: 0n, max: 100_000_000n }))

describe('money', () => {
  it('is the same when written and read again (2,000 amounts)', () => {
    fc.assert(
      fc.property(micros, (amount) => {
        const text = formatMoney(amount)
        assert.match(text, /^\d+\.\d{2,6}$/)
        assert.equal(parseMoney(text), amount)
        assert.equal(formatMoney(-amount), amount === 0n ? text : `-${text}`)
      }),
      RUNS,
    )
  })

  it('is what its digits say, however they are written (2,000 texts)', () => {
    const digits = fc.tuple(fc.integer({ min: 0, max: 999_999_999 }), fc.stringMatching(/^\d{1,6}$/))
    fc.assert(
      fc.property(digits, ([units, fraction]) => {
        // Digit by digit, as in school: no power of ten, no float.
        let expected = BigInt(units)
        for (let place = 0; place < 6; place++) expected = expected * 10n + BigInt(fraction[place] ?? '0')
        assert.equal(parseMoney(`${units}.${fraction}`), expected)
        assert.equal(parseMoney(`0${units}.${fraction}`), `0${units}`.length <= 10 ? expected : null)
      }),
      RUNS,
    )
  })

  it('is read from a JSON number as from its text, and from no other number (2,000 numbers)', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000_000_000 }), fc.integer({ min: 0, max: 6 }), (whole, decimals) => {
        const number = whole / 10 ** decimals
        assert.equal(parseMoney(number), (BigInt(whole) * 1_000_000n) / 10n ** BigInt(decimals))
        if (whole > 0) assert.equal(parseMoney(-number), null)
      }),
      RUNS,
    )
    for (const wrong of [NaN, Infinity, -1, 1e-7, 0.1234567, 1e16, '', '1.', '.5', '1,5', '+1', '1e3', ' 1', '٣'])
      assert.equal(parseMoney(wrong), null, String(wrong))
    assert.equal(parseMoney('1000000000'), MAX_MONEY)
    assert.equal(parseMoney('1000000000.000001'), null)
  })

  it('has a cent below it and one above it, less than a cent apart unless it is one (2,000 amounts)', () => {
    fc.assert(
      fc.property(micros, (amount) => {
        const [below, above] = [floorToCent(amount), ceilToCent(amount)]
        assert.ok(below % CENT === 0n && above % CENT === 0n)
        assert.ok(below <= amount && amount <= above)
        assert.equal(above - below, amount % CENT === 0n ? 0n : CENT)
      }),
      RUNS,
    )
  })

  it('is shared by millionths from nothing to all of it (2,000 shares)', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000_000 }), (millionths) => {
        const text = formatMoney(BigInt(millionths))
        assert.equal(parseShare(text), BigInt(millionths))
        assert.equal(parseShare(millionths / 1_000_000), BigInt(millionths))
        if (millionths > 0) assert.equal(parseShare(formatMoney(1_000_000n + BigInt(millionths))), null)
      }),
      RUNS,
    )
  })
})
