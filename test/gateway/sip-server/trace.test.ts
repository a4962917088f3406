import assert from 'node:assert/strict'
import { maskSecrets } from '../../../gateway/sip-server/secrets.ts'
import { TraceStore } from '../../../gateway/sip-server/trace.ts'
import type { Peer, Transport } from '../../../gateway/sip-server/transport.ts'
import { makeAuthority, makeCertificate } from '../../support/certificates.ts'
import { SDP } from '../../support/sip-peer.ts'
import { eventually, TestServer } from '../../support/sip-server.ts'

const TRANSPORT: Transport = {
  name: 'udp',
  isReliable: false,
  host: '10.0.0.1',
  port: 5060,
  send: () => undefined,
  close: () => Promise.resolve(),
}
const PEER: Peer = { transport: TRANSPORT, host: '192.0.2.7', port: 5070, connection: null }
const LIMITS = { maxBytes: 65_536, maxMessagesPerCall: 100, maxCalls: 1000, maxAnswer: 1000 }

/** A message of exactly this many bytes. */
const message = (start: string, callId: string, bytes = 200): string =>
  `${start}\r\nCall-ID: ${callId}\r\n\r\n`.padEnd(bytes, 'x')
const invite = (callId: string, bytes?: number): string => message('INVITE sip:a@b SIP/2.0', callId, bytes)

