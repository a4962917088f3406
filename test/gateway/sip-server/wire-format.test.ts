import assert from 'node:assert/strict'

import { MAX_URI_BYTES } from '../../../gateway/sip-server/start-line.ts'
import { SipMessage } from '../../../gateway/sip-server/message.ts'
import {
  isParseFailure,
  MAX_FIELD_BYTES,
  MAX_HEADER_FIELDS,
  parseAppMessage,
  parseMessage,
  serialize,
} from '../../../gateway/sip-server/wire-format.ts'
import { inviteText, lines, parsed, refused } from './builders.ts'

describe('sip-server/wire-format parse', () => {
  it('fills the hot fields', () => {
    const message = parsed(inviteText({ To: 'Bob <sip:bob@example.com>;x=1;tag=b-1' }, 'v=0\r\n'))
    assert.equal(message.method, 'INVITE')
    assert.equal(message.requestUri, 'sip:bob@example.com')
    assert.equal(message.isRequest, true)
    assert.equal(message.callId, 'a84b4c76e66710@192.0.2.1')
    assert.equal(message.cseq, 314_159)
    assert.equal(message.cseqMethod, 'INVITE')
    assert.equal(message.fromTag, '1928301774')
    assert.equal(message.toTag, 'b-1')
    assert.equal(message.body, 'v=0\r\n')
    assert.deepEqual(message.topVia, {
      transport: 'UDP',
      host: '192.0.2.1',
      port: 5060,
      branch: 'z9hG4bK776asdhds',
      received: null,
      rport: '',
      keep: null,
      hasAlias: false,
    })
  })

  it('leaves no line separator of Unicode in a reason: an application would lose the answer', () => {
    const text = inviteText().replace(/^.*/, 'SIP/2.0 486 bus\xe2\x80\xa8y, r\xc3\xa9ally\xe2\x80\xa9')
    assert.equal(parsed(text).reason, 'bus y, r\xc3\xa9ally ')
  })

  it('reads a response, with and without a reason', () => {
    const headers = {
      Via: 'SIP/2.0/TCP h;branch=z9hG4bK1',
      From: '<sip:a@b>;tag=1',
      To: '<sip:c@d>',
      'Call-ID': 'x',
      CSeq: '1 BYE',
    }
    const ringing = parsed(lines('SIP/2.0 180 Ringing there', headers))
    assert.deepEqual(
      [ringing.status, ringing.reason, ringing.isRequest, ringing.cseqMethod],
      [180, 'Ringing there', false, 'BYE'],
    )
    assert.equal(parsed(lines('SIP/2.0 200 ', headers)).reason, '')
    assert.equal(parsed(lines('SIP/2.0 200', headers)).reason, '')
    for (const bad of [
      'SIP/2.0 99 x',
      'SIP/2.0 700 x',
      'SIP/2.0 2000 x',
      'SIP/2.0  200 x',
      'SIP/3.0 200 x',
      'SIP/2.0 +20 x',
    ]) {
      assert.equal(refused(lines(bad, headers)).status, null, bad)
    }
  })

  it('expands compact forms, in either case, to canonical names', () => {
    const text = lines('INVITE sip:b@c SIP/2.0', {
      v: 'SIP/2.0/UDP h;branch=z9hG4bK1',
      f: '<sip:a@b>;tag=1',
      T: '<sip:c@d>',
      i: 'x',
      CSEQ: '1 INVITE',
      m: '<sip:a@h>',
      k: 'timer',
      'content-type': 'text/plain',
      l: '0',
      'X-custom-Header': 'as written',
    })
    const names = parsed(text).headers.map((field) => field.name)
    assert.deepEqual(names, [
      'Via',
      'From',
      'To',
      'Call-ID',
      'CSeq',
      'Contact',
      'Supported',
      'Content-Type',
      'Content-Length',
      'X-custom-Header',
    ])
    assert.equal(parsed(text).get('x-custom-header'), 'as written')
  })

  it('unfolds lines that begin with a space or a tab', () => {
    const message = parsed(inviteText({ Subject: 'I know \r\n you  are\r\n\t there', CSeq: '\r\n 314159\r\n\tINVITE' }))
    assert.equal(message.get('subject'), 'I know you  are there')
    assert.equal(message.cseq, 314_159)
  })

  it('splits comma lists where the grammar has them, and nowhere else', () => {
    const message = parsed(
      inviteText({
        Via: 'SIP/2.0/UDP a;branch=z9hG4bK1 , SIP/2.0/TCP b;branch=z9hG4bK2',
        Contact: '"Bell, Alexander" <sip:a,b@c>;x="1,2", <sip:d@e>',
        Supported: '100rel,timer,, replaces',
        Date: 'Sat, 13 Nov 2010 23:29:00 GMT',
        Authorization: 'Digest realm="a", nonce="b,c"',
      }),
    )
    assert.equal(message.getAll('via').length, 2)
    assert.equal(message.topVia?.host, 'a')
    assert.deepEqual(message.getAll('contact'), ['"Bell, Alexander" <sip:a,b@c>;x="1,2"', '<sip:d@e>'])
    assert.deepEqual(message.getAll('supported'), ['100rel', 'timer', 'replaces'])
    assert.deepEqual(message.getAll('date'), ['Sat, 13 Nov 2010 23:29:00 GMT'])
    assert.deepEqual(message.getAll('authorization'), ['Digest realm="a", nonce="b,c"'])
  })

  it('ignores empty lines before the start line', () => {
    assert.equal(parsed(`\r\n\r\n${inviteText()}`).method, 'INVITE')
  })

  it('takes the body by Content-Length, drops what follows, and without one takes the rest', () => {
    assert.equal(parsed(`${inviteText({ 'Content-Length': '3' })}abcdef`).body, 'abc')
    assert.equal(parsed(`${inviteText({ 'Content-Length': null })}abcdef`).body, 'abcdef')
  })

  it('keeps every byte of a latin1 text', () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
    const text = inviteText({ Subject: 'caf\u00e9 \u00ff' }, bytes.toString('latin1'))
    assert.deepEqual(Buffer.from(parsed(text).body, 'latin1'), bytes)
    assert.equal(parsed(text).get('subject'), 'caf\u00e9 \u00ff')
  })

  it('accepts a From without a tag, a Via without a branch and no Max-Forwards, for RFC 2543 peers', () => {
    const message = parsed(inviteText({ From: 'sip:a@b', Via: 'SIP/2.0/UDP 192.0.2.1', 'Max-Forwards': null }))
    assert.equal(message.fromTag, '')
    assert.equal(message.topVia?.branch, '')
  })
})

