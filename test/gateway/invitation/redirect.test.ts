import assert from 'node:assert/strict'
import { Redirections } from '../../../gateway/invitation/redirect.ts'

function urisOf(redirections: Redirections): string[] {
  const uris: string[] = []
  for (let uri = redirections.next(); uri; uri = redirections.next()) uris.push(uri)
  return uris
}

describe('redirections', () => {
  it('lead to the contacts in the order of q, the best first', () => {
    const redirections = new Redirections('sip:sales@example.com', [])
    redirections.learn('<sip:c@example.com>;q=0.1, <sip:a@example.com>, "B" <sip:b@example.com:5070>;q=0.7')
    assert.deepEqual(urisOf(redirections), ['sip:a@example.com', 'sip:b@example.com:5070', 'sip:c@example.com'])
  })

  it('lead to three places at most, and what a later answer says comes first', () => {
    const redirections = new Redirections('sip:sales@example.com', [])
    redirections.learn('<sip:a@example.com>, <sip:b@example.com>, <sip:c@example.com>')
    assert.equal(redirections.next(), 'sip:a@example.com')
    redirections.learn('<sip:nearer@example.com>')
    assert.deepEqual(urisOf(redirections), ['sip:nearer@example.com', 'sip:b@example.com'])
  })

  it('lead nowhere twice', () => {
    const redirections = new Redirections('sip:sales@example.com', [])
    redirections.learn('<sip:SALES@example.com>, <sip:sales@EXAMPLE.com>, <sip:a@example.com>, <sip:a@example.com>')
    assert.deepEqual(urisOf(redirections), ['sip:SALES@example.com', 'sip:a@example.com'])
  })

  it('stay with the target’s own host and those that are allowed', () => {
    const redirections = new Redirections('sip:sales@192.0.2.1:5070', ['partner.example'])
    redirections.learn(
      '<sip:a@192.0.2.1:5080>, <sip:b@sip.partner.example>, <sip:c@evilpartner.example>, <sip:d@1.192.0.2.1>, <sip:e@198.51.100.1>',
    )
    assert.deepEqual(urisOf(redirections), ['sip:a@192.0.2.1:5080', 'sip:b@sip.partner.example'])
  })

  for (const [what, contact] of [
    ['names another place to send to', '<sip:a@example.com;maddr=198.51.100.1>'],
    ['brings headers of its own', '<sip:a@example.com?Route=%3Csip:198.51.100.1%3E>'],
    ['is a telephone number', '<tel:+12125550142>'],
    ['cannot be read', '<sip:>, sip:, ,,'],
    ['is the star of a registration', '*'],
  ] as const) {
    it(`do not follow a contact that ${what}`, () => {
      const redirections = new Redirections('sip:sales@example.com', [])
      redirections.learn(contact)
      assert.deepEqual(urisOf(redirections), [])
    })
  }
})
