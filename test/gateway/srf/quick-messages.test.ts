import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import * as fc from 'fast-check'
import { NAME_LIMIT, quickenMessages } from '../../../gateway/srf/quick-messages.ts'
import type { MessageClass, MessageParser } from '../../../gateway/srf/quick-messages.ts'
import { TORTURE } from '../sip-server/torture/messages.ts'

interface Message {
  readonly headers: Record<string, string>
  get(name: string): string | undefined
  has(name: string): boolean
}

interface Library {
  readonly parser: MessageParser
  readonly Message: MessageClass & (new (text: string) => Message)
}

/** drachtio-srf's reader of messages, loaded anew: nobody has changed it. */
function pristine(): Library {
  const require = createRequire(import.meta.url)
  const files = ['message', 'parser'].map((name) => require.resolve(`drachtio-srf/lib/sip-parser/${name}.js`))
  const kept = files.map((file) => require.cache[file])
  for (const file of files) delete require.cache[file]
  const Message = require('drachtio-srf/lib/sip-parser/message.js') as Library['Message']
  const parser = require('drachtio-srf/lib/sip-parser/parser.js') as MessageParser
  files.forEach((file, i) => (kept[i] ? (require.cache[file] = kept[i]) : delete require.cache[file]))
  return { parser, Message }
}

const pick = <T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values)
const startLine = pick(
  'INVITE sip:a@b SIP/2.0',
  'INVITE  sip:a@b SIP/2.0',
  'invite sip:a@b SIP/2.0',
  'INVITE sip:a@b SIP/2.0 ',
  'INVITE sip:a b SIP/2.0',
  'odd~%41 sip:a SIP / 3.1 x',
  'SIP/2.0 200 OK',
  'SIP/2.0 200 Very  well ',
  'SIP/2.0 200',
  'SIP/2.0 200  OK',
  'SIP/2.0 2000 OK',
  'SIP/7.0 404 Not Found',
  '',
)
const name = fc.oneof(
  pick('Call-ID', 'i', 'To', 't', 'FROM', 'X-Own', 'x-own', 'X-own', 'P-Asserted-Identity', 'P-Other', 'Diversion'),
  pick('Content-Type', 'c', 'CSeq', 'constructor', '__proto__', 'toString', '%54o', 'To ', ' To', '', 'Tö', 'a b'),
)
const value = fc.oneof(
  pick('', ' ', ' x', '\t x ', '\u00a0x', 'a\r\n b', 'a\n', '\n', 'é', '<sip:a@b>;tag=1', 'application/sdp'),
  pick('multipart/mixed;boundary=b', 'multipart/mixed', 'a:b', ':'),
  fc.string({ maxLength: 8 }),
)
const header = fc.tuple(name, pick(':', ': ', ' : ', ''), value).map((parts) => parts.join(''))
const ending = fc
  .tuple(
    pick('Content-Length: 5', 'Content-Length:0', 'l: 3', 'Content-Length: x', 'Content-Length: 99', 'X-None: 1'),
    pick('\r\n\r\n', '\r\n', '\r\n\r\n\r\n', ''),
    pick('', 'v=0\r\n', 'héllo', '--b\r\n\r\nx\r\n--b--', 'a\r\n\r\nb'),
  )
  .map((parts) => parts.join(''))
const message = fc
  .tuple(startLine, fc.array(header, { maxLength: 4 }), ending)
  .map(([start, headers, end]) => [start, ...headers, end].join('\r\n'))

describe('messages read quickly', () => {
  const original = pristine()
  const quick = pristine()
  quickenMessages(quick.parser, quick.Message)

  const read = ({ parser }: Library, text: string): unknown => {
    try {
      return parser.parseSipMessage(text, true)
    } catch (error) {
      return String(error)
    }
  }

  it('are what drachtio-srf makes of them, to the last property', () => {
    fc.assert(
      fc.property(message, (text) => assert.deepEqual(read(quick, text), read(original, text))),
      { numRuns: 20_000 },
    )
    for (const [title, text] of Object.entries(TORTURE))
      assert.deepEqual(read(quick, text), read(original, text), title)
  })

  it('have the headers drachtio-srf finds, however they are asked for', () => {
    const names = pick('call-id', 'Call-ID', 'i', 'TO', 'X-Own', 'x-own', 'x-OWN', 'p-other', 'diversion')
    fc.assert(
      fc.property(message, names, (text, asked) => {
        if (read(original, text) === undefined) return
        const [ours, theirs] = [new quick.Message(text), new original.Message(text)]
        assert.deepEqual(ours.headers, theirs.headers)
        assert.equal(ours.get(asked), theirs.get(asked))
        assert.equal(ours.has(asked), theirs.has(asked))
      }),
      { numRuns: 5_000 },
    )
  })

  it('do not go to the original when they are ordinary', () => {
    const { parser, Message } = pristine()
    const asked: string[] = []
    const parse = parser.parseSipMessage
    parser.parseSipMessage = (text, isLazy) => (asked.push(text), parse(text, isLazy))
    quickenMessages(parser, Message)
    const text = 'BYE sip:a@b SIP/2.0\r\nX-Own: 1\r\nTo: <sip:a@b>\r\nTo: b\r\nContent-Length: 0\r\n\r\n'
    assert.equal(parser.parseSipMessage(text, true)?.headers['to'], '<sip:a@b>,b')
    assert.deepEqual(asked, [])
  })

  it('make no more names remembered than there is room for', () => {
    const { parser, Message } = pristine()
    let asked = 0
    const nameOf = parser.getHeaderName
    parser.getHeaderName = (asWritten) => (asked++, nameOf(asWritten))
    quickenMessages(parser, Message)
    for (let i = 0; i < NAME_LIMIT + 10; i++) parser.getHeaderName(`Made-Up-${i}`)
    asked = 0
    assert.equal(parser.getHeaderName('Made-Up-0'), 'made-up-0')
    assert.equal(asked, 0)
    assert.equal(parser.getHeaderName(`Made-Up-${NAME_LIMIT + 9}`), `made-up-${NAME_LIMIT + 9}`)
    assert.equal(asked, 1)
  })
})
