import { lines } from '../builders.ts'

/**
 * The 49 situations of RFC 4475, each written anew from the RFC's description of it: other people, other hosts, the same trap. Where
 * a value is itself the trap (an out-of-range number, a method of odd characters) it is the RFC's.
 */
type Headers = Record<string, string | null>

const SDP = [
  'v=0',
  'o=- 8120 1 IN IP4 192.0.2.90',
  's=-',
  'c=IN IP4 192.0.2.90',
  't=0 0',
  'm=audio 40000 RTP/AVP 0 8',
  'a=rtpmap:8 PCMA/8000',
  '',
].join('\r\n')

let count = 0

/** A sound request of its own Call-ID; `changes` replace its headers, add to them or (null) take them away. */
function request(method: string, uri: string, changes: Headers = {}, body = ''): string {
  const n = ++count
  const headers: Headers = {
    Via: `SIP/2.0/UDP phone${n}.example.net;branch=z9hG4bKt${n}`,
    'Max-Forwards': '70',
    From: `<sip:carol@example.net>;tag=from${n}`,
    To: '<sip:dave@example.com>',
    'Call-ID': `torture-${n}@example.net`,
    CSeq: `${n} ${method}`,
    ...(method === 'INVITE' && { Contact: `<sip:carol@phone${n}.example.net>` }),
    ...(body !== '' && { 'Content-Type': 'application/sdp' }),
    'Content-Length': String(body.length),
    ...changes,
  }
  return lines(`${method} ${uri} SIP/2.0`, headers, body)
}

const invite = (uri: string, changes: Headers = {}): string => request('INVITE', uri, changes, SDP)
const options = (uri: string, changes: Headers = {}): string => request('OPTIONS', uri, changes)
const register = (changes: Headers = {}): string => request('REGISTER', 'sip:example.com', changes)

function response(statusLine: string, changes: Headers = {}, body = ''): string {
  const n = ++count
  return lines(
    `SIP/2.0 ${statusLine}`,
    {
      Via: `SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKr${n}`,
      From: `<sip:erin@example.com>;tag=from${n}`,
      To: `<sip:frank@example.org>;tag=to${n}`,
      'Call-ID': `torture-${n}@example.com`,
      CSeq: `${n} INVITE`,
      Contact: '<sip:frank@host.example.org>',
      'Content-Length': String(body.length),
      ...changes,
    },
    body,
  )
}

const INTERESTING = "!interesting-Method0123456789_*+`.%indeed'~"
const URI = 'sip:dave@example.com'
const long = (word: string, times: number): string => word.repeat(times)

/** §3.1.1.1: every way to fold, space, abbreviate and capitalise that the grammar has, in one INVITE. */
const wsinv = [
  'INVITE sip:dave@example.com;unknownparam SIP/2.0',
  'TO :',
  ' sip:dave@example.com ;   tag    = 1918181833n',
  'from   : "J Rosenberg \\\\\\""       <sip:jdrosen@example.com>',
  '  ;',
  '  tag = 98asjd8',
  'MaX-fOrWaRdS: 0068',
  'Call-ID: torture-ws@192.0.2.1',
  `Content-Length   : ${SDP.length}`,
  'cseq: 0009',
  '  INVITE',
  'Via  : SIP  /   2.0',
  ' /UDP',
  '    192.0.2.2;branch=390skdjuw',
  's :',
  'NewHeader:   of one line',
  ' and of another',
  'OddValue: ;;,,;;,;',
  'Content-Type: application/sdp',
  'Route:',
  ' <sip:services.example.com;lr;unknownwith=value;unknown-no-value>',
  'v:  SIP  / 2.0  / TCP     spindle.example.com   ;',
  '  branch  =   z9hG4bK9ikj8  ,',
  ' SIP  /    2.0   / UDP  192.168.255.111   ; branch=',
  ' z9hG4bK30239',
  'm:"Quoted string \\"\\"" <sip:jdrosen@example.com> ; newparam =',
  '      newvalue ;',
  '  secondparam ; q = 0.33',
  '',
  SDP,
].join('\r\n')

