import assert from 'node:assert/strict'

import * as fc from 'fast-check'

import { parseNameAddr, parseVia, setParam, getParam, removeParam } from '../../../gateway/sip-server/headers.ts'
import { SipMessage } from '../../../gateway/sip-server/message.ts'
import type { HeaderField } from '../../../gateway/sip-server/message.ts'
import { parseUri, serializeUri } from '../../../gateway/sip-server/uri.ts'
import type { Uri } from '../../../gateway/sip-server/uri.ts'
import {
  isParseFailure,
  parseAppMessage,
  parseMessage,
  serialize,
  StreamFramer,
} from '../../../gateway/sip-server/wire-format.ts'
import { inviteText, lines } from './builders.ts'

const anyOf = (characters: string): fc.Arbitrary<string> => fc.constantFrom(...characters.split(''))
const token = fc.string({ unit: anyOf("abcXYZ019-.!%*_+`'~"), minLength: 1, maxLength: 12 })
const hostName = fc.string({ unit: anyOf('abz019-.'), minLength: 1, maxLength: 12 })
const host = fc.oneof(
  hostName,
  fc.ipV4(),
  fc.ipV6().map((address) => `[${address}]`),
)
const latin1 = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
  maxLength: 40,
})
const printable = fc.string({
  unit: fc
    .integer({ min: 33, max: 255 })
    .filter((code) => code !== 127)
    .map((code) => String.fromCharCode(code)),
  minLength: 1,
  maxLength: 40,
})
const port = fc.option(fc.integer({ min: 1, max: 65_535 }))

const uri: fc.Arbitrary<Uri> = fc.record({
  scheme: fc.constantFrom('sip' as const, 'sips' as const),
  user: latin1.filter((text) => text !== ''),
  password: fc.option(latin1),
  host,
  port,
  params: fc
    .dictionary(
      token.map((name) => name.toLowerCase()),
      latin1,
    )
    .map((params) => new Map(Object.entries(params))),
  headers: fc.array(fc.tuple(token, latin1), { maxLength: 3 }),
})

const via = fc
  .record({ transport: fc.constantFrom('UDP', 'tcp', 'TLS', 'X-Y'), host, port, branch: token })
  .map(
    (parts) =>
      `SIP/2.0/${parts.transport} ${parts.host}${parts.port === null ? '' : `:${parts.port}`};branch=${parts.branch}`,
  )

const request = fc
  .record({
    method: token,
    uri: uri.map((value) => serializeUri({ ...value, headers: [] })),
    vias: fc.array(via, { minLength: 1, maxLength: 3 }),
    fromTag: token,
    callId: token,
    cseq: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
    others: fc.array(
      fc.tuple(
        token.map((name) => `X-${name}`),
        printable,
      ),
      { maxLength: 4 },
    ),
    body: latin1,
  })
  .map((parts) => {
    const text = lines(`${parts.method} ${parts.uri} SIP/2.0`, {
      Via: parts.vias.join(' , '),
      From: `<sip:a@b>;tag=${parts.fromTag}`,
      To: '<sip:c@d>',
      'Call-ID': parts.callId,
      CSeq: `${parts.cseq} ${parts.method}`,
      'Content-Length': String(parts.body.length),
    })
    const others = parts.others.map(([name, value]) => `${name}: ${value}\r\n`).join('')
    return { ...parts, text: `${text.slice(0, -2)}${others}\r\n${parts.body}` }
  })

/** A sound message with bytes changed, cut out or put in. */
const damaged = fc
  .tuple(request, fc.array(fc.tuple(fc.nat(), fc.nat(6), latin1), { minLength: 1, maxLength: 6 }))
  .map(([{ text }, edits]) =>
    edits.reduce((changed, [at, cut, put]) => {
      const from = at % (changed.length + 1)
      return changed.slice(0, from) + put + changed.slice(from + cut)
    }, text),
  )

const isLength = (field: HeaderField): boolean => field.key === 'content-length'

