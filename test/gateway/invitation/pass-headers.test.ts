import assert from 'node:assert/strict'
import { passedHeaders } from '../../../gateway/invitation/pass-headers.ts'

/** What is passed on of these, one field each. */
function passed(allowed: readonly string[], headers: Readonly<Record<string, string>>) {
  return passedHeaders(allowed, { headers, fields: (name) => [headers[name] ?? ''] })
}

describe('headers passed on to buyers', () => {
  it('are those the operator names, and those that begin as it says', () => {
    const sent = {
      'User-to-User': '56a390;encoding=hex',
      'X-Acme-Lead': '7',
      'X-Acme': '8',
      'X-Other': '9',
      Subject: 'hi',
    }
    assert.deepEqual(passed(['user-to-user', 'X-Acme-*'], sent), {
      'User-to-User': '56a390;encoding=hex',
      'X-Acme-Lead': '7',
    })
    assert.deepEqual(passed([], sent), {})
  })

  it('keep lines of their own where there were several', () => {
    const sent = { headers: { 'X-Acme': 'a, b,c' }, fields: () => ['a, b', 'c'] }
    assert.deepEqual(passedHeaders(['x-acme'], sent), { 'X-Acme': 'a, b\r\nX-Acme: c' })
  })

  it('are never ours nor the protocol’s', () => {
    const sent = { Via: 'v', From: 'f', 'X-DCE-Call-ID': 'c', 'P-Asserted-Identity': 'p', Privacy: 'id', 'X-Own': 'x' }
    assert.deepEqual(passed(['*'], sent), { 'X-Own': 'x' })
  })

  it('are sixteen at most, and none longer than 2,048 letters', () => {
    const many = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`X-H${i}`, 'v']))
    assert.equal(Object.keys(passed(['x-*'], many)).length, 16)
    assert.deepEqual(passed(['x-*'], { 'X-Long': 'a'.repeat(2049), 'X-Short': 'a' }), { 'X-Short': 'a' })
  })
})
