import assert from 'node:assert/strict'
import { readReferral } from '../../../gateway/transfers/referral.ts'
import { serializeUri } from '../../../gateway/sip-server/uri.ts'
import type { SipRequest } from '../../../gateway/srf/srf-types.ts'

const read = (headers: Record<string, string>) =>
  readReferral({ get: (name: string) => headers[name] } as unknown as SipRequest)

describe('a referral', () => {
  it('names whom to call, who refers, and whether it wants to hear of it', () => {
    const referral = read({
      'Refer-To': '"Sales" <sip:desk@example.com;method=INVITE>',
      'Referred-By': '"Agent" <sip:agent@example.com>;cid=x',
      'Refer-Sub': 'false',
      CSeq: '17 REFER',
    })
    assert.ok(typeof referral === 'object')
    assert.equal(serializeUri(referral.uri), 'sip:desk@example.com')
    assert.deepEqual(
      [referral.referredBy, referral.wantsNotify, referral.id, referral.replaces],
      ['<sip:agent@example.com>', false, '17', null],
    )
  })

  it('may name a call to be replaced at the other end (RFC 3891)', () => {
    const referral = read({ 'Refer-To': '<sip:d@example.com?Replaces=abc%40h%3Bto-tag%3D1%3Bfrom-tag%3D2>' })
    assert.ok(typeof referral === 'object')
    assert.deepEqual(referral.replaces, { callId: 'abc@h', toTag: '1', fromTag: '2', isEarlyOnly: false })
    assert.equal(serializeUri(referral.uri), 'sip:d@example.com')
    assert.equal(referral.wantsNotify, true)
  })

  for (const [what, referTo, status] of [
    ['without Refer-To', undefined, 400],
    ['to two at once', '<sip:a@h>, <sip:b@h>', 400],
    ['to no URI', '<http://example.com>', 400],
    ['to another method', '<sip:a@h;method=BYE>', 603],
    ['with headers of its own', '<sip:a@h?Route=%3Csip:evil%3E>', 603],
    ['with a Replaces that breaks out of its header', '<sip:a@h?Replaces=x%0D%0AVia:%20y>', 603],
  ] as const) {
    it(`${what} is refused`, () => assert.equal(read(referTo === undefined ? {} : { 'Refer-To': referTo }), status))
  }
})
