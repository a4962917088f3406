import assert from 'node:assert/strict'
import fc from 'fast-check'
import { jsonWithoutNumber, possibleNumbers, spellingsOf, withoutNumber } from '../../model/number-spellings.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'

const NUMBER = '+12125550123' as PhoneNumber
const SPELLINGS = [
  '+12125550123',
  '12125550123',
  '2125550123',
  '(212) 555-0123',
  '212-555-0123',
  '212.555.0123',
  '+1 (212) 555-0123',
  '1-212-555-0123',
  '0012125550123',
  '01112125550123',
  '%2B12125550123',
  '9912125550123',
  '+1%20212%20555%200123',
]

describe('a number in texts', () => {
  it('is found in every spelling, and nothing of it stays', () => {
    for (const spelling of SPELLINGS)
      for (const [before, after] of [
        ['', ''],
        ['"', '"'],
        ['sip:', '@192.0.2.1'],
        ['tel:', ';npdi'],
        ['from=', '&x=1'],
        ['call ', ' back'],
      ]) {
        const text = `${before}${spelling}${after}`
        const left = withoutNumber(text, NUMBER, 'erased-1')
        assert.equal(left, `${before}erased-1${after}`, text)
      }
  })

  it('is told from longer numbers and from others that end alike', () => {
    for (const other of ['+442125550123', '21255501234', '+121255501234', '3125550123', '92125550123'])
      assert.equal(withoutNumber(`x ${other} y`, NUMBER, 'erased'), `x ${other} y`)
  })

  it('of another country is found with its code alone', () => {
    const number = '+442079460123' as PhoneNumber
    for (const spelling of ['+442079460123', '442079460123', '+44 20 7946 0123', '00442079460123', '011442079460123'])
      assert.equal(withoutNumber(`a ${spelling} b`, number, '-'), 'a - b')
    assert.equal(withoutNumber('2079460123', number, '-'), '2079460123')
  })

  it('goes from JSON as text, as number and as key, and leaves JSON', () => {
    const json = '{"a": 12125550123, "b": ["+12125550123", 1.5], "2125550123": "x", "c": "at 2, 2125550123]"}'
    const left = jsonWithoutNumber(json, NUMBER, 'erased')
    assert.deepEqual(JSON.parse(left).b, ['erased', 1.5])
    assert.doesNotMatch(left, /5550123/)
    assert.equal(JSON.parse(left).a, 'erased')
    assert.equal(JSON.parse(left).c, 'at 2, erased]')
  })

  it('is among the possible numbers of every text it is found in', () => {
    const around = fc.stringMatching(/^[a-z0-9 ":,.;+()-]{0,12}$/)
    fc.assert(
      fc.property(around, fc.constantFrom(...SPELLINGS), around, (before, spelling, after) => {
        const text = `${before}${spelling}${after}`
        fc.pre(new RegExp(spellingsOf(NUMBER)).test(text))
        assert.ok(possibleNumbers(text).has('12125550123'), text)
      }),
      { numRuns: 2000 },
    )
  })
})
