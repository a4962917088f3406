import assert from 'node:assert/strict'
import { CALL_SIGNS, writeCallSigns } from '../../../compliance/fraud/features/call-signs.ts'
import { arriving } from './support.ts'
import type { PhoneNumber } from '../../../model/phone-number.ts'

describe('the signs of one call', () => {
  const cases: [string, Parameters<typeof arriving>[0], Partial<Record<(typeof CALL_SIGNS)[number], number>>][] = [
    ['an honest one', {}, { 'call.attestation': 3, 'call.codecs': 2, 'call.repeatedDigits': 3, 'call.fictional': 1 }],
    ['a withheld number', { ani: null }, { 'call.withheld': 1, 'call.repeatedDigits': 0, 'call.unplaced': 0 }],
    ['a foreign one', { ani: '+442079460000', numberStates: [] }, { 'call.foreign': 1, 'call.unplaced': 0 }],
    ['toll-free', { ani: '+18885551234', numberStates: [] }, { 'call.tollFree': 1, 'call.unplaced': 0 }],
    ['nowhere', { ani: '+18765551234', numberStates: [] }, { 'call.unplaced': 1, 'call.tollFree': 0 }],
    ['no fiction', { ani: '+12125552123' }, { 'call.fictional': 0 }],
    ['all the same', { ani: '+12222222222' }, { 'call.repeatedDigits': 10 }],
    ['a neighbour', { ani: '+12125559876', dnis: '+12125550100' as PhoneNumber }, { 'call.neighbour': 1 }],
    ['almost one', { ani: '+12125659876', dnis: '+12125550100' as PhoneNumber }, { 'call.neighbour': 0 }],
    ['said elsewhere', { saidState: 'CA' }, { 'call.misplaced': 1 }],
    ['said where it is', { saidState: 'NY' }, { 'call.misplaced': 0 }],
    ['said, and nobody knows', { saidState: 'NY', numberStates: [] }, { 'call.misplaced': 0 }],
    ['not attested', { attestation: null, trafficType: 'transfer' }, { 'call.attestation': 0, 'call.transfer': 1 }],
    ['a scanner', { userAgent: 'Friendly-Scanner/1.2' }, { 'call.scanner': 1, 'call.noUserAgent': 0 }],
    ['nameless', { userAgent: null }, { 'call.scanner': 0, 'call.noUserAgent': 1 }],
    ['no digits', { codecs: ['PCMU'] }, { 'call.codecs': 1, 'call.noDigits': 1 }],
    ['no offer', { codecs: [] }, { 'call.codecs': 0, 'call.noDigits': 0 }],
  ]
  for (const [what, said, expected] of cases) {
    it(`tell ${what}`, () => {
      const signs = new Float64Array(CALL_SIGNS.length)
      writeCallSigns(arriving(said), signs, 0)
      const told = Object.fromEntries(CALL_SIGNS.map((name, at) => [name, signs[at]]))
      for (const [name, value] of Object.entries(expected)) assert.equal(told[name], value, name)
    })
  }

  it('are written from where they are wanted', () => {
    const signs = new Float64Array(CALL_SIGNS.length + 2).fill(-1)
    writeCallSigns(arriving({ ani: null }), signs, 1)
    assert.equal(signs[0], -1)
    assert.equal(signs[1], 1)
    assert.equal(signs.at(-1), -1)
  })
})
