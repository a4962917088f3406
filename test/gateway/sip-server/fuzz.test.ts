import assert from 'node:assert/strict'

import * as fc from 'fast-check'

import { SipMessage } from '../../../gateway/sip-server/message.ts'
import { isParseFailure, parseMessage, serialize } from '../../../gateway/sip-server/wire-format.ts'

/** Messages by the grammar, and as many broken ones: RFC 3261 §25. Together more than 100,000. */
const WELL_FORMED = 60_000
const BROKEN = 60_000
/** No message may take longer, ms. */
const LONGEST_MS = 5

const pick = <T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values)
const text = (units: string, maxLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: pick(...units.split('')), minLength: 1, maxLength })

const token = text("abcXYZ0189-.!%*_+`'~", 10)
const host = fc.oneof(
  { weight: 3, arbitrary: pick('example.com', 'a-1.example.org', 'h', '192.0.2.1') },
  { weight: 1, arbitrary: pick('[2001:db8::1]', '[::ffff:192.0.2.9]', '[::1]') },
)
const port = pick('', ':5060', ':1', ':65535')
const user = text("abz019-_.!~*'()&=+$,;?/", 12)
const params = fc
  .uniqueArray(token, { maxLength: 3, selector: (name) => name.toLowerCase() })
  .map((names) => names.map((name, i) => (i % 2 === 0 ? `;${name}` : `;${name}=v${i}`)).join(''))
const uri = fc
  .tuple(pick('sip:', 'sips:', 'SIP:'), fc.option(user), host, port, params)
  .map(([scheme, who, where, at, rest]) => `${scheme}${who === null ? '' : `${who}@`}${where}${at}${rest}`)
const quoted = text('abc ,;<>@:01\u00fc\u00ff', 12).map((inside) => `"${inside}\\"\\\\"`)
const display = fc.oneof(pick('', 'Alice ', 'A. B. '), quoted)
const nameAddr = fc.tuple(display, uri).map(([name, inside]) => `${name}<${inside}>`)
const white = pick('', ' ', '  ', '\t', '\r\n ', ' \r\n\t')
const colon = fc.tuple(pick('', ' ', '\t'), white).map(([before, after]) => `${before}:${after}`)

const headerName = (long: string, short: string): fc.Arbitrary<string> =>
  pick(long, short, long.toUpperCase(), long.toLowerCase())