const filler = (count: number): string =>
  inviteText({ 'X-A': Array.from({ length: count }, () => '1').join('\r\nX-A: ') })

describe('sip-server/wire-format refuse', () => {
  const cases: [what: string, text: string, status: number | null, reason: string][] = [
    ['a missing From', inviteText({ From: null }), 400, 'Missing From'],
    ['a missing To', inviteText({ To: null }), 400, 'Missing To'],
    ['a missing Call-ID', inviteText({ 'Call-ID': null }), 400, 'Missing Call-ID'],
    ['a missing CSeq', inviteText({ CSeq: null }), 400, 'Missing CSeq'],
    ['a missing Via, to which nothing can be answered', inviteText({ Via: null }), null, 'Missing Via'],
    ['a Via that is none', inviteText({ Via: 'nonsense' }), null, 'Malformed Via'],
    ['a Via of another version', inviteText({ Via: 'SIP/3.0/UDP h;branch=z9hG4bK1' }), 400, 'Malformed Via'],
    ['a Via port of 65536', inviteText({ Via: 'SIP/2.0/UDP h:65536;branch=z9hG4bK1' }), null, 'Malformed Via'],
    ['a Via with an empty parameter', inviteText({ Via: 'SIP/2.0/UDP h;;branch=z9hG4bK1' }), 400, 'Malformed Via'],
    ['a lone item with an open bracket', inviteText({ Supported: '<timer' }), 400, 'Malformed Supported'],
    ['an empty Via after a comma', inviteText({ Contact: '<sip:a@b>, ' }), 400, 'Malformed Contact'],
    ['a CSeq of another method', inviteText({ CSeq: '1 BYE' }), 400, 'CSeq method does not match'],
    ['a CSeq of 2^31', inviteText({ CSeq: '2147483648 INVITE' }), 400, 'CSeq number too large'],
    ['a CSeq of forty digits', inviteText({ CSeq: `${'9'.repeat(40)} INVITE` }), 400, 'CSeq number too large'],
    ['a CSeq without number', inviteText({ CSeq: 'INVITE' }), 400, 'Malformed CSeq'],
    ['a CSeq without method', inviteText({ CSeq: '1' }), 400, 'Malformed CSeq'],
    ['a negative CSeq', inviteText({ CSeq: '-1 INVITE' }), 400, 'Malformed CSeq'],
    ['a Call-ID with a space', inviteText({ 'Call-ID': 'a b' }), 400, 'Malformed Call-ID'],
    ['an empty Call-ID', inviteText({ 'Call-ID': '' }), 400, 'Malformed Call-ID'],
    ['Max-Forwards of 256', inviteText({ 'Max-Forwards': '256' }), 400, 'Malformed Max-Forwards'],
    ['Max-Forwards in words', inviteText({ 'Max-Forwards': 'many' }), 400, 'Malformed Max-Forwards'],
    ['a negative Content-Length', inviteText({ 'Content-Length': '-1' }), 400, 'Malformed Content-Length'],
    ['a Content-Length in hexadecimal', inviteText({ 'Content-Length': '0x10' }), 400, 'Malformed Content-Length'],
    [
      'an over-long Content-Length',
      inviteText({ 'Content-Length': '9'.repeat(30) }),
      400,
      'Content-Length exceeds the datagram',
    ],
    ['a body cut short', inviteText({ 'Content-Length': '10' }, 'short'), 400, 'Content-Length exceeds the datagram'],
    ['two From', inviteText({ f: '<sip:x@y>;tag=2' }), 400, 'Repeated From'],
    ['two Call-ID', inviteText({ i: 'other' }), 400, 'Repeated Call-ID'],
    ['two Content-Length', inviteText({ l: '0' }), 400, 'Repeated Content-Length'],
    ['an open quote in From', inviteText({ From: '"Alice <sip:a@b>;tag=1' }), 400, 'Malformed From'],
    ['an open bracket in To', inviteText({ To: '<sip:a@b;tag=1' }), 400, 'Malformed To'],
    ['a space within brackets', inviteText({ To: '< sip:a@b >' }), 400, 'Malformed To'],
    [
      'a header line without a colon',
      inviteText({ To: '<sip:a@b>\r\nthis is no header' }),
      400,
      'Malformed header line',
    ],
    ['a header without a name', inviteText({ To: '<sip:a@b>\r\n: value' }), 400, 'Malformed header line'],
    ['a header name with a space in it', inviteText({ To: '<sip:a@b>\r\nX Y: value' }), 400, 'Malformed header line'],
    ['a lone LF in a value', inviteText({ Subject: 'a\nEvil: b' }), 400, 'Line not ended by CRLF'],
    ['a lone CR in a value', inviteText({ Subject: 'a\rEvil: b' }), 400, 'Line not ended by CRLF'],
    ['headers without an end', inviteText().trimEnd(), 400, 'Headers not ended by an empty line'],
    ['another SIP version', inviteText().replace('SIP/2.0\r\n', 'SIP/7.0\r\n'), 505, 'Version Not Supported'],
    [
      'a space beyond ASCII in the Request-URI',
      inviteText().replace('sip:bob', 'sip:b\xc2\xa0b'),
      400,
      'Malformed Request-URI',
    ],
    ['no scheme in the Request-URI', inviteText().replace('sip:bob', 'bob'), 400, 'Malformed Request-URI'],
    [
      'headers in the Request-URI',
      inviteText().replace('example.com SIP', 'example.com?a=b SIP'),
      400,
      'Headers in Request-URI',
    ],
    ['HTTP', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', null, 'Not a SIP message'],
    ['nothing', '', null, 'Not a SIP message'],
    ['binary', '\u0000\u0001\u0002\u0003', null, 'Not a SIP message'],
    [
      'a bad ACK, which nobody answers',
      inviteText({ CSeq: '1 ACK', To: null }).replace('INVITE', 'ACK'),
      null,
      'Missing To',
    ],
  ]
  for (const [what, text, status, reason] of cases) {
    it(`refuses ${what}`, () => {
      const failure = refused(text)
      assert.deepEqual({ status: failure.status, reason: failure.reason }, { status, reason })
    })
  }

  it('reads on after a fault, so that the answer has its headers', () => {
    const { partial } = refused(inviteText({ Via: 'SIP/2.0/UDP 192.0.2.1:5062;;,', 'Max-Forwards': 'x' }))
    assert.equal(partial?.topVia?.port, 5062)
    assert.equal(partial?.callId, 'a84b4c76e66710@192.0.2.1')
    assert.equal(partial?.cseq, 314_159)
    assert.equal(partial?.fromTag, '1928301774')
  })

  it('allows MAX_HEADER_FIELDS fields and not one more', () => {
    const few = parsed(inviteText()).headers.length
    assert.equal(parsed(filler(MAX_HEADER_FIELDS - few)).headers.length, MAX_HEADER_FIELDS)
    assert.equal(refused(filler(MAX_HEADER_FIELDS - few + 1)).reason, 'Too many header fields')
  })

  it('allows fields of MAX_FIELD_BYTES and a Request-URI of MAX_URI_BYTES, and not one byte more', () => {
    assert.equal(parsed(inviteText({ Identity: 'x'.repeat(MAX_FIELD_BYTES) })).get('identity')?.length, MAX_FIELD_BYTES)
    const tooLarge = refused(inviteText({ Identity: 'x'.repeat(MAX_FIELD_BYTES + 1) }))
    assert.deepEqual([tooLarge.status, tooLarge.reason], [400, 'Header field too large'])
    const withUri = (length: number): string =>
      inviteText().replace('sip:bob@example.com', `sip:${'b'.repeat(length - 4)}`)
    assert.equal(parsed(withUri(MAX_URI_BYTES)).requestUri.length, MAX_URI_BYTES)
    const tooLong = refused(withUri(MAX_URI_BYTES + 1))
    assert.deepEqual([tooLong.status, tooLong.reason], [414, 'Request-URI Too Long'])
    assert.equal(tooLong.partial?.callId, 'a84b4c76e66710@192.0.2.1')
  })

  it('reads no more lines than headers may have, whatever they are', () => {
    for (const line of ['x\r\n', 'x\n', ' x\r\n', ' x\n']) {
      const text = inviteText().replace('\r\n\r\n', `\r\nSubject: x\r\n${line.repeat(5_000)}\r\n`)
      const { reason, partial } = refused(text)
      assert.match(reason, /Too many header lines|Malformed header line|Line not ended by CRLF/, JSON.stringify(line))
      assert.ok(partial!.headers.length < 20)
    }
  })

  it('keeps no more items of one list than there may be fields', () => {
    const { reason, partial } = refused(inviteText({ Contact: ','.repeat(10_000) }))
    assert.equal(reason, 'Malformed Contact')
    assert.ok(partial!.headers.length <= MAX_HEADER_FIELDS + 1)
  })

  it('takes time in proportion to the length, whatever the text', () => {
    const nasty = [
      inviteText({ Subject: ' \t'.repeat(30_000) }),
      inviteText({ Subject: 'a\r\n '.repeat(15_000) }),
      inviteText({ Via: ','.repeat(60_000) }),
      inviteText().replace('\r\n\r\n', `\r\n${'x\n'.repeat(30_000)}`),
      inviteText().replace('\r\n\r\n', `\r\n${'x\r\n'.repeat(20_000)}`),
      inviteText().replace('\r\n\r\n', `\r\nSubject: x\n${' x\n'.repeat(20_000)}`),
      inviteText({ From: '"'.repeat(60_001) }),
      inviteText({ From: `<sip:a@b>${';a'.repeat(30_000)}` }),
      inviteText({ Contact: '<'.repeat(60_000) }),
      `INVITE ${' SIP/2.0'.repeat(8000)} x\r\n\r\n`,
      `INVITE sip:a SIP/2.0${' '.repeat(60_000)}x\r\n\r\n`,
    ]
    const started = performance.now()
    for (const text of nasty) parseMessage(text)
    // Each takes a few milliseconds; a quadratic one takes seconds.
    assert.ok(performance.now() - started < 3000)
  })
})

describe('sip-server/wire-format app messages', () => {
  it('needs no header at all, and takes all after the empty line as the body', () => {
    const message = parseAppMessage(
      'INVITE sip:bob@127.0.0.1 SIP/2.0\r\nfrom: <sip:a@localhost>\r\ncontact: <sip:a@localhost>\r\nContent-Length: 1\r\n\r\nv=0\r\n',
    )
    assert.ok(!isParseFailure(message))
    assert.deepEqual([message.method, message.body, message.topVia, message.callId], ['INVITE', 'v=0\r\n', null, ''])
    assert.deepEqual(
      message.headers.map((field) => field.name),
      ['From', 'Contact', 'Content-Length'],
    )
  })

  it('allows the last CRLF CRLF to be missing', () => {
    for (const end of ['', '\r\n', '\r\n\r\n']) {
      const message = parseAppMessage(`SIP/2.0 486 Busy Here\r\ncseq: 1 INVITE${end}`)
      assert.ok(!isParseFailure(message))
      assert.deepEqual([message.status, message.cseq, message.body], [486, 1, ''])
    }
  })

  it('skips a line that is no header, and refuses a malformed value', () => {
    const skipped = parseAppMessage('BYE sip:placeholder SIP/2.0\r\nno header\r\nX-A: 1\r\n\r\n')
    assert.ok(!isParseFailure(skipped))
    assert.deepEqual(skipped.headers, [{ key: 'x-a', name: 'X-A', value: '1' }])
    const failure = parseAppMessage('BYE sip:placeholder SIP/2.0\r\nTo: <sip:a\r\n\r\n')
    assert.ok(isParseFailure(failure))
    assert.equal(failure.reason, 'Malformed To')
  })
})

describe('sip-server/wire-format serialize', () => {
  it('writes Content-Length itself, from the body', () => {
    const message = new SipMessage('', '', 200, 'OK')
    message.add('Content-Length', '99')
    message.add('Via', 'SIP/2.0/UDP h')
    message.body = 'abc'
    assert.equal(serialize(message), 'SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h\r\nContent-Length: 3\r\n\r\nabc')
  })

  it('keeps a line for each Via and route, and joins lists of tokens', () => {
    const message = new SipMessage('OPTIONS', 'sip:a', 0, '')
    for (const host of ['a', 'b']) message.add('Via', `SIP/2.0/UDP ${host}`)
    for (const tag of ['timer', '100rel']) message.add('Supported', tag)
    assert.equal(
      serialize(message),
      'OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nVia: SIP/2.0/UDP b\r\nSupported: timer, 100rel\r\nContent-Length: 0\r\n\r\n',
    )
  })
})