describe('the SIP trace', () => {
  it('gives back the messages of a call in their order, with who, where and when', () => {
    const store = new TraceStore(LIMITS)
    store.see('in', invite('a'), 'a', PEER, 1000.25)
    store.see('out', invite('b'), 'b', { ...PEER, host: '198.51.100.9', port: 5080 }, 1001)
    store.see('in', message('SIP/2.0 200 OK', 'b'), 'b', PEER, 1002)
    store.see('out', message('SIP/2.0 200 OK', 'a'), 'a', PEER, 1003)
    const { messages, leftOut } = store.find(['b', 'a', 'b', 'never seen'])
    assert.equal(leftOut, 0)
    assert.deepEqual(
      messages.map(({ callId, direction, atMs }) => [callId, direction, atMs]),
      [
        ['a', 'in', 1000.25],
        ['b', 'out', 1001],
        ['b', 'in', 1002],
        ['a', 'out', 1003],
      ],
    )
    assert.deepEqual(messages[1], {
      callId: 'b',
      atMs: 1001,
      direction: 'out',
      transport: 'udp',
      local: { host: '10.0.0.1', port: 5060 },
      remote: { host: '198.51.100.9', port: 5080 },
      text: invite('b'),
      isRetransmission: false,
    })
  })

  it('keeps every byte of a message', () => {
    const store = new TraceStore(LIMITS)
    const text = invite('a') + Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join('')
    store.see('in', text, 'a', PEER, 1)
    assert.equal(store.find(['a']).messages[0]!.text, text)
  })

  it('marks what was sent again, in its own direction only', () => {
    const store = new TraceStore(LIMITS)
    store.see('in', invite('a'), 'a', PEER, 1)
    store.see('in', invite('a'), 'a', PEER, 2)
    store.see('out', invite('a'), 'a', PEER, 3)
    assert.deepEqual(
      store.find(['a']).messages.map((each) => each.isRetransmission),
      [false, true, false],
    )
  })

  it('is begun by an INVITE and by nothing else: a flood of OPTIONS pushes no call out', () => {
    const store = new TraceStore(LIMITS)
    store.see('in', invite('a'), 'a', PEER, 1)
    for (let i = 0; i < 5000; i++) store.see('in', message('OPTIONS sip:b SIP/2.0', `o${i}`), `o${i}`, PEER, i)
    assert.equal(store.calls, 1)
    assert.equal(store.find(['a']).messages.length, 1)
  })

  it('counts the messages of a call beyond its limit instead of keeping them', () => {
    const store = new TraceStore({ ...LIMITS, maxMessagesPerCall: 3 })
    for (let i = 0; i < 10; i++) store.see('in', invite('a'), 'a', PEER, i)
    const { messages, leftOut } = store.find(['a'])
    assert.deepEqual([messages.length, leftOut], [3, 7])
  })

  it('answers with the first messages of what is asked for, and counts the rest', () => {
    const store = new TraceStore({ ...LIMITS, maxAnswer: 3 })
    for (let i = 0; i < 5; i++) store.see('in', invite(`call-${i}`), `call-${i}`, PEER, i)
    const { messages, leftOut } = store.find(['call-4', 'call-3', 'call-2', 'call-1', 'call-0'])
    assert.deepEqual(
      messages.map((each) => each.callId),
      ['call-0', 'call-1', 'call-2'],
    )
    assert.equal(leftOut, 2)
  })

  it('forgets the call that began first when there are too many', () => {
    const store = new TraceStore({ ...LIMITS, maxCalls: 3 })
    for (let i = 0; i < 5; i++) store.see('in', invite(`call-${i}`), `call-${i}`, PEER, i)
    assert.equal(store.calls, 3)
    assert.deepEqual(
      store.find(['call-0', 'call-1', 'call-2', 'call-3', 'call-4']).messages.map((each) => each.callId),
      ['call-2', 'call-3', 'call-4'],
    )
  })

  it('forgets the call that began first when its bytes are used up, and that one whole', () => {
    const store = new TraceStore(LIMITS)
    const [first, second] = ['first', 'second']
    store.see('in', invite(first, 10_000), first, PEER, 1)
    store.see('in', invite(second, 10_000), second, PEER, 2)
    store.see('in', message('ACK sip:a SIP/2.0', first, 10_000), first, PEER, 3)
    for (let i = 0; i < 3; i++) store.see('in', invite(`later${i}`, 10_000), `later${i}`, PEER, 4)
    assert.equal(store.find([first]).messages.length, 2, 'all of it still fits')
    store.see('in', invite('too much', 9_000), 'too much', PEER, 5)
    assert.equal(store.find([first]).messages.length, 0)
    assert.equal(store.find([second]).messages.length, 1)
    assert.equal(store.find(['too much']).messages.length, 1)
    store.see('in', message('BYE sip:a SIP/2.0', first), first, PEER, 6)
    assert.equal(store.find([first]).messages.length, 0, 'a BYE alone begins nothing')
  })

  it('keeps nothing that is larger than all of it', () => {
    const store = new TraceStore(LIMITS)
    store.see('in', invite('a', 65_536), 'a', PEER, 1)
    assert.equal(store.calls, 0)
  })

  it('stays true to what it holds through many times its size', () => {
    const store = new TraceStore(LIMITS)
    const kept: { callId: string; texts: string[] }[] = []
    let seed = 7
    const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below
    for (let i = 0; i < 3000; i++) {
      const callId = `call-${i}`
      const texts = [invite(callId, 60 + random(4000))]
      store.see('in', texts[0]!, callId, PEER, i)
      kept.push({ callId, texts })
      const other = kept[Math.max(0, kept.length - 1 - random(30))]!
      const again = message(`INFO ${i}`, other.callId, 60 + random(2000))
      const alive = store.find([other.callId]).messages.length > 0
      store.see('out', again, other.callId, PEER, i)
      if (alive && store.find([other.callId]).messages.length > 0) other.texts.push(again)
      if (i % 50 !== 0) continue
      for (const { callId: id, texts: expected } of kept.slice(-40)) {
        const { messages } = store.find([id])
        if (messages.length > 0)
          assert.deepEqual(
            messages.map((each) => each.text),
            expected,
          )
      }
    }
    const held = kept.filter(({ callId }) => store.find([callId]).messages.length > 0)
    assert.ok(held.length > 5 && held.length < 60, `${held.length} calls are held`)
    assert.equal(store.calls, held.length)
  })

  it('shows no credentials of folded lines, and not the second key of a line either', () => {
    const text = [
      'INVITE sip:a@b SIP/2.0',
      'Authorization:',
      ' Digest username="bob",',
      '\tresponse="0123456789abcdef"',
      'Proxy-Authorization: Basic',
      ' Ym9iOnNl',
      '  Y3JldA==',
      '',
      'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:firstKey|2^20;INLINE:secondKey',
    ].join('\r\n')
    const masked = maskSecrets(text)
    assert.equal(masked.length, text.length)
    assert.doesNotMatch(masked, /0123456789abcdef|Ym9i|Y3J|firstKey|secondKey/)
    assert.match(masked, /username="bob",\r\n\tresponse="\*{16}"\r\nProxy-Authorization: Basic\r\n/)
  })

  it('shows no credentials, and keeps every length', () => {
    const text = [
      'INVITE sip:a@b SIP/2.0',
      'Authorization: Digest username="bob", realm="dce", nonce="n", uri="sip:b", response="0123456789abcdef"',
      'proxy-authorization:Basic Ym9iOnNlY3JldA==',
      'Subject: Authorization',
      '',
      'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9|2^20|1:4',
    ].join('\r\n')
    const masked = maskSecrets(text)
    assert.equal(masked.length, text.length)
    assert.match(masked, /username="bob", .*response="\*{16}"/)
    assert.match(masked, /proxy-authorization:Basic \*{16}\r\n/)
    assert.match(masked, /inline:\*{32}\|2\^20/)
    assert.match(masked, /Subject: Authorization/)
    const store = new TraceStore(LIMITS)
    store.see('in', text, 'a', PEER, 1)
    assert.equal(store.find(['a']).messages[0]!.text, masked)
  })

  it('masks the key that an INFO tells of, and nothing of other INFOs', () => {
    const info = (type: string, body: string): string =>
      `INFO sip:a@b SIP/2.0\r\n${type}\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    const bodyOf = (type: string, body: string): string => {
      const masked = maskSecrets(info(type, body))
      assert.equal(masked.length, info(type, body).length)
      return masked.slice(masked.indexOf('\r\n\r\n') + 4)
    }
    assert.equal(bodyOf('Content-Type: application/dtmf-relay', 'Signal=5\r\nDuration=160'), 'Signal=*\r\nDuration=160')
    assert.equal(bodyOf('c:application/DTMF-Relay;x=y', 'Duration=160\r\nsignal = 16'), 'Duration=160\r\nsignal = **')
    assert.equal(bodyOf('Content-Type: application/dtmf', '7\r\n'), '*\r\n')
    for (const type of ['Content-Type: text/plain', 'Accept: application/dtmf-relay'])
      assert.equal(bodyOf(type, 'Signal=5'), 'Signal=5')
  })
})

describe('a server that traces', function () {
  this.timeout(90_000)
  const NAMES = ['localhost', '127.0.0.1', '::1']
  for (const [transport, family, inThread] of [
    ['udp', 4, false],
    ['udp', 6, false],
    ['tcp', 4, true],
    ['tls', 4, false],
    ['tls', 6, false],
    ['ws', 4, false],
    ['wss', 4, false],
  ] as const) {
    it(`tells what went over ${transport} and IPv${family}${inThread ? ', from its own thread' : ''}`, async () => {
      const authority = await makeAuthority()
      const ours = await makeCertificate(NAMES, authority)
      const tls = { ...ours, ca: authority.cert }
      const host = family === 4 ? '127.0.0.1' : '::1'
      const server = await TestServer.start({
        inThread,
        listen: [{ transport, host, port: 0 }],
        tls,
        trace: { maxBytes: 1_048_576, maxMessagesPerCall: 100 },
      })
      try {
        await server.srf({ invite: (_req, res) => res.send(486) })
        const peer = await server.peer(transport, { family, certificate: ours })
        const request = peer.request('INVITE', { callId: 'traced-1', body: SDP })
        await peer.receive(486)
        let lines: unknown[] = []
        await eventually(async () => {
          const { messages } = (await server.handle.ask('trace', ['traced-1@test']))!
          lines = messages.map((each) => [each.direction, each.transport, each.text.split('\r\n')[0]])
          return lines.length === 3
        })
        assert.deepEqual(lines, [
          ['in', transport, request.split('\r\n')[0]],
          ['out', transport, 'SIP/2.0 100 Trying'],
          ['out', transport, 'SIP/2.0 486 Busy Here'],
        ])
        const [first] = (await server.handle.ask('trace', ['traced-1@test']))!.messages
        assert.equal(first!.text, request)
        assert.deepEqual(first!.local, { host, port: server.port(transport, family) })
        assert.equal((await server.handle.stats()).tracedCalls, 1)
      } finally {
        await server.close()
      }
    })
  }

  it('remembers nothing when it is not asked to', async () => {
    const server = await TestServer.start()
    try {
      assert.equal(await server.handle.ask('trace', ['a']), null)
      assert.equal((await server.handle.stats()).tracedCalls, null)
    } finally {
      await server.close()
    }
  })
})
