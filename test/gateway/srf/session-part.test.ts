import assert from 'node:assert/strict'
import { readSessionParts } from '../../../gateway/srf/session-part.ts'

const BODY = '--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b--\r\n'

/** Body and Content-Type of what a parser made, as they are read then. */
function read(type: string | undefined, cseq: string, body = BODY): (string | undefined)[] {
  const message = { headers: { 'content-type': type, cseq }, body }
  const parser = { parseSipMessage: () => message }
  readSessionParts(parser)
  parser.parseSipMessage()
  return [message.headers['content-type'], message.body]
}

describe('a body of several parts, as drachtio-srf hands it over', () => {
  const MIXED = 'multipart/mixed;boundary=b'

  it('is its session description, with the line end its delimiter took', () => {
    for (const method of ['INVITE', 'ACK', 'UPDATE', 'PRACK'])
      assert.deepEqual(read(MIXED, `1 ${method}`), ['application/sdp', 'v=0\r\n'])
  })

  it('stays whole in other methods, without a session description, and where it cannot be read', () => {
    assert.deepEqual(read(MIXED, '1 MESSAGE'), [MIXED, BODY])
    const none = BODY.replace('application/sdp', 'text/html')
    assert.deepEqual(read(MIXED, '1 INVITE', none), [MIXED, none])
    assert.deepEqual(read('multipart/mixed', '1 INVITE'), ['multipart/mixed', BODY])
    assert.deepEqual(read(undefined, '1 INVITE', 'v=0'), [undefined, 'v=0'])
  })
})