/** Serialising moves Content-Length to the end. */
function lengthLast(message: SipMessage): SipMessage {
  const { headers } = message
  return Object.assign(new SipMessage('', '', 0, ''), message, {
    headers: [...headers.filter((field) => !isLength(field)), ...headers.filter(isLength)],
  })
}

describe('sip-server/wire-format properties', () => {
  it('parses what it serialises, and nothing is lost', () => {
    fc.assert(
      fc.property(request, (parts) => {
        const message = parseMessage(parts.text)
        assert.ok(!isParseFailure(message), isParseFailure(message) ? message.reason : '')
        assert.deepEqual(
          [message.method, message.requestUri, message.cseq, message.body],
          [parts.method, parts.uri, parts.cseq, parts.body],
        )
        assert.deepEqual(message.getAll('via'), parts.vias)
        assert.equal(message.fromTag, parts.fromTag)
        const written = serialize(message)
        const again = parseMessage(written)
        assert.ok(!isParseFailure(again))
        assert.deepEqual(lengthLast(again), lengthLast(message))
        assert.equal(serialize(again), written)
      }),
      { numRuns: 300 },
    )
  })

  it('never throws on a damaged message, and what parses serialises to the same again', () => {
    fc.assert(
      fc.property(damaged, (text) => {
        parseAppMessage(text)
        const message = parseMessage(text)
        if (isParseFailure(message)) return
        const again = parseMessage(serialize(message))
        assert.ok(!isParseFailure(again), isParseFailure(again) ? again.reason : '')
        assert.equal(serialize(again), serialize(message))
        assert.deepEqual(
          [again.topVia, again.callId, again.fromTag, again.toTag],
          [message.topVia, message.callId, message.fromTag, message.toTag],
        )
      }),
      { numRuns: 1000 },
    )
  })

  it('never throws on arbitrary bytes', () => {
    fc.assert(
      fc.property(latin1, (text) => {
        parseMessage(text)
        parseAppMessage(text)
        parseUri(text)
        parseUri(`sip:${text}`)
        parseUri(`tel:${text}`)
        parseNameAddr(text)
        parseVia(text)
        parseMessage(inviteText({ From: text, Contact: text, Via: text, CSeq: text }))
        new StreamFramer().push(Buffer.from(text, 'latin1'))
      }),
      { numRuns: 1000 },
    )
  })

  it('frames a stream the same however it is cut', () => {
    fc.assert(
      fc.property(
        fc.array(request, { minLength: 1, maxLength: 4 }),
        fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1 }),
        (requests, cuts) => {
          const bytes = Buffer.from(requests.map((one) => one.text).join('\r\n\r\n'), 'latin1')
          const framer = new StreamFramer()
          const bodies: string[] = []
          let pings = 0
          for (let at = 0, i = 0; at < bytes.length; i++) {
            const size = cuts[i % cuts.length]!
            const input = framer.push(bytes.subarray(at, at + size))
            at += size
            assert.equal(input.fatal, null)
            pings += input.pings
            for (const message of input.messages) {
              assert.ok(!isParseFailure(message))
              bodies.push(message.body)
            }
          }
          assert.deepEqual(
            bodies,
            requests.map((one) => one.body),
          )
          assert.equal(pings, requests.length - 1)
          assert.equal(framer.bufferedBytes, 0)
        },
      ),
      { numRuns: 200 },
    )
  })

  it('reads back every URI that it writes', () => {
    fc.assert(
      fc.property(uri, (value) => assert.deepEqual(parseUri(serializeUri(value)), { ...value })),
      { numRuns: 500 },
    )
  })

  it('gets the parameter that it set, and removing it restores the value', () => {
    fc.assert(
      fc.property(
        token,
        token,
        fc.constantFrom('<sip:a;x=1@b;tag=no>', '"q;tag=no" <sip:a@b>', 'sip:a@b;lr', '<sip:a@b> ; Lr = "a;b"'),
        (name, value, start) => {
          fc.pre(!['lr'].includes(name.toLowerCase()))
          const changed = setParam(start, name, value)
          assert.equal(getParam(changed, name), value)
          assert.equal(removeParam(changed, name), start)
        },
      ),
    )
  })
})
