import assert from 'node:assert/strict'
import { unfoldHeaders } from '../../../gateway/srf/unfolded-headers.ts'

/** What a parser is given of a message. */
function read(text: string): string {
  let given = ''
  const parser = { parseSipMessage: (message: string) => void (given = message) }
  unfoldHeaders(parser)
  parser.parseSipMessage(text)
  return given
}

describe('header fields of several lines, as drachtio-srf reads them', () => {
  it('are one line each', () => {
    assert.equal(
      read(
        'INVITE sip:a@b SIP/2.0\r\nFrom:\r\n <sip:c@d>\r\n\t;tag=1\r\nSubject: one \r\n  two\r\nTo: <sip:a@b>\r\n\r\n',
      ),
      'INVITE sip:a@b SIP/2.0\r\nFrom: <sip:c@d> ;tag=1\r\nSubject: one two\r\nTo: <sip:a@b>\r\n\r\n',
    )
    assert.equal(read('OPTIONS sip:a@b SIP/2.0\r\nSubject: one\r\n two'), 'OPTIONS sip:a@b SIP/2.0\r\nSubject: one two')
  })

  it('end where the body begins, which stays as it is', () => {
    const text = 'MESSAGE sip:a@b SIP/2.0\r\nTo: <sip:a@b>\r\n\r\n one\r\n two\r\n\r\n\tthree'
    assert.equal(read(text), text)
    const folded = text.replace('<sip', '\r\n <sip')
    assert.equal(read(folded), text)
  })
})
