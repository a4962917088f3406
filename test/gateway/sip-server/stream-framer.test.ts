import assert from 'node:assert/strict'

import { isParseFailure, StreamFramer } from '../../../gateway/sip-server/wire-format.ts'
import { inviteText } from './builders.ts'

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')

describe('sip-server/stream-framer', () => {
  it('gives two messages of one chunk, and one message of many', () => {
    const framer = new StreamFramer()
    assert.equal(framer.push(bytes(inviteText({}, 'a') + inviteText({}, 'b'))).messages.length, 2)
    const text = inviteText({}, 'v=0')
    for (const byte of text.slice(0, -1)) assert.equal(framer.push(bytes(byte)).messages.length, 0)
    const { messages } = framer.push(bytes(text.slice(-1)))
    assert.equal(messages.length, 1)
    const [message] = messages
    assert.ok(message !== undefined && !isParseFailure(message))
    assert.equal(message.body, 'v=0')
    assert.equal(framer.bufferedBytes, 0)
  })

  it('tells pings from pongs (RFC 5626 §3.5.1), whole and in pieces', () => {
    const framer = new StreamFramer()
    const seen = (text: string): [number, number] => {
      const { pings, pongs } = framer.push(bytes(text))
      return [pings, pongs]
    }
    assert.deepEqual(seen('\r\n\r\n'), [1, 0])
    assert.deepEqual(seen('\r\n\r\n\r\n\r\n'), [2, 0])
    assert.deepEqual(seen('\r\n'), [0, 1])
    // The other half of a ping that came in two pieces.
    assert.deepEqual(seen('\r\n'), [1, 0])
    assert.deepEqual(seen('\r'), [0, 0])
    assert.deepEqual(seen('\n\r\n'), [1, 0])
    assert.deepEqual(seen(`\r\n${inviteText()}`), [0, 1])
  })

  it('goes on after a message that is framed but malformed', () => {
    const input = new StreamFramer().push(bytes(inviteText({ From: null }) + inviteText()))
    assert.equal(input.fatal, null)
    assert.deepEqual(
      input.messages.map((message) => isParseFailure(message)),
      [true, false],
    )
  })

  const fatal: [what: string, text: string, status: number | null, reason: string][] = [
    ['no Content-Length (RFC 3261 §18.3)', inviteText({ 'Content-Length': null }), 400, 'Missing Content-Length'],
    ['a negative Content-Length', inviteText({ 'Content-Length': '-1' }), 400, 'Malformed Content-Length'],
    ['two Content-Length, even equal ones', inviteText({ l: '0' }), 400, 'Repeated Content-Length'],
    ['a lone LF, which may hide a header', inviteText({ Subject: 'x\nl: 5' }), 400, 'Line not ended by CRLF'],
    ['text that is no SIP', 'GET / HTTP/1.1\r\n\r\n', null, 'Not a SIP message'],
    ['a body beyond the limit', inviteText({ 'Content-Length': '1001' }), 413, 'Message too large'],
    ['an immense body', inviteText({ 'Content-Length': '9'.repeat(40) }), 413, 'Message too large'],
    ['headers beyond the limit', inviteText({ Subject: 'x'.repeat(1000) }), null, 'Headers too large'],
    ['headers that never end', `INVITE sip:a SIP/2.0\r\nSubject: ${'x'.repeat(1000)}`, null, 'Headers too large'],
  ]
  for (const [what, text, status, reason] of fatal) {
    it(`stops at ${what}`, () => {
      const framer = new StreamFramer({ maxMessageBytes: 1000 })
      const first = framer.push(bytes(inviteText({}, 'sound') + text))
      assert.equal(first.messages.length, 1)
      assert.deepEqual([first.fatal?.status, first.fatal?.reason], [status, reason])
      const next = framer.push(bytes(inviteText()))
      assert.deepEqual(next.messages, [])
      assert.equal(next.fatal?.reason, reason)
      assert.equal(framer.bufferedBytes, 0)
    })
  }

  it('takes a message of exactly the limit', () => {
    const text = inviteText({}, 'x'.repeat(300))
    const at = (maxMessageBytes: number): boolean =>
      new StreamFramer({ maxMessageBytes }).push(bytes(text)).fatal === null
    assert.equal(at(text.length), true)
    assert.equal(at(text.length - 1), false)
  })

  it('does the work of a slow sender in proportion to its bytes', () => {
    const framer = new StreamFramer({ maxMessageBytes: 200_000 })
    const text = bytes(inviteText({ Subject: 'x'.repeat(100_000) }, 'y'.repeat(50_000)))
    const started = performance.now()
    let count = 0
    for (let at = 0; at < text.length; at++) count += framer.push(text.subarray(at, at + 1)).messages.length
    assert.equal(count, 1)
    // Some 0.1 s; quadratic work would take minutes.
    assert.ok(performance.now() - started < 5000)
  })
})
