import assert from 'node:assert/strict'
import { validatePhone } from '../../compliance/validate-phone.ts'
import { places } from './support.ts'

describe('validating a phone number', () => {
  it('says its form, country, states and zones', () => {
    assert.deepEqual(validatePhone('(850) 555-0123', places), {
      valid: true,
      e164: '+18505550123',
      country: 'US',
      states: ['FL'],
      timezones: ['America/Chicago', 'America/New_York'],
    })
  })

  it('says why a number has no place', () => {
    assert.deepEqual(validatePhone('8005550123', places), {
      valid: true,
      e164: '+18005550123',
      country: null,
      states: [],
      timezones: [],
      reason: 'a toll-free number has no place',
    })
    assert.equal(validatePhone('+442071234567', places).country, 'GB')
    assert.equal(validatePhone('+14165550123', places).country, 'CA')
  })

  it('says why a text is no number', () => {
    for (const text of ['', '911', 'abc', '+1911', '2115550123']) {
      const answer = validatePhone(text, places)
      assert.equal(answer.valid, false)
      assert.equal(answer.e164, null)
      assert.match(answer.reason!, /not a telephone number/)
    }
    const unassigned = validatePhone('+12225550123', places)
    assert.equal(unassigned.valid, false)
    assert.match(unassigned.reason!, /not assigned/)
  })
})
