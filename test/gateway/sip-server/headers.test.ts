import assert from 'node:assert/strict'

import {
  buildNameAddr,
  buildVia,
  getParam,
  parseNameAddr,
  parseVia,
  quote,
  removeParam,
  setParam,
  splitList,
  unquote,
  uriOf,
  viaFromSource,
  withUri,
} from '../../../gateway/sip-server/headers.ts'
import type { TopVia } from '../../../gateway/sip-server/message.ts'

describe('sip-server/headers addresses', () => {
  it('takes a name-addr apart', () => {
    assert.deepEqual(parseNameAddr('"A. \\"Bell\\", jr" <sip:a@b;x=1?y=2>;tag=88;Q="0,5" ; lr'), {
      displayName: 'A. "Bell", jr',
      uri: 'sip:a@b;x=1?y=2',
      params: new Map([
        ['tag', '88'],
        ['q', '0,5'],
        ['lr', ''],
      ]),
    })
    assert.equal(parseNameAddr('Anna Lena <tel:+1>')?.displayName, 'Anna Lena')
    assert.equal(parseNameAddr('<sip:a@b>')?.displayName, '')
    assert.equal(parseNameAddr('Zo\u00c3\u00ab <sip:a@b>')?.displayName, 'Zo\u00c3\u00ab')
  })

  it('gives the parameters of a bare addr-spec to the header (§20.10)', () => {
    assert.deepEqual(parseNameAddr('sip:a@b;tag=1'), {
      displayName: '',
      uri: 'sip:a@b',
      params: new Map([['tag', '1']]),
    })
    assert.equal(uriOf('tel:+15551234;x'), 'tel:+15551234')
  })

  for (const text of [
    '',
    '*',
    'sip',
    'sip:',
    '<>',
    '<sip:>',
    '<sip:a',
    'sip:a>',
    '"x" sip:a@b',
    '"x',
    'a@b',
    '<sip:a@b> x',
    '<sip:a@b>;',
    '<sip:a@b>;;x',
    'sip:a@b?x=y',
    'sip:a@b,sip:c@d',
    'Bell, A <sip:a@b>',
    '<sip:a b>',
    '<<sip:a@b>>',
    '<sip:a@b>;x="',
    '1sip:a',
  ]) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.equal(parseNameAddr(text), null)
      const stillUri = uriOf(text)
      assert.ok(stillUri === null || text.startsWith('<sip:a@b>'))
    })
  }

  it('writes an address, quoting the name', () => {
    assert.equal(buildNameAddr({ uri: 'sip:a@b' }), '<sip:a@b>')
    const text = buildNameAddr({
      displayName: 'a "b" \\',
      uri: 'sip:a@b',
      params: new Map([
        ['tag', '1'],
        ['lr', ''],
      ]),
    })
    assert.equal(text, '"a \\"b\\" \\\\" <sip:a@b>;tag=1;lr')
    assert.equal(parseNameAddr(text)?.displayName, 'a "b" \\')
  })

  it('puts another URI in, and leaves the rest', () => {
    assert.equal(withUri('"x"  <sip:a@b>;tag=1', 'sip:c@d'), '"x"  <sip:c@d>;tag=1')
    assert.equal(withUri('sip:a@localhost;tag=1', 'sip:a@1.2.3.4;x'), '<sip:a@1.2.3.4;x>;tag=1')
    assert.equal(withUri('nonsense', 'sip:c@d'), '<sip:c@d>')
  })
})