const list = (value: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .tuple(fc.array(value, { minLength: 1, maxLength: 3 }), white)
    .map(([values, between]) => values.join(`${between},${between}`))
const header = (name: fc.Arbitrary<string>, value: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.tuple(name, colon, value).map((parts) => parts.join(''))

const via = fc
  .tuple(pick('UDP', 'TCP', 'TLS', 'WSS', 'X-y'), host, port, token, params)
  .map(([transport, where, at, branch, rest]) => `SIP/2.0/${transport} ${where}${at};branch=z9hG4bK${branch}${rest}`)

const optional = fc.array(
  fc.oneof(
    header(headerName('Contact', 'm'), list(nameAddr)),
    header(pick('Route', 'Record-Route', 'ROUTE'), list(nameAddr)),
    header(headerName('Supported', 'k'), list(token)),
    header(headerName('Subject', 's'), text('abc,;:"<>\u00e4 x', 20)),
    header(pick('P-Asserted-Identity', 'Diversion'), list(nameAddr)),
    header(pick('X-Odd', 'Organization'), text('abc,;:<>= x', 30)),
    header(pick('Accept', 'Allow', 'Require'), list(token)),
  ),
  { maxLength: 5 },
)

const body = fc.string({ unit: fc.nat(255).map((code) => String.fromCharCode(code)), maxLength: 60 })

interface Generated {
  readonly text: string
  readonly isRequest: boolean
}

const message: fc.Arbitrary<Generated> = fc
  .record({
    method: pick('INVITE', 'ACK', 'BYE', 'OPTIONS', 'MESSAGE', 'PRACK', 'odd~method'),
    status: fc.option(fc.integer({ min: 100, max: 699 })),
    uri,
    vias: fc.array(header(headerName('Via', 'v'), list(via)), { minLength: 1, maxLength: 2 }),
    from: header(headerName('From', 'f'), nameAddr),
    to: header(headerName('To', 't'), nameAddr),
    tags: fc.tuple(token, fc.option(token)),
    callId: fc.tuple(headerName('Call-ID', 'i'), colon, text('abc01@.<>"', 16)).map((parts) => parts.join('')),
    cseq: fc.nat(2 ** 31 - 1),
    optional,
    expires: fc.option(fc.nat(2 ** 31)),
    body,
    order: fc.nat(),
  })
  .map((parts) => {
    const isRequest = parts.status === null
    const start = isRequest ? `${parts.method} ${parts.uri} SIP/2.0` : `SIP/2.0 ${parts.status} Some reason`
    const fields = [
      ...parts.vias,
      `${parts.from};tag=${parts.tags[0]}`,
      parts.tags[1] === null ? parts.to : `${parts.to} ; tag = ${parts.tags[1]}`,
      parts.callId,
      `CSeq: ${parts.cseq} ${parts.method}`,
      `Content-Length: ${parts.body.length}`,
      ...parts.optional,
      ...(parts.expires === null ? [] : [`Expires: ${parts.expires}`]),
    ]
    // Header fields stand in any order (§7.3.1), but for those of one name.
    const turn = parts.order % fields.length
    const turned = [...fields.slice(turn), ...fields.slice(0, turn)]
    return { isRequest, text: `${start}\r\n${turned.join('\r\n')}\r\n\r\n${parts.body}` }
  })

const edit = fc.oneof(
  fc.record({ kind: pick('cut'), at: fc.nat(), size: fc.nat(9), put: pick('') }),
  fc.record({
    kind: pick('put'),
    at: fc.nat(),
    size: pick(0),
    put: pick('"', '<', '>', '\r\n', '\r\n ', ',', ';', '\0', '\\', ':', '@', '%', '[', '\r', '\n\n', 'Via: '),
  }),
  fc.record({
    kind: pick('change'),
    at: fc.nat(),
    size: pick(1),
    put: fc.nat(255).map((code) => String.fromCharCode(code)),
  }),
  fc.record({
    kind: pick('swell'),
    at: fc.nat(),
    size: pick(0),
    put: pick(',', ';', '"', '<', ' ', '(', '\\', 'a').map((unit) => unit.repeat(2_000)),
  }),
)
const broken = fc.tuple(message, fc.array(edit, { minLength: 1, maxLength: 4 })).map(([{ text: whole }, edits]) =>
  edits.reduce((changed, { at, size, put }) => {
    const from = at % (changed.length + 1)
    return changed.slice(0, from) + put + changed.slice(from + size)
  }, whole),
)

/** Parses, and makes sure of the time: a slow run is believed only when it is slow again, and again. */
function parseInTime(datagram: string): ReturnType<typeof parseMessage> {
  for (let tries = 1; ; tries++) {
    const startMs = performance.now()
    const result = parseMessage(datagram)
    const tookMs = performance.now() - startMs
    if (tookMs <= LONGEST_MS) return result
    assert.ok(tries < 5, `${datagram.length} bytes took ${tookMs.toFixed(1)} ms to parse, five times`)
  }
}

/** Writing gives every message the Content-Length it has, and an empty list says the same as no list. */
const essence = (of: SipMessage): SipMessage =>
  Object.assign(new SipMessage('', '', 0, ''), of, {
    headers: of.headers.filter(({ key, value }) => key !== 'content-length' && value !== ''),
  })

/** What was read is written so that it is read the same again, and written the same from then on. */
function checkRoundTrip(result: SipMessage): void {
  const written = serialize(result)
  const again = parseMessage(written)
  assert.ok(!isParseFailure(again), isParseFailure(again) ? `${again.reason}:\n${written}` : '')
  assert.deepEqual(essence(again), essence(result))
  assert.equal(serialize(essence(again)), serialize(essence(result)))
}

describe('the parser, fuzzed', function () {
  this.timeout(300_000)

  it(`reads ${WELL_FORMED} messages of the grammar and writes them so that they read the same`, () => {
    fc.assert(
      fc.property(message, ({ text: datagram, isRequest }) => {
        const result = parseInTime(datagram)
        assert.ok(!isParseFailure(result), isParseFailure(result) ? result.reason : '')
        assert.equal(result.isRequest, isRequest)
        checkRoundTrip(result)
      }),
      { numRuns: WELL_FORMED },
    )
  })

  it(`survives ${BROKEN} broken ones: a message, or a failure that names its header, never a throw, never long`, () => {
    fc.assert(
      fc.property(broken, (datagram) => {
        const result = parseInTime(datagram)
        if (isParseFailure(result)) assert.ok(result.reason.length > 3)
        else checkRoundTrip(result)
      }),
      { numRuns: BROKEN },
    )
  })
})
