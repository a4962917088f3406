import assert from 'node:assert/strict'
import { ignoreEscapedNames } from '../../../gateway/srf/escaped-names.ts'

/** What a parser is given of a message. */
function read(text: string): string {
  let given = ''
  const parser = { parseSipMessage: (message: string) => void (given = message) }
  ignoreEscapedNames(parser)
  parser.parseSipMessage(text)
  return given
}

describe('headers whose names have escapes, which drachtio-srf would read', () => {
  it('are not there', () => {
    const escaped = '%58-DCE-TLS-Client: a.example\r\nX-Acme-%0d%0aP-Asserted-Identity : <sip:b@c>\r\n%u0058-Y: 1'
    assert.equal(
      read(`INVITE sip:a@b SIP/2.0\r\nTo: <sip:a@b>\r\n${escaped}\r\nVia: x\r\n\r\n%a: 1`),
      'INVITE sip:a@b SIP/2.0\r\nTo: <sip:a@b>\r\nVia: x\r\n\r\n%a: 1',
    )
  })

  it('are no others: escapes in a Request-URI, a value and a body are their own affair', () => {
    const text = 'INVITE sip:a%40@b SIP/2.0\r\nTo: <sip:a%40@b>\r\nX-A:%20\r\n\r\n%58: y\r\n%58: y'
    for (const whole of [text, text.slice(0, text.indexOf('\r\n\r\n'))]) assert.equal(read(whole), whole)
  })
})