/** §3.1.1.7: long everything; 34 Via fields in every spelling, the first 33 without a branch. */
function longRequest(): string {
  const spellings = ['Via', 'v', 'V', 'ViA', 'VIa', 'VIA', 'via', 'viA', 'vIa', 'vIA', 'V ', 'v  ', 'Via  ']
  const vias = Array.from(
    { length: 33 },
    (_, i) => `${spellings[i % spellings.length]}: SIP/2.0/TCP sip${33 - i}.example.com`,
  )
  return [
    'INVITE sip:dave@example.com SIP/2.0',
    `To: "A name of ${long('extreme', 10)} proportion"<sip:dave@example.com:6000;p1=${long('very', 30)};p2;p3=${long('long', 20)}>`,
    `F: sip:${long('amazinglylongcallername', 5)}@example.net;tag=${long('12982', 20)};unknown=${long('bing', 30)}`,
    `Call-ID: torture-${long('really', 20)}long`,
    'CSeq: 3882340 INVITE',
    `Unknown-${long('Long', 20)}-Name: ${long('unknown-', 10)}value; with=${long('parameters', 10)}`,
    ...vias,
    `Via  : SIP/2.0/TCP host.example.com;received=192.0.2.5;branch=${long('verylong', 25)}`,
    'Max-Forwards: 70',
    `Contact: <sip:${long('amazinglylongcallername', 5)}@host5.example.net>`,
    'Content-Type: application/sdp',
    `l: ${SDP.length}`,
    '',
    SDP,
  ].join('\r\n')
}

const BOUNDARY = 'a-line-between'
const MULTIPART = [
  `--${BOUNDARY}`,
  'Content-Type: text/plain',
  '',
  'Hello',
  `--${BOUNDARY}`,
  'Content-Type: application/octet-stream',
  '',
  String.fromCharCode(...Array.from({ length: 256 }, (_, byte) => byte)),
  `--${BOUNDARY}--`,
  '',
].join('\r\n')

/** UTF-8 on the wire, one character a byte. */
const utf8 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1')
const RUSSIAN =
  '\u043d\u043e \u0441\u0442\u043e \u0434\u0435\u0432\u044f\u043d\u043e\u0441\u0442\u043e \u0434\u0435\u0432\u044f\u0442\u044c - \u043f\u0440\u043e\u0441\u0442\u043e\u0435'

