import assert from 'node:assert/strict'
import { historyHeaders, type CallPast } from '../../../gateway/invitation/call-history.ts'

const past = (changes: Partial<CallPast> = {}): CallPast => ({
  diversion: '"Desk" <sip:+12125550101@10.0.0.1>;reason=unconditional;counter=1;limit=5',
  historyInfo: '<sip:2125550101@pbx.inside;user=phone>;index=1, <sip:+12125550102@x>;index=1.1;mp=1',
  dnis: '+18885550001',
  targetUri: 'sip:sales@203.0.113.9',
  isPrivate: false,
  ...changes,
})

describe('what a buyer hears of a call’s history', () => {
  it('is nothing, unless the operator wants it', () => {
    assert.deepEqual(historyHeaders('off', past()), {})
  })

  it('is the numbers it was at, without the hosts', () => {
    assert.deepEqual(historyHeaders('pass', past()), {
      Diversion: '<tel:+12125550101>;reason=unconditional;counter=1',
      'History-Info': '<tel:+12125550101>;index=1, <tel:+12125550102>;index=1.1;mp=1',
    })
  })

  it('ends with the number dialled here and the target, one step on (RFC 7044 §10.3)', () => {
    assert.equal(
      historyHeaders('add', past())['History-Info'],
      '<tel:+12125550101>;index=1, <tel:+12125550102>;index=1.1;mp=1, ' +
        '<tel:+18885550001>;index=1.1.1, <sip:sales@203.0.113.9>;index=1.1.1.1;mp=1.1.1',
    )
    assert.equal(
      historyHeaders('add', past({ historyInfo: undefined }))['History-Info'],
      '<tel:+18885550001>;index=1, <sip:sales@203.0.113.9>;index=1.1;mp=1',
    )
  })

  it('leaves out whoever asked not to be named', () => {
    const diversion = '<sip:+12125550101@h>;privacy=full, <sip:+12125550102@h>;privacy=off'
    const historyInfo = '<sip:+12125550101@h?Privacy=history>;index=1'
    assert.deepEqual(historyHeaders('pass', past({ diversion, historyInfo })), { Diversion: '<tel:+12125550102>' })
    assert.deepEqual(historyHeaders('add', past({ isPrivate: true })), {})
  })

  it('is ten entries at most', () => {
    const diversion = Array.from({ length: 40 }, (_, i) => `<sip:+121255501${10 + i}@h>`).join(', ')
    assert.equal(historyHeaders('pass', past({ diversion }))['Diversion']?.split(',').length, 10)
  })
})
