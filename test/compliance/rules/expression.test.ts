import assert from 'node:assert/strict'
import { BadExpression, compileExpression, type ExpressionFacts } from '../../../compliance/rules/expression.ts'

const FACTS: ExpressionFacts = {
  caller: '+12125550123',
  zip: '10001',
  states: ['NY', 'NJ'],
  leg: 'transfer',
  vertical: 'insurance',
  seller_id: 's',
  number_id: 'n',
  tags: new Map([['source', 'tv']]),
  attestation: 'B',
  has_consent: false,
  hour: 12n,
  calls_24h: 3n,
}

describe('an expression', () => {
  it('is true or false of a call', () => {
    for (const [text, expected] of [
      ['"NJ" in states && leg != "inbound"', true],
      ['caller.startsWith("+1212") && calls_24h >= 3', true],
      ['hour < 9 || hour >= 20', false],
      ['"source" in tags && tags["source"] == "tv"', true],
      ['!has_consent && attestation in ["B", "C"]', true],
      ['vertical == "legal" ? zip == "" : size(zip) == 5', true],
    ] as const)
      assert.equal(compileExpression(text)(FACTS), expected, text)
  })

  it('is refused with the reason when it cannot be read, names what there is not, or is no condition', () => {
    for (const [text, why] of [
      ['leg ==', /Unexpected/],
      ['leg == 1', /no such overload: string == int/],
      ['password == ""', /Unknown variable: password/],
      ['caller', /is a string, and must be true or false/],
      ['caller.matches("(a+)+$")', /matches, which is not offered/],
      ['states.exists(s, states.exists(t, s == t))', /exists, which is not offered/],
      ['size(states.map(s, s + s)) > 2', /map, which is not offered/],
      ['["", "", ""].join(caller).size() > 3', /join, which is not offered/],
      ['caller.split("").size() > 3', /split, which is not offered/],
      ['cel.bind(x, caller, x == "")', /bind, which is not offered/],
      ['timestamp("2026-01-01T00:00:00Z") > timestamp(zip)', /timestamp, which is not offered/],
      [`zip == "${'1'.repeat(1000)}"`, /longer than 1000 characters/],
      [Array.from({ length: 120 }, () => 'true').join('&&'), /maxAstNodes|limit/i],
      [`${'('.repeat(60)}has_consent${')'.repeat(60)}`, /depth|limit/i],
    ] as const)
      assert.throws(
        () => compileExpression(text),
        (error: unknown) => error instanceof BadExpression && why.test(error.message) && !error.message.includes('\n'),
        text.slice(0, 60),
      )
  })

  it('reaches nothing of the program', () => {
    for (const text of ['caller.constructor == ""', 'tags.__proto__ == ""', 'process.exit(1)', 'this == 1'])
      assert.throws(() => compileExpression(text)(FACTS), text)
  })
})
