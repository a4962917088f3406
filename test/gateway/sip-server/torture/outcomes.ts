import assert from 'node:assert/strict'

import { getParam, parseNameAddr, parseVia } from '../../../../gateway/sip-server/headers.ts'
import type { SipMessage } from '../../../../gateway/sip-server/message.ts'
import { parseUri } from '../../../../gateway/sip-server/uri.ts'

/** What the RFC wants of a parser. `check` looks at what is special in a valid message; a later layer's refusal is in `later`. */
export type Outcome =
  | { name: string; section: string; parses: true; later?: string; check?: (message: SipMessage) => void }
  | { name: string; section: string; parses: false; status: number | null; reason: string }

const ok = (name: string, section: string, check?: (message: SipMessage) => void): Outcome =>
  check === undefined ? { name, section, parses: true } : { name, section, parses: true, check }
const later = (name: string, section: string, why: string): Outcome => ({ name, section, parses: true, later: why })
const bad = (name: string, section: string, status: number | null, reason: string): Outcome => ({
  name,
  section,
  parses: false,
  status,
  reason,
})

export const OUTCOMES: readonly Outcome[] = [
  ok('wsinv', '3.1.1.1', (message) => {
    assert.equal(message.getAll('via').length, 3)
    assert.deepEqual(message.topVia, {
      transport: 'UDP',
      host: '192.0.2.2',
      port: null,
      branch: '390skdjuw',
      received: null,
      rport: null,
      keep: null,
      hasAlias: false,
    })
    assert.equal(parseVia(message.getAll('via')[1]!)?.branch, 'z9hG4bK9ikj8')
    assert.deepEqual([message.cseq, message.fromTag, message.toTag], [9, '98asjd8', '1918181833n'])
    assert.equal(parseNameAddr(message.get('from')!)?.displayName, 'J Rosenberg \\"')
    assert.equal(getParam(message.get('contact')!, 'secondparam'), '')
    assert.equal(getParam(message.get('contact')!, 'q'), '0.33')
    assert.deepEqual(message.getAll('route'), ['<sip:services.example.com;lr;unknownwith=value;unknown-no-value>'])
  }),
  ok('intmeth', '3.1.1.2', (message) => {
    assert.equal(message.method, "!interesting-Method0123456789_*+`.%indeed'~")
    assert.equal(message.cseqMethod, message.method)
    assert.equal(parseNameAddr(message.get('to')!)?.displayName, 'BEL:\u0007 NUL:\u0000 DEL:\u007f')
    assert.equal(message.fromTag, "_token~1'+`*%!-.")
  }),
  ok('esc01', '3.1.1.3', (message) => {
    assert.equal(parseUri(message.requestUri)?.user, 'sips:user@example.com')
    assert.equal(parseUri(parseNameAddr(message.get('contact')!)!.uri)?.params.get('lr'), '')
  }),
  ok('escnull', '3.1.1.4', (message) => {
    assert.equal(parseUri(parseNameAddr(message.get('to')!)!.uri)?.user, 'null-\u0000-null')
    assert.equal(message.getAll('contact').length, 2)
  }),
  ok('esc02', '3.1.1.5', (message) => {
    assert.equal(message.method, 'RE%47IST%45R')
    assert.equal(parseNameAddr(message.get('to')!)?.displayName, '%Z%45')
    assert.deepEqual(message.getAll('contact').length, 2)
  }),
  ok('lwsdisp', '3.1.1.6', (message) => assert.equal(parseNameAddr(message.get('from')!)?.displayName, 'caller')),
  ok('longreq', '3.1.1.7', (message) => {
    assert.equal(message.getAll('via').length, 34)
    assert.equal(String(message.body.length), message.get('content-length'))
    assert.ok(message.callId.length > 100)
  }),
  ok('dblreq', '3.1.1.8', (message) => assert.equal(message.body, '')),
  ok('semiuri', '3.1.1.9', (message) => assert.equal(parseUri(message.requestUri)?.user, 'user;par=u@example.net')),
  ok('transports', '3.1.1.10', (message) => {
    const transports = message.getAll('via').map((via) => parseVia(via)?.transport)
    assert.deepEqual(transports, ['UDP', 'SCTP', 'TLS', 'UNKNOWN', 'TCP'])
  }),
  ok('mpart01', '3.1.1.11', (message) => assert.equal(String(message.body.length), message.get('content-length'))),
  ok('unreason', '3.1.1.12', (message) => {
    assert.equal(
      Buffer.from(message.reason, 'latin1').toString('utf8'),
      '= 2**3 * 5**2 \u043d\u043e \u0441\u0442\u043e \u0434\u0435\u0432\u044f\u043d\u043e\u0441\u0442\u043e \u0434\u0435\u0432\u044f\u0442\u044c - \u043f\u0440\u043e\u0441\u0442\u043e\u0435',
    )
  }),
  ok('noreason', '3.1.1.13', (message) => assert.equal(message.reason, '')),

  // The Via is malformed, but enough of it is sound to answer to.
  bad('badinv01', '3.1.2.1', 400, 'Malformed Via'),
  bad('clerr', '3.1.2.2', 400, 'Content-Length exceeds the datagram'),
  bad('ncl', '3.1.2.3', 400, 'Malformed Content-Length'),
  bad('scalar02', '3.1.2.4', 400, 'CSeq number too large'),
  bad('scalarlg', '3.1.2.5', null, 'CSeq number too large'),
  bad('quotbal', '3.1.2.6', 400, 'Malformed To'),
  bad('ltgtruri', '3.1.2.7', 400, 'Malformed Request-URI'),
  bad('lwsruri', '3.1.2.8', 400, 'Malformed Request-URI'),
  bad('lwsstart', '3.1.2.9', 400, 'Malformed Request-URI'),
  bad('trws', '3.1.2.10', 400, 'Malformed Request-Line'),
  bad('escruri', '3.1.2.11', 400, 'Headers in Request-URI'),
  // The RFC lets an element that has no use for the Date ignore it, and we have none.
  ok('baddate', '3.1.2.12', (message) => assert.match(message.get('date')!, /EST$/)),
  bad('regbadct', '3.1.2.13', 400, 'Malformed Contact'),
  bad('badaspec', '3.1.2.14', 400, 'Malformed To'),
  bad('baddn', '3.1.2.15', 400, 'Malformed From'),
  bad('badvers', '3.1.2.16', 505, 'Version Not Supported'),
  bad('mismatch01', '3.1.2.17', 400, 'CSeq method does not match'),
  bad('mismatch02', '3.1.2.18', 400, 'CSeq method does not match'),
  bad('bigcode', '3.1.2.19', null, 'Malformed Status-Line'),

  ok('badbranch', '3.2.1', (message) => assert.equal(message.topVia?.branch, 'z9hG4bK')),
  bad('insuf', '3.3.1', 400, 'Missing From'),
  later('unkscm', '3.3.2', '416 by the server'),
  later('novelsc', '3.3.3', '416 by the server'),
  later('unksm2', '3.3.4', 'a registrar answers 416 or 400 for the To'),
  later('bext01', '3.3.5', '420 by the server'),
  later('invut', '3.3.6', '415 by the application'),
  later('regaut01', '3.3.7', '401 by the application'),
  bad('multi01', '3.3.8', 400, 'Repeated CSeq'),
  bad('mcl01', '3.3.9', 400, 'Repeated Content-Length'),
  later('bcast', '3.3.10', 'dropped: its top Via is not ours'),
  later('zeromf', '3.3.11', '483 by a proxy, answered by a UAS'),
  ok('cparam01', '3.3.12', (message) => assert.equal(getParam(message.get('contact')!, 'unknownparam'), '')),
  ok('cparam02', '3.3.13', (message) => {
    assert.equal(getParam(message.get('contact')!, 'unknownparam'), null)
    assert.equal(parseUri(parseNameAddr(message.get('contact')!)!.uri)?.params.get('unknownparam'), '')
  }),
  ok('regescrt', '3.3.14', (message) => {
    assert.deepEqual(parseUri(parseNameAddr(message.get('contact')!)!.uri)?.headers, [
      ['Route', '<sip:sip.example.com>'],
    ])
  }),
  later('sdp01', '3.3.15', '406 or 488 by the application'),
  ok('inv2543', '3.4.1', (message) => {
    assert.deepEqual([message.topVia?.branch, message.fromTag], ['', ''])
    assert.ok(message.body.startsWith('v=0'))
  }),
]

