import assert from 'node:assert/strict'
import { isIPv6 } from 'node:net'

import { viaFromSource } from '../../../gateway/sip-server/headers.ts'
import { parseUri } from '../../../gateway/sip-server/uri.ts'
import { readDescription } from '../../../media/sdp-reading.ts'
import { lines, parsed } from './builders.ts'
import { reactTo } from './torture/engine-under-test.ts'

/** The situations of RFC 5118 (torture tests for IPv6), each written from its description. */
function message(method: string, uri: string, changes: Record<string, string> = {}, body = ''): string {
  return lines(
    `${method} ${uri} SIP/2.0`,
    {
      Via: 'SIP/2.0/UDP [2001:db8::9]:5060;branch=z9hG4bKipv6;rport',
      'Max-Forwards': '70',
      From: '<sip:carol@example.net>;tag=81x2',
      To: '<sip:carol@example.net>',
      'Call-ID': 'ipv6-torture@[2001:db8::9]',
      CSeq: `98176 ${method}`,
      Contact: '<sip:carol@[2001:db8::9]>',
      ...(body !== '' && { 'Content-Type': 'application/sdp' }),
      'Content-Length': String(body.length),
      ...changes,
    },
    body,
  )
}

const sdp = (...rows: string[]): string => ['v=0', ...rows, ''].join('\r\n')

describe('RFC 5118', () => {
  it('§4.1 takes an IPv6 reference in the Request-URI', () => {
    const text = message('REGISTER', 'sip:[2001:db8::10]')
    assert.deepEqual(reactTo(text).shown, ['REGISTER'])
    const uri = parseUri(parsed(text).requestUri)
    assert.deepEqual([uri?.host, uri?.port], ['[2001:db8::10]', null])
  })

  it('§4.2 answers 400 to an IPv6 address without brackets', () => {
    const { statuses, shown } = reactTo(message('REGISTER', 'sip:2001:db8::10'))
    assert.deepEqual([statuses, shown], [[400], []])
  })

  it('§4.3 takes all that stands in the brackets for the address, though it looks like a port', () => {
    const text = message('REGISTER', 'sip:[2001:db8::10:5070]')
    assert.deepEqual(reactTo(text).shown, ['REGISTER'])
    const uri = parseUri(parsed(text).requestUri)
    assert.deepEqual([uri?.host, uri?.port], ['[2001:db8::10:5070]', null])
  })

  it('§4.4 takes what stands behind the brackets for the port', () => {
    const uri = parseUri(parsed(message('REGISTER', 'sip:[2001:db8::10]:5070')).requestUri)
    assert.deepEqual([uri?.host, uri?.port], ['[2001:db8::10]', 5070])
  })

  it('§4.5 takes `received` with brackets and without, and writes it without', () => {
    for (const received of ['[2001:db8::9:255]', '2001:db8::9:255']) {
      const via = `SIP/2.0/UDP [2001:db8::9:1];received=${received};branch=z9hG4bKas3-111`
      const text = message('BYE', 'sip:[2001:db8::10]', { Via: via })
      assert.deepEqual(reactTo(text).statuses, [481])
      assert.equal(parsed(text).topVia?.host, '[2001:db8::9:1]')
    }
    const { topVia } = parsed(message('BYE', 'sip:[2001:db8::10]'))
    assert.match(viaFromSource('SIP/2.0/UDP [2001:db8::9]:5060', topVia!, '2001:db8::7', 5060), /received=2001:db8::7/)
    // The same address, once in brackets: nothing was translated on the way.
    assert.doesNotMatch(
      viaFromSource('SIP/2.0/UDP [2001:db8::9]', { ...topVia!, rport: null }, '2001:db8::9', 5060),
      /received/,
    )
  })

  it('§4.6 reads IPv6 addresses in SDP, where they stand without brackets', () => {
    const body = sdp('o=- 1 1 IN IP6 2001:db8::20', 's=-', 'c=IN IP6 2001:db8::20', 't=0 0', 'm=audio 3456 RTP/AVP 0')
    assert.deepEqual(reactTo(message('INVITE', 'sip:dave@[2001:db8::10]', {}, body)).shown, ['INVITE'])
    const { audio } = readDescription(body)
    assert.deepEqual([audio.address, audio.rtpPort], ['2001:db8::20', 3456])
  })

  it('§4.7 takes addresses of both families in one message', () => {
    const { statuses, shown } = reactTo(
      message('OPTIONS', 'sip:dave@example.com', {
        Via: 'SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bKas3-111, SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKjhja8781hjuaij65144',
        Contact: '<sip:carol@192.0.2.1>, <sip:carol@[2001:db8::9]>',
      }),
    )
    assert.deepEqual([statuses, shown], [[200], ['OPTIONS']])
  })

  it('§4.8 reads an address of each family in one SDP', () => {
    const body = sdp(
      'o=- 1 1 IN IP4 192.0.2.1',
      's=-',
      't=0 0',
      'm=audio 22334 RTP/AVP 0',
      'c=IN IP6 2001:db8::1',
      'm=video 6024 RTP/AVP 107',
      'c=IN IP4 192.0.2.1',
      'a=rtpmap:107 H263-1998/90000',
    )
    const { audio, lines: media } = readDescription(body)
    assert.deepEqual([audio.address, media.length], ['2001:db8::1', 2])
  })

  it('§4.9 takes IPv4-mapped addresses in headers and SDP', () => {
    const body = sdp(
      'o=- 1 1 IN IP6 ::ffff:192.0.2.2',
      's=-',
      'c=IN IP6 ::ffff:192.0.2.10',
      't=0 0',
      'm=audio 49170 RTP/AVP 0',
    )
    const text = message(
      'INVITE',
      'sip:dave@example.com',
      {
        Via: 'SIP/2.0/UDP [::ffff:192.0.2.10]:19823;branch=z9hG4bKbh19',
        Contact: '<sip:carol@[::ffff:192.0.2.10]:19823>',
      },
      body,
    )
    assert.deepEqual(reactTo(text).shown, ['INVITE'])
    assert.deepEqual([parsed(text).topVia?.host, parsed(text).topVia?.port], ['[::ffff:192.0.2.10]', 19_823])
    assert.ok(isIPv6(readDescription(body).audio.address))
  })

  it('§4.10 refuses three colons in a row, which only the grammar of RFC 3261 as first printed allowed', () => {
    const { statuses, shown } = reactTo(message('OPTIONS', 'sip:user@[2001:db8:::192.0.2.1]'))
    assert.deepEqual([statuses, shown], [[400], []])
  })
})