describe('sip-server/headers parameters', () => {
  it('looks after the brackets, and never into quotes', () => {
    assert.equal(getParam('"a;tag=0" <sip:a;tag=1@b;tag=2>;TAG=3', 'tag'), '3')
    assert.equal(getParam('<sip:a@b;tag=2>', 'tag'), null)
    assert.equal(getParam('timeout;reason="a;b"', 'reason'), 'a;b')
    assert.equal(getParam('1800;refresher=uas', 'refresher'), 'uas')
    assert.equal(getParam('"open', 'x'), null)
  })

  it('sets, adds and removes one, and touches nothing else', () => {
    assert.equal(setParam('<sip:a@b> ; Tag = 1 ;q=2', 'tag', '9'), '<sip:a@b> ; tag=9 ;q=2')
    assert.equal(setParam('<sip:a@b>', 'tag', '9'), '<sip:a@b>;tag=9')
    assert.equal(setParam('SIP/2.0/UDP h;rport;branch=x', 'rport', '5060'), 'SIP/2.0/UDP h;rport=5060;branch=x')
    assert.equal(setParam('<sip:a@b>;x=1', 'x', ''), '<sip:a@b>;x')
    assert.equal(removeParam('<sip:a@b>;x=1;y', 'x'), '<sip:a@b>;y')
    assert.equal(removeParam('<sip:a@b>;x', 'y'), '<sip:a@b>;x')
  })

  it('quotes and unquotes', () => {
    assert.equal(unquote(quote('a"\\b')), 'a"\\b')
    assert.equal(unquote('plain'), 'plain')
    assert.equal(unquote('"'), '"')
  })

  it('splits lists only at commas outside quotes and brackets', () => {
    assert.deepEqual(splitList('a , "b,c" , <d,e>;x="\\",",f'), ['a', '"b,c"', '<d,e>;x="\\","', 'f'])
    assert.equal(splitList('a, "b'), null)
    assert.equal(splitList('a, <b'), null)
  })
})

function via(text: string): TopVia {
  const parsed = parseVia(text)
  assert.ok(parsed !== null)
  return parsed
}

describe('sip-server/headers Via', () => {
  it('reads IPv6, ports and spaces', () => {
    assert.deepEqual(via('SIP / 2.0 / tcp [2001:db8::1] : 5070 ; branch = z9 ; rport = 7 ;received=1.2.3.4'), {
      transport: 'TCP',
      host: '[2001:db8::1]',
      port: 5070,
      branch: 'z9',
      received: '1.2.3.4',
      rport: '7',
      keep: null,
      hasAlias: false,
    })
  })

  for (const text of [
    '',
    'SIP/2.0/UDP',
    'SIP/2.0/UDP ',
    'SIP/2.0/ h',
    'SIP/2.0/UDP h:',
    'SIP/2.0/UDP h:0',
    'SIP/2.0/UDP h x',
    'SIP/2.0/UDP [x]',
    'SIP/2.0/UDP [::1',
    'SIP/2.0/U P h',
    'SIP/1.0/UDP h',
    'SIP/2.0/UDP h;branch',
    'SIP/2.0/UDP h;branch=',
  ]) {
    it(`${text.endsWith('branch') ? 'takes as branchless' : 'refuses'} ${JSON.stringify(text)}`, () => {
      if (text.endsWith('branch')) assert.equal(via(text).branch, '')
      else assert.equal(parseVia(text), null)
    })
  }

  it('asks for rport in our own (RFC 3581 §3)', () => {
    assert.equal(
      buildVia({ transport: 'UDP', host: '1.2.3.4', port: 5062, branch: 'z9hG4bKx' }),
      'SIP/2.0/UDP 1.2.3.4:5062;branch=z9hG4bKx;rport',
    )
    assert.equal(
      buildVia({ transport: 'TCP', host: '[::1]', port: null, branch: 'z9hG4bKx' }),
      'SIP/2.0/TCP [::1];branch=z9hG4bKx;rport',
    )
  })

  it('notes the source (§18.2.1, RFC 3581 §4)', () => {
    const seen = (text: string): string => viaFromSource(text, via(text), '1.2.3.4', 6000)
    assert.equal(seen('SIP/2.0/UDP 1.2.3.4;branch=x'), 'SIP/2.0/UDP 1.2.3.4;branch=x')
    assert.equal(seen('SIP/2.0/UDP host;branch=x'), 'SIP/2.0/UDP host;branch=x;received=1.2.3.4')
    assert.equal(seen('SIP/2.0/UDP 1.2.3.4;rport;branch=x'), 'SIP/2.0/UDP 1.2.3.4;rport=6000;branch=x;received=1.2.3.4')
    // A received that the sender made up is overwritten.
    assert.equal(seen('SIP/2.0/UDP host;received=9.9.9.9;branch=x'), 'SIP/2.0/UDP host;received=1.2.3.4;branch=x')
    const v6 = 'SIP/2.0/UDP [::1];branch=x'
    assert.equal(viaFromSource(v6, via(v6), '::1', 6000), v6)
  })
})