/**
 * What a server does that has an application for everything: `shown` to it; a status it answers by itself; `nothing`. Where the RFC
 * leaves a choice, ours is here with its reason.
 */
export const REACTIONS: Readonly<Record<string, 'shown' | 'nothing' | number>> = {
  wsinv: 481, // It has a To tag, and no such dialog is up.
  // RFC 3261 §21.5.2: a method the server does not recognise; 405 would be for one it knows.
  intmeth: 501,
  esc01: 'shown',
  escnull: 'shown',
  esc02: 501, // RE%47IST%45R is not REGISTER: escapes mean nothing in a method.
  lwsdisp: 'shown',
  longreq: 'shown',
  dblreq: 'shown', // Over UDP, what follows the first message is noise.
  semiuri: 'shown',
  transports: 'shown',
  mpart01: 'shown',
  unreason: 'nothing', // Responses to nothing we sent.
  noreason: 'nothing',
  badinv01: 400,
  clerr: 400,
  ncl: 400,
  scalar02: 400,
  scalarlg: 'nothing',
  quotbal: 400,
  ltgtruri: 400,
  lwsruri: 400,
  lwsstart: 400,
  trws: 400,
  escruri: 400,
  baddate: 'shown',
  regbadct: 400,
  badaspec: 400,
  baddn: 400,
  badvers: 505,
  mismatch01: 400,
  mismatch02: 400,
  bigcode: 'nothing',
  badbranch: 'shown', // The magic alone is no branch: matched as RFC 2543 has it.
  insuf: 400,
  unkscm: 416,
  novelsc: 416,
  unksm2: 'shown', // To whom it may concern: the registrar knows its own.
  bext01: 420,
  invut: 415,
  regaut01: 'shown',
  multi01: 400,
  mcl01: 400,
  bcast: 'nothing',
  zeromf: 'shown', // "This request may be answered by the element it reached": only a proxy has to refuse.
  cparam01: 'shown',
  cparam02: 'shown',
  regescrt: 'shown',
  sdp01: 'shown',
  // Legal in RFC 2543. A call cannot be made of it: drachtio-srf builds no dialog without a Contact, so it is told at once.
  inv2543: 400,
}
