import assert from 'node:assert/strict'
import { fieldsOf, listOf, paramOf, uriOf } from '../../../gateway/headers/sip-fields.ts'

describe('sip fields', () => {
  const uris: [string, string][] = [
    ['"Bob <b>" <sip:+12125550123@192.0.2.1;user=phone>;tag=abc', 'sip:+12125550123@192.0.2.1;user=phone'],
    ['sip:bob@example.com;tag=abc', 'sip:bob@example.com'],
    ['<tel:+1-212-555-0123>', 'tel:+1-212-555-0123'],
    ['Bob <sip:b@h', 'sip:b@h'],
    ['"say \\"hi\\" <x>" <sip:b@h>', 'sip:b@h'],
  ]
  for (const [value, uri] of uris) it(`reads ${uri} from ${value}`, () => assert.equal(uriOf(value), uri))

  it('reads a tag after the URI, not one inside it', () => {
    assert.equal(paramOf('<sip:b@h;tag=inner>;tag=outer', 'tag'), 'outer')
    assert.equal(paramOf('sip:b@h;TAG=outer', 'tag'), 'outer')
    assert.equal(paramOf('<sip:b@h>', 'tag'), '')
  })

  it('splits lists at commas outside brackets and quotes', () => {
    assert.deepEqual(listOf('"a, b" <sip:a@h;x=1,2>, <tel:+1>'), ['"a, b" <sip:a@h;x=1,2>', '<tel:+1>'])
    assert.deepEqual(listOf(undefined), [])
    assert.deepEqual(listOf(''), [])
  })

  it('reads the fields of one name line by line, folded ones whole, and nothing of the body', () => {
    const raw = 'INVITE x SIP/2.0\r\nX-A: 1, 2\r\nX-AB: no\r\nx-a : 3\r\nX-A:4\r\n  5\r\n\r\nX-A: body\r\n'
    assert.deepEqual(fieldsOf(raw, 'X-A'), ['1, 2', '3', '4 5'])
    assert.deepEqual(fieldsOf(raw, 'X-B'), [])
  })
})
