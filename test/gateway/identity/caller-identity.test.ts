import assert from 'node:assert/strict'
import { callerIdentity, identityHeaders } from '../../../gateway/identity/caller-identity.ts'
import type { PhoneNumber } from '../../../model/phone-number.ts'

const ANI = '+12125550142' as PhoneNumber
const ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>'

/** What a buyer hears of a caller whose INVITE has these headers. */
function told(headers: Record<string, string>, isTrusted = false, ani: PhoneNumber | null = ANI) {
  return identityHeaders(
    callerIdentity(ani, (name) => headers[name]),
    isTrusted,
  )
}

describe('who is calling, as a buyer hears it', () => {
  it('is the number and the name that the caller’s side asserts', () => {
    const asserted = `"Ann O'Neil" <sip:${ANI}@localhost>`
    assert.deepEqual(told({ 'P-Asserted-Identity': `"Ann O'Neil" <sip:x@10.0.0.1>`, From: '<sip:y@z>' }), {
      From: asserted,
      'P-Asserted-Identity': asserted,
    })
  })

  for (const [what, from, name] of [
    ['tokens', 'Ann Smith <sip:1@h>', '"Ann Smith" '],
    ['escaped quotes, which are left out', '"a\\"b\\\\c" <sip:1@h>', '"abc" '],
    ['no name', '<sip:1@h>', ''],
    ['a bare URI', 'sip:1@h;tag=x', ''],
    ['a name of any length, of which 64 letters are kept', `"${'n'.repeat(500)}" <sip:1@h>`, `"${'n'.repeat(64)}" `],
  ] as const) {
    it(`reads a name of ${what}`, () => assert.equal(told({ From: from })['From'], `${name}<sip:${ANI}@localhost>`))
  }

  for (const privacy of ['id', 'user', 'header', 'ID; critical', 'user;id']) {
    it(`is withheld when Privacy says ${privacy}`, () => {
      const headers = told({ From: '"Ann" <sip:1@h>', Privacy: privacy })
      assert.equal(headers['From'], ANONYMOUS)
      assert.equal(headers['P-Asserted-Identity'], undefined)
      assert.match(headers['Privacy']!, /id|user|header/)
    })
  }

  it('is asserted to a buyer within the trust domain, who is told to keep it', () => {
    assert.deepEqual(told({ From: '<sip:1@h>', Privacy: 'id' }, true), {
      From: ANONYMOUS,
      'P-Asserted-Identity': `<sip:${ANI}@localhost>`,
      Privacy: 'id',
    })
  })

  it('is not withheld by `none`, nor by a word nobody knows', () => {
    assert.equal(told({ From: '<sip:1@h>', Privacy: 'none' })['From'], `<sip:${ANI}@localhost>`)
    assert.equal(told({ From: '<sip:1@h>', Privacy: 'please' })['Privacy'], undefined)
  })

  it('is anonymous when there is no number', () => {
    assert.deepEqual(told({ From: '"Ann" <sip:1@h>' }, true, null), { From: ANONYMOUS, Privacy: 'id' })
  })
})
