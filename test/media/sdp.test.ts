import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { parse } from 'sdp-transform'
import { UnacceptableMedia } from '../../media/media-server.ts'
import { DescriptionWriter, termsToAnswer, termsToOffer } from '../../media/sdp.ts'
import {
  readDescription,
  SDP_LIMIT_BYTES,
  SDP_LINE_LIMIT,
  SDP_LINES_LIMIT,
  SDP_MEDIA_LIMIT,
} from '../../media/sdp-reading.ts'

const US = '203.0.113.1'

/** A description with these audio lines after `m=audio 4000 RTP/AVP <payloads>`. */
function sdp(payloads: string, lines: readonly string[] = [], address = '10.1.2.3'): string {
  const family = address.includes(':') ? 'IP6' : 'IP4'
  return [
    'v=0',
    `o=joe 7 7 IN ${family} ${address}`,
    's=call',
    `c=IN ${family} ${address}`,
    't=0 0',
    `m=audio 4000 RTP/AVP ${payloads}`,
    ...lines,
    '',
  ].join('\r\n')
}

/** What the other party is offered for this offer. */
function offered(offer: string): string {
  const { audio } = readDescription(offer)
  return new DescriptionWriter(42).write(termsToOffer(audio, audio.rtcpMux), US, 12_000)
}

/** What the offerer is answered when the other party answers so. */
function answered(offer: string, answer: string): string {
  const description = readDescription(offer)
  const writer = new DescriptionWriter(42)
  writer.follow(description)
  return writer.write(termsToAnswer(description.audio, readDescription(answer).audio), US, 12_000)
}

function linesOf(text: string, kind: string): string[] {
  return text.split('\r\n').filter((line) => line.startsWith(kind))
}

function refuses(text: string, reason: RegExp): void {
  assert.throws(
    () => offered(text),
    (error) => {
      assert.ok(error instanceof UnacceptableMedia, String(error))
      assert.match(error.message, reason)
      return true
    },
  )
}