export const TORTURE: Readonly<Record<string, string>> = {
  wsinv,
  intmeth: request(INTERESTING, "sip:1_odd.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,pass@example.com", {
    Via: "SIP/2.0/TCP host1.example.com;branch=z9hG4bK-.!%66*_+`'~",
    To: '"BEL:\\\u0007 NUL:\\\u0000 DEL:\\\u007f" <sip:1_odd.URI~(to-be!sure)@example.com>',
    From: `token1~\` token2'+_ token3*%!.- <sip:plain@example.com>;fromParam''~+*_!.-%="${utf8('\u0440\u0430\u0431\u043e\u0442')}";tag=_token~1'+\`*%!-.`,
    'Call-ID': 'torture.word%ZK-!.*_+\'@word`~)(><:\\/"][?}{',
    "extensionHeader-!.%*+_`'~": utf8('\ufeff\u5927\u505c\u96fb'),
    'Max-Forwards': '255',
  }),
  esc01: invite('sip:sips%3Auser%40example.com@example.net', {
    To: 'sip:%75se%72@example.com',
    From: '<sip:I%20have%20spaces@example.net>;tag=938',
    Contact: '<sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31>',
  }),
  escnull: register({
    To: 'sip:null-%00-null@example.com',
    From: 'sip:null-%00-null@example.com;tag=839923423',
    Contact: '<sip:%00@host5.example.com>, <sip:%00%00@host5.example.com>',
  }),
  esc02: request('RE%47IST%45R', 'sip:registrar.example.com', {
    To: '"%Z%45" <sip:resource@example.com>',
    From: '"%Z%45" <sip:resource@example.com>;tag=f232',
    Contact: '<sip:alias1@host1.example.com>',
    'C%6Fntact': '<sip:alias2@host2.example.com>',
    contact: '<sip:alias3@host3.example.com>',
  }),
  lwsdisp: options(URI, { From: 'caller<sip:caller@example.com>;tag=323' }),
  longreq: longRequest(),
  dblreq: `${register({ Contact: 'sip:dave@host.example.com' })}\r\n${invite(URI)}`,
  semiuri: options('sip:user;par=u%40example.net@example.com', {
    Accept: 'application/sdp, application/pkcs7-mime,\r\n        multipart/mixed, message/sipfrag',
  }),
  transports: options(URI, {
    Via: ['UDP', 'SCTP', 'TLS', 'UNKNOWN', 'TCP']
      .map((name, i) => `SIP/2.0/${name} t${i}.example.com;branch=z9hG4bKt${i}`)
      .join(', '),
  }),
  mpart01: request(
    'MESSAGE',
    URI,
    { 'Content-Type': `multipart/mixed;boundary=${BOUNDARY}`, 'Content-Transfer-Encoding': 'binary' },
    MULTIPART,
  ),
  unreason: response(`200 ${utf8(`= 2**3 * 5**2 ${RUSSIAN}`)}`, { 'Content-Type': 'application/sdp' }, SDP),
  noreason: response('100 '),

  badinv01: invite(URI, { Via: 'SIP/2.0/UDP 192.0.2.15;;,;,,', Contact: '"Joe" <sip:joe@example.org>;;;;' }),
  clerr: invite(URI, { 'Content-Length': '9999' }),
  ncl: invite(URI, { 'Content-Length': '-999' }),
  scalar02: register({
    CSeq: '36893488147419103232 REGISTER',
    Expires: `1${long('0', 100)}`,
    Contact: '<sip:user@host129.example.com>;expires=280297596632815',
  }),
  scalarlg: response('503 Service Unavailable', {
    CSeq: '9292394834772304023312 OPTIONS',
    'Retry-After': '949302838503028349304023988',
    Warning: '1812 overture "In Progress"',
  }),
  quotbal: invite(URI, { To: '"Mr. J. User <sip:j.user@example.com>' }),
  ltgtruri: invite('<sip:user@example.com>'),
  lwsruri: invite('sip:user@example.com; lr'),
  lwsstart: invite(URI).replace(`INVITE ${URI} SIP`, `INVITE  ${URI}  SIP`),
  trws: options(URI).replace('SIP/2.0\r\n', 'SIP/2.0  \r\n'),
  escruri: invite('sip:user@example.com?Route=%3Csip:example.com%3E'),
  baddate: invite(URI, { Date: 'Fri, 01 Jan 2010 16:00:00 EST' }),
  regbadct: register({ Contact: 'sip:user@example.com?Route=%3Csip:sip.example.com%3E' }),
  badaspec: options(URI, { To: '"Watson, Thomas" < sip:t.watson@example.org >' }),
  baddn: options(URI, {
    From: 'Bell, Alexander <sip:a.g.bell@example.com>;tag=43',
    To: 'Watson, Thomas <sip:t.watson@example.org>',
  }),
  badvers: options(URI, { Via: 'SIP/7.0/UDP c.example.com;branch=z9hG4bKkdjuw' }).replace('SIP/2.0\r\n', 'SIP/7.0\r\n'),
  mismatch01: options(URI, { CSeq: '8 INVITE' }),
  mismatch02: request('NEWMETHOD', URI, { CSeq: '8 INVITE' }, SDP),
  bigcode: response('4294967301 better not break the receiver'),

  badbranch: options(URI, { Via: 'SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK' }),
  insuf: invite(URI, { From: null, To: null, 'Call-ID': null }),
  unkscm: options('nobodyKnowsThisScheme:totallyopaquecontent'),
  novelsc: options('soap.beep://192.0.2.103:3002'),
  unksm2: register({
    To: 'isbn:2983792873',
    From: '<http://www.example.com>;tag=3234233',
    Contact: '<name:John_Smith>',
  }),
  bext01: options(URI, {
    Require: 'nothingSupportsThis, nothingSupportsThisEither',
    'Proxy-Require': 'noProxiesSupportThis, norDoAnyProxiesSupportThis',
  }),
  invut: request(
    'INVITE',
    URI,
    { 'Content-Type': 'application/unknownformat' },
    '<audio>\r\n <pcmu port="443"/>\r\n</audio>',
  ),
  regaut01: register({ Authorization: 'NoOneKnowsThisScheme opaque-data=here' }),
  multi01: invite(URI)
    .replace('CSeq:', 'CSeq: 59 INVITE\r\nCSeq:')
    .replace('Content-Length:', 'To: sip:other@example.net\r\nMax-Forwards: 5\r\nContent-Length:'),
  mcl01: request('OPTIONS', URI, { 'Content-Type': 'text/plain' }, 'Nobody knows how long this is.').replace(
    'Content-Length:',
    'Content-Length: 13\r\nContent-Length:',
  ),
  bcast: response(
    '200 OK',
    {
      Via: 'SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923, SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23',
      'Content-Type': 'application/sdp',
    },
    SDP,
  ),
  zeromf: options(URI, { 'Max-Forwards': '0' }),
  cparam01: register({ Contact: 'sip:+19725552222@gw1.example.net;unknownparam' }),
  cparam02: register({ Contact: '<sip:+19725552222@gw1.example.net;unknownparam>' }),
  regescrt: register({ Contact: '<sip:user@example.com?Route=%3Csip:sip.example.com%3E>' }),
  sdp01: invite(URI, { Accept: 'text/nobodyKnowsThis' }),
  inv2543: invite(URI, {
    Via: 'SIP/2.0/UDP iftgw.example.com',
    From: '<sip:+13035551111@ift.client.example.net;user=phone>',
    'Record-Route': '<sip:UserB@example.com;maddr=ss1.example.com>',
    'Max-Forwards': null,
    Contact: null,
    'Content-Length': null,
  }),
}
