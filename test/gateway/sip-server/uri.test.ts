import assert from 'node:assert/strict'

import { uriEquals } from '../../../gateway/sip-server/uri-equality.ts'
import { parseUri, schemeOf, serializeUri } from '../../../gateway/sip-server/uri.ts'
import type { Uri } from '../../../gateway/sip-server/uri.ts'

function uri(text: string): Uri {
  const parsed = parseUri(text)
  assert.ok(parsed !== null, `did not parse: ${text}`)
  return parsed
}

describe('sip-server/uri', () => {
  it('takes a SIP URI apart', () => {
    assert.deepEqual(uri('sips:alice:s%3Acret@Example.COM:5061;transport=tcp;LR?subject=project%20x&priority=urgent'), {
      scheme: 'sips',
      user: 'alice',
      password: 's:cret',
      host: 'Example.COM',
      port: 5061,
      params: new Map([
        ['transport', 'tcp'],
        ['lr', ''],
      ]),
      headers: [
        ['subject', 'project x'],
        ['priority', 'urgent'],
      ],
    })
  })

  it('reads IPv6 references, hosts alone, and users with every unreserved sign', () => {
    assert.deepEqual(
      [uri('sip:[2001:db8::10]:5070').host, uri('sip:[2001:db8::10]:5070').port],
      ['[2001:db8::10]', 5070],
    )
    assert.equal(uri('SIP:atlanta.com').user, '')
    assert.equal(uri("sip:a-_.!~*'()&=+$,;?/b@c").user, "a-_.!~*'()&=+$,;?/b")
    assert.equal(uri('sip:%61lice@c').user, 'alice')
  })

  it('reads tel URIs, global and local', () => {
    assert.deepEqual([uri('tel:+1-201-555-0123').user, uri('tel:+1-201-555-0123').host], ['+1-201-555-0123', ''])
    assert.equal(uri('tel:7042;phone-context=example.com').params.get('phone-context'), 'example.com')
    assert.equal(uri('tel:*69;phone-context=+1').user, '*69')
  })

  for (const text of [
    '',
    'sip',
    'sip:',
    'sip:@h',
    'sip:a@',
    'sip:a b@h',
    'sip:a@h:',
    'sip:a@h:0',
    'sip:a@h:65536',
    'sip:a@h:x',
    'sip:a@h;',
    'sip:a@h;=x',
    'sip:a@h;x=',
    'sip:a@h;x;x',
    'sip:a@h?',
    'sip:a@h?x',
    'sip:a%@h',
    'sip:a%4@h',
    'sip:a%GG@h',
    'sip:a<b@h',
    'sip:a@b@c',
    'sip:a@[::1',
    'sip:a@[zz]',
    'sip:a@[]',
    'sip:a@h/x',
    'sip:a@h>',
    'tel:',
    'tel:+',
    'tel:+abc',
    'tel:12x',
    'http://a',
    'mailto:a@b',
    'sip:a\r\n@h',
    'sip:\u0100@h',
  ]) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.equal(parseUri(text), null))
  }

  it('writes what it read, escaping again', () => {
    for (const text of [
      'sip:a@b',
      'sip:b',
      'sips:a%20b:c%40@[::1]:5061;transport=tcp;lr?x=y%20z',
      'tel:+12015550123;ext=5',
      'sip:%C3%A9@h',
    ]) {
      assert.equal(serializeUri(uri(text)), text)
    }
  })

  it('names the scheme of any URI', () => {
    assert.deepEqual(['SIP:a', 'tel:1', 'urn:service:sos', 'nothing', ':x'].map(schemeOf), [
      'sip',
      'tel',
      'urn',
      null,
      null,
    ])
  })
})

describe('sip-server/uri equality (RFC 3261 §19.1.4)', () => {
  const same: [string, string][] = [
    ['sip:%61lice@atlanta.com;transport=TCP', 'sip:alice@AtLanTa.CoM;Transport=tcp'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com;newparam=5'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com;security=on'],
    ['sip:carol@chicago.com;newparam=5', 'sip:carol@chicago.com;security=on'],
    [
      'sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com',
      'sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com',
    ],
    [
      'sip:alice@atlanta.com?subject=project%20x&priority=urgent',
      'sip:alice@atlanta.com?priority=urgent&subject=project%20x',
    ],
    ['tel:+1-201-555-0123', 'tel:+12015550123'],
    ['tel:7042;phone-context=Example.com', 'tel:70-42;phone-context=example.com'],
  ]
  const different: [string, string][] = [
    ['sip:ALICE@AtLanTa.CoM;Transport=udp', 'sip:alice@AtLanTa.CoM;Transport=UDP'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:5060'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com;transport=udp'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:6000;transport=tcp'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com?Subject=next%20meeting'],
    ['sip:bob@phone21.boxesbybob.com', 'sip:bob@192.0.2.4'],
    ['sip:carol@chicago.com;security=on', 'sip:carol@chicago.com;security=off'],
    ['sip:a@b', 'sips:a@b'],
    ['sip:a@b', 'sip:a:x@b'],
    ['sip:a@b', 'sip:a@b;maddr=1.2.3.4'],
    ['sip:a@b?x=1', 'sip:a@b?x=2'],
    ['tel:+12015550123', 'tel:12015550123'],
    ['tel:7042;phone-context=a', 'tel:7042;phone-context=b'],
    ['tel:7042;phone-context=a', 'tel:7042;ext=a'],
  ]
  for (const [a, b] of same) {
    it(`finds ${a} the same as ${b}`, () => {
      assert.equal(uriEquals(uri(a), uri(b)), true)
      assert.equal(uriEquals(uri(b), uri(a)), true)
    })
  }
  for (const [a, b] of different) {
    it(`finds ${a} different from ${b}`, () => {
      assert.equal(uriEquals(uri(a), uri(b)), false)
      assert.equal(uriEquals(uri(b), uri(a)), false)
    })
  }
})