describe('sdp', () => {
  it('offers the caller’s codecs in the caller’s order, with their formats, ptime and direction', () => {
    const lines = [
      'a=rtpmap:96 opus/48000/2',
      'a=fmtp:96 useinbandfec=1',
      'a=rtpmap:101 telephone-event/8000',
      'a=fmtp:101 0-16',
      'a=ptime:30',
      'a=maxptime:60',
      'a=sendonly',
    ]
    const text = offered(sdp('18 96 0 101', lines))
    assert.deepEqual(linesOf(text, 'm='), ['m=audio 12000 RTP/AVP 18 96 0 101'])
    for (const line of lines) assert.ok(text.includes(`${line}\r\n`), line)
  })

  it('tells nothing of the other party: address, names, keys, candidates and unknown attributes stay behind', () => {
    const secret = [
      'i=secret',
      'b=AS:64',
      'a=rtcp:4001 IN IP4 10.9.9.9',
      'a=candidate:1 1 UDP 2130706431 10.8.8.8 4000 typ host',
      'a=ice-ufrag:secret',
      'a=ice-pwd:secretsecretsecretsecret',
      'a=fingerprint:SHA-1 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33',
      'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR',
      'a=setup:actpass',
      'a=ssrc:1 cname:joe@10.7.7.7',
      'a=source-filter: incl IN IP4 10.1.2.3 10.1.2.3',
      'a=x-secret:10.6.6.6',
      'a=label:secret',
    ]
    const text = offered(sdp('0', secret))
    assert.doesNotMatch(text, /10\.\d+\.\d+\.\d+|secret|joe|call|crypto|candidate|fingerprint|setup|ssrc/)
    assert.deepEqual(linesOf(text, 'o='), [`o=- 42 1 IN IP4 ${US}`])
    assert.deepEqual(linesOf(text, 'c='), [`c=IN IP4 ${US}`])
  })

  it('answers only with codecs that were offered under the same number', () => {
    const offer = sdp('0 8 101', ['a=rtpmap:101 telephone-event/8000'])
    const text = answered(offer, sdp('9 8 0 96', ['a=rtpmap:8 pcma/8000', 'a=rtpmap:96 telephone-event/8000']))
    assert.deepEqual(linesOf(text, 'm='), ['m=audio 12000 RTP/AVP 8 0'])
    assert.throws(() => answered(offer, sdp('9 18')), /no codec for speech in common/)
    assert.throws(
      () => answered(offer, sdp('101', ['a=rtpmap:101 telephone-event/8000'])),
      UnacceptableMedia,
      'keys are not speech',
    )
    assert.throws(
      () => answered(sdp('96', ['a=rtpmap:96 opus/48000/2']), sdp('96', ['a=rtpmap:96 iLBC/8000'])),
      UnacceptableMedia,
    )
  })

  it('answers each m= line in its place, all but the audio refused (RFC 3264 §6)', () => {
    const offer =
      sdp('0').replace('m=audio', 'm=video 5000 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\nm=audio') +
      'm=audio 5002 RTP/SAVP 0\r\nm=image 5004 udptl t38\r\n'
    assert.deepEqual(linesOf(answered(offer, sdp('0')), 'm='), [
      'm=video 0 RTP/AVP 99',
      'm=audio 12000 RTP/AVP 0',
      'm=audio 0 RTP/SAVP 0',
      'm=image 0 udptl t38',
    ])
    assert.deepEqual(
      linesOf(offered(offer), 'm='),
      ['m=audio 12000 RTP/AVP 0'],
      'the other party is offered the audio alone',
    )
  })

  it('answers hold as RFC 3264 §6.1 says, whatever the other party said', () => {
    const table = [
      ['sendrecv', 'sendrecv', 'sendrecv'],
      ['sendrecv', 'recvonly', 'recvonly'],
      ['sendonly', 'recvonly', 'recvonly'],
      ['sendonly', 'sendrecv', 'recvonly'],
      ['sendonly', 'sendonly', 'inactive'],
      ['recvonly', 'sendrecv', 'sendonly'],
      ['inactive', 'sendrecv', 'inactive'],
      ['sendrecv', 'inactive', 'inactive'],
    ]
    for (const [offer, answer, expected] of table) {
      const text = answered(sdp('0', [`a=${offer}`]), sdp('0', [`a=${answer}`]))
      assert.ok(text.includes(`a=${expected}\r\n`), `${offer} answered ${answer}`)
    }
  })

  it('takes c=0.0.0.0 for hold, as RFC 2543 had it', () => {
    assert.match(offered(sdp('0', [], '0.0.0.0')), /a=sendonly/)
    assert.match(offered(sdp('0', ['a=recvonly'], '0.0.0.0')), /a=inactive/)
    assert.match(answered(sdp('0', [], '0.0.0.0'), sdp('0')), /a=recvonly/)
    assert.match(offered(sdp('0', [], '::')), /a=sendonly/)
  })

  it('reads a direction or an address given for the whole session, and lets the audio’s own override it', () => {
    const session = sdp('0').replace('t=0 0', 't=0 0\r\na=sendonly')
    assert.equal(readDescription(session).audio.direction, 'sendonly')
    const own = readDescription(`${session}c=IN IP4 192.0.2.9/127\r\na=recvonly\r\n`).audio
    assert.equal(own.direction, 'recvonly')
    assert.equal(own.address, '192.0.2.9')
  })

  it('counts the version up with each change of our description, and only then (RFC 3264 §8)', () => {
    const { audio } = readDescription(sdp('0 8'))
    const writer = new DescriptionWriter(42)
    const versions = [
      writer.write(termsToOffer(audio, false), US, 12_000),
      writer.write(termsToOffer(audio, false), US, 12_000),
      writer.write(termsToOffer({ ...audio, direction: 'sendonly' }, false), US, 12_000),
      writer.write(termsToOffer(audio, false), US, 12_000),
    ].map((text) => parse(text).origin.sessionVersion)
    assert.deepEqual(versions, [1, 1, 2, 3])
  })

  it('reads RTCP’s own port and address (RFC 3605), else the next port', () => {
    const own = readDescription(sdp('0', ['a=rtcp:4007 IN IP4 192.0.2.7'])).audio
    assert.deepEqual([own.rtcpAddress, own.rtcpPort], ['192.0.2.7', 4007])
    const next = readDescription(sdp('0')).audio
    assert.deepEqual([next.rtcpAddress, next.rtcpPort], ['10.1.2.3', 4001])
    assert.equal(readDescription(sdp('0').replace('4000', '65535')).audio.rtcpPort, 65_535)
  })

  it('offers rtcp-mux when it was offered, and answers with it (RFC 5761)', () => {
    assert.match(offered(sdp('0', ['a=rtcp-mux'])), /a=rtcp-mux/)
    assert.doesNotMatch(offered(sdp('0')), /rtcp-mux/)
    assert.match(answered(sdp('0', ['a=rtcp-mux']), sdp('0')), /a=rtcp-mux/)
    assert.doesNotMatch(answered(sdp('0'), sdp('0', ['a=rtcp-mux'])), /rtcp-mux/)
  })

  it('takes IPv6, in any spelling, and writes its own as such', () => {
    assert.equal(readDescription(sdp('0', [], '2001:DB8:0:0::1')).audio.address, '2001:db8::1')
    const { audio } = readDescription(sdp('0', [], '2001:db8::1'))
    assert.match(
      new DescriptionWriter(1).write(termsToOffer(audio, false), '2001:db8::2', 12_000),
      /c=IN IP6 2001:db8::2\r\n/,
    )
    assert.equal(readDescription(sdp('0', [], 'fe80::1%eth0')).audio.address, 'fe80::1%eth0')
  })

  it('takes bare line feeds and bare returns for line ends', () => {
    for (const end of ['\n', '\r'])
      assert.match(offered(sdp('0').replaceAll('\r\n', end)), /m=audio 12000 RTP\/AVP 0\r\n/)
    assert.match(offered(sdp('0').trimEnd()), /m=audio/, 'and a last line without one')
  })

  it('passes over payload types that name nothing', () => {
    assert.deepEqual(linesOf(offered(sdp('96 0 0 97', ['a=rtpmap:97 opus/0'])), 'm='), ['m=audio 12000 RTP/AVP 0'])
  })

  it('refuses what cannot be served, each with its sentence', () => {
    refuses('', /does not begin with v=0/)
    refuses('hello', /does not begin with v=0/)
    refuses(sdp('0').replace('v=0', 'v=1'), /does not begin with v=0/)
    refuses(`${sdp('0')}a=\0`, /null byte/)
    refuses(sdp('0', ['a='.padEnd(SDP_LIMIT_BYTES, 'x')]), /longer than 65536 bytes/)
    refuses(sdp('0') + 'm=video 0 RTP/AVP 99\r\n'.repeat(SDP_MEDIA_LIMIT), /more than 32 m= lines/)
    // Unread: each of these would take a fifth of a second to read.
    const most = SDP_LINES_LIMIT - linesOf(sdp('0'), '').filter((line) => line !== '').length
    for (const end of ['\r\n', '\n', '\r']) {
      assert.ok(offered(`${sdp('0')}${`a=x${end}`.repeat(most)}`))
      refuses(`${sdp('0')}${`a=x${end}`.repeat(most + 1)}`, /more than 1000 lines/)
    }
    assert.ok(offered(sdp('0', ['a='.padEnd(SDP_LINE_LIMIT, 'x')])))
    refuses(sdp('0', ['a='.padEnd(SDP_LINE_LIMIT + 1, 'x')]), /one of its lines is longer than 4096/)
    refuses(sdp(`0${' 1'.repeat(SDP_LINE_LIMIT / 2)}`, ['a=rtpmap:9 A/1']), /one of its lines is longer than 4096/)
    refuses(sdp('0').replace('m=audio 4000', 'm=audio 4000/2'), /m= lines is malformed/)
    refuses(sdp('0').replace('m=audio', 'm=video'), /has no audio/)
    refuses(sdp('0').replace('4000', '0'), /port 0/)
    refuses(sdp('0').replace('4000', '70000'), /not a port/)
    refuses(sdp('0').replace('RTP/AVP', 'RTP/SAVP'), /RTP\/SAVP without a=crypto of a suite/)
    refuses(sdp('0').replace('RTP/AVP', 'UDP/TLS/RTP/SAVPF'), /UDP\/TLS\/RTP\/SAVPF without a=fingerprint/)
    refuses(sdp('0').replace('RTP/AVP', '7'), /7 is no profile we carry/)
    refuses(sdp('0').replace(/c=.*\r\n/, ''), /no c= line/)
    refuses(sdp('0', [], '224.2.1.1'), /multicast/)
    refuses(sdp('0', [], '255.255.255.255'), /broadcast/)
    refuses(sdp('0', [], 'ff02::1'), /multicast/)
    refuses(sdp('x'), /not a payload type/)
    refuses(sdp('128'), /not a payload type/)
    refuses(sdp(''), /not a payload type/)
    refuses(sdp('101 13', ['a=rtpmap:101 telephone-event/8000']), /without a codec for speech/)
  })

  it('throws UnacceptableMedia or nothing, whatever it is given', () => {
    const line = fc.oneof(
      fc.constantFrom(
        ...sdp('0 96', ['a=rtpmap:96 opus/48000/2', 'a=rtcp:4001', 'a=ptime:20', 'a=rtcp-mux', 'a=sendonly']).split(
          '\r\n',
        ),
      ),
      fc.string({ maxLength: 40 }),
      fc
        .tuple(fc.constantFrom('v', 'o', 'c', 'm', 'a', 's'), fc.string({ maxLength: 40 }))
        .map(([type, value]) => `${type}=${value}`),
    )
    fc.assert(
      fc.property(fc.array(line, { maxLength: 20 }), (lines) => {
        try {
          parse(offered(lines.join('\r\n')))
        } catch (error) {
          assert.ok(error instanceof UnacceptableMedia, String(error))
        }
      }),
      { numRuns: 500 },
    )
  })
})
